import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { renderDuration, requirePercent } from '../limits';
import { type FaultInjection, renderFault } from '../resilience/fault';
import { DEFAULT_RETRIES, type RetryPolicy, renderRetries } from '../resilience/retries';
import { type CorsPolicy, renderCors } from './cors-policy';
import type { DirectResponse } from './direct-response';
import { type HeaderOperations, requireHeaderOperations } from './header-operations';
import type { Redirect } from './redirect';
import type { HttpMatch } from './request-match';
import type { Rewrite } from './rewrite';

/** Where a share of the requests goes. */
export interface Destination {
  readonly host: string;
  readonly subset?: string;
  readonly port?: number;
  readonly weight?: number;
  readonly headers?: HeaderOperations;
}

/** Where a copy of the requests goes. */
export interface MirrorDestination {
  readonly destination: Destination;
  readonly percent: number;
}

/**
 * One entry of a VirtualService's `http`, before it is written out. No matches: every request.
 */
export interface Route {
  readonly matches: readonly HttpMatch[];
  readonly destinations: readonly Destination[];
  readonly redirect?: Redirect;
  readonly directResponse?: DirectResponse;
  readonly rewrite?: Rewrite;
  readonly headers?: HeaderOperations;
  readonly cors?: CorsPolicy;
  readonly mirrors?: readonly MirrorDestination[];
  readonly timeout?: Duration;
  readonly retries?: RetryPolicy;
  readonly fault?: FaultInjection;
}

/** Renders a route for a VirtualService with these hosts. */
export function renderRoute(route: Route, hosts: readonly string[], construct: IConstruct): Record<string, unknown> {
  const match = route.matches.length === 0 ? undefined : route.matches;
  const common = {
    match,
    headers: route.headers && requireHeaderOperations(route.headers),
    corsPolicy: route.cors && renderCors(route.cors),
  };
  if (route.redirect !== undefined) {
    return { ...common, redirect: route.redirect._render(route.matches, hosts) };
  }
  if (route.directResponse !== undefined) {
    return { ...common, directResponse: route.directResponse._render() };
  }
  return {
    ...common,
    rewrite: route.rewrite?._render(route.matches),
    route: route.destinations.map(renderWeighted),
    mirrors: route.mirrors?.map((mirror) => ({
      destination: renderDestination(mirror.destination),
      percentage: { value: requirePercent('percent of the mirror', mirror.percent, construct) },
    })),
    ...(route.fault === undefined
      ? {
          timeout: route.timeout && renderDuration('timeout', route.timeout, construct),
          retries: renderRetries(route.retries ?? DEFAULT_RETRIES, construct),
        }
      : { fault: renderFault(route.fault, construct) }),
  };
}

/** A destination as Istio writes it in a route. */
export function renderWeighted(destination: Destination): Record<string, unknown> {
  return {
    destination: renderDestination(destination),
    weight: destination.weight,
    headers: destination.headers && requireHeaderOperations(destination.headers),
  };
}

function renderDestination({ host, subset, port }: Destination): Record<string, unknown> {
  return { host, subset, port: port === undefined ? undefined : { number: port } };
}
