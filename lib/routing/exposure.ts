import { ErrorCode, MeshError } from '../errors';
import type { Redirect } from './redirect';
import { type HttpMatch, intersectAll } from './request-match';
import { Rewrite } from './rewrite';
import type { Route } from './route';
import { accepts, type StringMatch } from './string-match';

/** How an app is seen through a gateway. */
export interface Exposure {
  /** What the gateway matches; none: every request. */
  readonly matches: readonly HttpMatch[];
  /** What the gateway makes of the path and host before the app sees it. */
  readonly rewrite?: Rewrite;
  /** The port of the Service that the gateway forwards to. */
  readonly port: number;
  /** The full name of the Service. */
  readonly host: string;
}

/**
 * A route of an app as it stands at a gateway, so that a request meets the same rule whichever way it comes. The app's rules
 * speak of paths as the app sees them; the gateway matches them before its own rewrite. `undefined` when no request through
 * the gateway meets the route.
 *
 * @throws `unsupported-match`, `unsupported-rewrite` when Istio cannot say the combination in one route
 */
export function atGateway(route: Route, exposure: Exposure): Route | undefined {
  const outer = exposure.matches.length === 0 ? [{}] : exposure.matches;
  const inner = route.matches.length === 0 ? [{}] : route.matches;
  const pairs = outer.flatMap((client) =>
    inner.flatMap((app) => {
      const seen = asClientSees(app, client, exposure);
      return seen === undefined ? [] : intersectAll([client], [seen]).map((match) => ({ match, app, client }));
    }),
  );
  if (pairs.length === 0) {
    return undefined;
  }
  const { app, client } = pairs[0];
  const matchesEverything = pairs.some(({ match }) => Object.keys(match).length === 0);
  return {
    ...route,
    matches: matchesEverything ? [] : pairs.map(({ match }) => match),
    destinations: route.destinations.map((destination) => withPort(destination, exposure)),
    mirrors: route.mirrors?.map((mirror) => ({ ...mirror, destination: withPort(mirror.destination, exposure) })),
    rewrite: composeRewrites(exposure.rewrite, route.rewrite, app, client),
    redirect: route.redirect && asClientIsSent(route.redirect, exposure, client),
  };
}

function withPort<T extends { readonly host: string; readonly port?: number }>(destination: T, { host, port }: Exposure): T {
  return destination.host === host ? { ...destination, port } : destination;
}

/** The app's condition in the client's terms; `undefined` when it cannot hold behind the gateway. */
function asClientSees(app: HttpMatch, client: HttpMatch, exposure: Exposure): HttpMatch | undefined {
  const { port, sourceLabels, sourceNamespace, uri, authority, ...rest } = app;
  // Behind a gateway every caller is the gateway, whose labels no rule of an app means.
  if (sourceLabels !== undefined || sourceNamespace !== undefined || (port !== undefined && port !== exposure.port)) {
    return undefined;
  }
  const host = exposure.rewrite?._authority();
  if (authority !== undefined && host !== undefined && !accepts(authority, host)) {
    return undefined;
  }
  const path = uri === undefined ? ANY : pathAsClientSees(uri, client, exposure);
  if (path === undefined) {
    return undefined;
  }
  return {
    ...rest,
    ...(path !== ANY && { uri: path }),
    ...(authority !== undefined && host === undefined && { authority }),
  };
}

const ANY: StringMatch = {};

function pathAsClientSees(uri: StringMatch, client: HttpMatch, exposure: Exposure): StringMatch | undefined {
  const rewrite = exposure.rewrite?._path();
  if (rewrite === undefined) {
    return uri;
  }
  if (rewrite.kind === 'path') {
    return accepts(uri, rewrite.path) ? ANY : undefined;
  }
  const from = client.uri?.prefix;
  if (rewrite.kind === 'prefix' && from !== undefined) {
    if (rewrite.path === from) {
      return uri;
    }
    if (uri.exact !== undefined) {
      return uri.exact.startsWith(rewrite.path) ? { exact: from + uri.exact.slice(rewrite.path.length) } : undefined;
    }
    if (uri.prefix !== undefined) {
      return uri.prefix.startsWith(rewrite.path)
        ? { prefix: from + uri.prefix.slice(rewrite.path.length) }
        : rewrite.path.startsWith(uri.prefix)
          ? ANY
          : undefined;
    }
  }
  throw new MeshError(
    ErrorCode.UNSUPPORTED_MATCH,
    `the gateway rewrites the path, and the app has a rule for path ${JSON.stringify(uri)}, which cannot be traced back through that rewrite; use exact and prefix matches with Rewrite.prefix or Rewrite.path`,
  );
}

/** The gateway's rewrite, then the app's. */
function composeRewrites(
  gateway: Rewrite | undefined,
  app: Rewrite | undefined,
  inner: HttpMatch,
  client: HttpMatch,
): Rewrite | undefined {
  const first = gateway?._path();
  const second = app?._path();
  const composed =
    first === undefined || second === undefined || second.kind === 'path'
      ? (app ?? gateway)
      : second.kind === 'prefix' && first.kind === 'prefix' && inner.uri?.prefix !== undefined
        ? Rewrite.prefix(second.path + first.path.slice(inner.uri.prefix.length))
        : second.kind === 'prefix' && first.kind === 'path' && inner.uri?.prefix !== undefined
          ? Rewrite.path(second.path + first.path.slice(inner.uri.prefix.length))
          : undefined;
  if (composed === undefined) {
    if (gateway === undefined && app === undefined) {
      return undefined;
    }
    throw new MeshError(
      ErrorCode.UNSUPPORTED_REWRITE,
      `the gateway rewrites ${JSON.stringify(client.uri ?? 'every path')} and so does the app's rule; Istio rewrites once, and these two cannot be made one`,
    );
  }
  const path = composed._path() === undefined ? (gateway ?? composed) : composed;
  const authority = app?._authority() ?? gateway?._authority();
  return authority === undefined ? path : path.withAuthority(authority);
}

/** Where a redirect of the app leads in the client's terms. */
function asClientIsSent(redirect: Redirect, exposure: Exposure, client: HttpMatch): Redirect {
  const rewrite = exposure.rewrite?._path();
  const from = client.uri?.prefix;
  if (rewrite?.kind !== 'prefix' || from === undefined) {
    return redirect;
  }
  return redirect._mapPath((path) => {
    if (!path.startsWith(rewrite.path)) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_REWRITE,
        `the app redirects to '${path}', which no client reaches through a gateway that shows '${rewrite.path}' as '${from}'`,
      );
    }
    return from + path.slice(rewrite.path.length);
  });
}
