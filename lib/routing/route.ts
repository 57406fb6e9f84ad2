import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { inConstruct } from '../errors';
import { renderDuration, requirePercent } from '../limits';
import { type FaultInjection, renderFault } from '../resilience/fault';
import { DEFAULT_RETRIES, type RetryPolicy, renderRetries } from '../resilience/retries';
import { type CorsPolicy, renderCors } from './cors-policy';
import type { DirectResponse } from './direct-response';
import { type HeaderOperations, requireHeaderOperations } from './header-operations';
import type { Redirect } from './redirect';
import { coveredTogether, type HttpMatch, intersectAll } from './request-match';
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

/** What of a route depends on its match. */
interface RoutePart {
  readonly match: HttpMatch;
  readonly rewrite?: Rewrite;
  readonly redirect?: Redirect;
}

/** The route to this port of a Service, for all that it sends there. */
export function toPort(route: Route, host: string, port: number): Route {
  const withPort = (destination: Destination) => {
    const { subset, weight, headers } = destination;
    return destination.host === host ? { host, subset, port, weight, headers } : destination;
  };
  return {
    ...route,
    destinations: route.destinations.map(withPort),
    mirrors: route.mirrors?.map((mirror) => ({ ...mirror, destination: withPort(mirror.destination) })),
  };
}

/**
 * The route for those of its requests that satisfy one of `limits` too: none where no request does, several where Istio needs one
 * for each rewrite.
 */
export function limitRoute(route: Route, limits: readonly HttpMatch[]): Route[] {
  const parts = matchesOf(route).flatMap((from) =>
    intersectAll([from], limits).map((match) => ({
      match,
      rewrite: route.rewrite?._narrow(from, match),
      redirect: route.redirect?._narrow(from, match),
    })),
  );
  return joinParts(route, parts);
}

/** The parts as routes, one for each way to rewrite or redirect. */
export function joinParts(route: Route, parts: readonly RoutePart[]): Route[] {
  const groups = new Map<string, RoutePart[]>();
  for (const part of parts) {
    const key = JSON.stringify([part.rewrite, part.redirect]);
    groups.set(key, [...(groups.get(key) ?? []), part]);
  }
  return [...groups.values()].map((group) => ({
    ...route,
    rewrite: group[0].rewrite,
    redirect: group[0].redirect,
    matches: group.some(({ match }) => Object.keys(match).length === 0) ? [] : group.map(({ match }) => match),
  }));
}

/** The routes that some request meets: where routes are limited, one may be left with nothing but what an earlier one takes. */
export function reachable(routes: readonly Route[]): Route[] {
  return routes.filter((route, index) => !takeAll(routes.slice(0, index), route));
}

/** What takes requests. No matches: every request. */
interface Matching {
  readonly matches: readonly HttpMatch[];
}

function takeAll(earlier: readonly Matching[], later: Matching): boolean {
  const taken = earlier.flatMap(matchesOf);
  return matchesOf(later).every((match) => coveredTogether(taken, match));
}

/** Those of the earlier that it needs to take every request of the later one; none where a request is left. */
export function takersOf<T extends Matching>(later: Matching, earlier: readonly T[]): readonly T[] {
  const without = (takers: readonly T[], one: T) => takers.filter((taker) => taker !== one);
  return earlier.length > 0 && takeAll(earlier, later)
    ? earlier.reduceRight((kept, taker) => (takeAll(without(kept, taker), later) ? without(kept, taker) : kept), earlier)
    : [];
}

/** What a route matches; one entry without conditions for every request. */
export function matchesOf({ matches }: Matching): readonly HttpMatch[] {
  return matches.length === 0 ? [{}] : matches;
}

/** Renders a route for a VirtualService with these hosts. */
export function renderRoute(route: Route, hosts: readonly string[], construct: IConstruct): Record<string, unknown> {
  return inConstruct(construct, () => render(route, hosts, construct));
}

function render(route: Route, hosts: readonly string[], construct: IConstruct): Record<string, unknown> {
  const match = route.matches.length === 0 ? undefined : route.matches;
  const common = {
    match,
    headers: route.headers && requireHeaderOperations(route.headers),
    corsPolicy: route.cors && renderCors(route.cors),
  };
  if (route.redirect !== undefined) {
    return { redirect: route.redirect._render(route.matches, hosts), ...common };
  }
  if (route.directResponse !== undefined) {
    return { directResponse: route.directResponse._render(), ...common };
  }
  // Istio ignores timeouts and retries on a route with a fault.
  const { fault, timeout, retries = DEFAULT_RETRIES } = route;
  return {
    rewrite: route.rewrite?._render(route.matches),
    route: route.destinations.map(renderWeighted),
    mirrors: route.mirrors?.map((mirror) => ({
      destination: renderDestination(mirror.destination),
      percentage: { value: requirePercent('percent of the mirror', mirror.percent, construct) },
    })),
    timeout: fault === undefined ? timeout && renderDuration('timeout', timeout, construct) : undefined,
    retries: fault === undefined ? renderRetries(retries, construct) : undefined,
    fault: fault && renderFault(fault, construct),
    ...common,
  };
}

/** A destination as Istio writes it in a route for TCP or TLS, which has no headers. */
export function renderStream(destination: Destination): Record<string, unknown> {
  return { destination: renderDestination(destination), weight: destination.weight };
}

function renderWeighted(destination: Destination): Record<string, unknown> {
  return { headers: destination.headers && requireHeaderOperations(destination.headers), ...renderStream(destination) };
}

function renderDestination({ host, subset, port }: Destination): Record<string, unknown> {
  return { host, subset, port: port === undefined ? undefined : { number: port } };
}
