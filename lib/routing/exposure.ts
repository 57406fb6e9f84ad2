import { ErrorCode, MeshError } from '../errors';
import type { Redirect } from './redirect';
import { describeMatch, type HttpMatch, intersectAll, matchCovers } from './request-match';
import { narrowPrefix, Rewrite } from './rewrite';
import { joinParts, matchesOf, type Route, toPort } from './route';
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
 * speak of paths as the app sees them; the gateway matches them before its own rewrite. No route when no request through the
 * gateway meets it; several where Istio needs one for each rewrite.
 *
 * @throws `unsupported-match`, `unsupported-rewrite` when Istio cannot say the combination in one route
 */
export function atGateway(route: Route, exposure: Exposure): Route[] {
  const changed = [route.rewrite, route.redirect, exposure.rewrite].some((change) => change !== undefined);
  if (!changed && route.matches.length + exposure.matches.length === 0) {
    return [toPort(route, exposure.host, exposure.port)];
  }
  const parts = matchesOf(exposure).flatMap((client) =>
    matchesOf(route).flatMap((app) => {
      const seen = asClientSees(app, client, exposure);
      return seen === undefined
        ? []
        : intersectAll([client], [seen]).map((match) => ({
            match,
            rewrite: composeRewrites(route.rewrite, { app, client, match }, exposure),
            redirect: route.redirect && asClientIsSent(route.redirect, { app, client, match }, exposure),
          }));
    }),
  );
  return joinParts(toPort(route, exposure.host, exposure.port), parts);
}

/** What the app matches, what the gateway matches, and both together in the client's terms. */
interface Meeting {
  readonly app: HttpMatch;
  readonly client: HttpMatch;
  readonly match: HttpMatch;
}

/** The app's condition in the client's terms; `undefined` when it cannot hold behind the gateway. */
function asClientSees(app: HttpMatch, client: HttpMatch, exposure: Exposure): HttpMatch | undefined {
  const { port, sourceLabels, sourceNamespace, uri, ignoreUriCase, authority, ...rest } = app;
  // Behind a gateway every caller is the gateway, whose labels no rule of an app means.
  if (sourceLabels !== undefined || sourceNamespace !== undefined || (port !== undefined && port !== exposure.port)) {
    return undefined;
  }
  const host = exposure.rewrite?._authority();
  if (authority !== undefined && host !== undefined && !accepts(authority, host)) {
    return undefined;
  }
  const path = uri === undefined ? {} : pathAsClientSees({ uri, ignoreUriCase }, client, exposure);
  return path && { ...rest, ...path, ...(authority !== undefined && host === undefined && { authority }) };
}

/** The app's condition on the path in the client's terms; without a field where every path that the gateway lets through satisfies it. */
function pathAsClientSees(app: HttpMatch, client: HttpMatch, { rewrite: gateway }: Exposure): HttpMatch | undefined {
  const rewrite = gateway?._pathAt(client);
  if (rewrite === undefined) {
    return app;
  }
  const { uri = {} } = app;
  if (rewrite.kind === 'path') {
    return matchCovers(app, { uri: { exact: rewrite.path } }) ? {} : undefined;
  }
  const from = client.uri?.prefix;
  if (rewrite.kind === 'prefix' && from !== undefined) {
    const behind = { uri: { prefix: rewrite.path }, ignoreUriCase: app.ignoreUriCase };
    if (matchCovers(app, behind)) {
      return {};
    }
    if (rewrite.path === from) {
      return app;
    }
    const rest = (uri.exact ?? uri.prefix ?? '').slice(rewrite.path.length);
    if (uri.regex === undefined) {
      return matchCovers(behind, app)
        ? { ...app, uri: uri.exact === undefined ? { prefix: from + rest } : { exact: from + rest } }
        : undefined;
    }
  }
  throw new MeshError(
    ErrorCode.UNSUPPORTED_MATCH,
    `the gateway rewrites the path, and the app has a rule for ${describeMatch({ uri })}, which cannot be traced back through that rewrite; use exact and prefix matches with Rewrite.prefix or Rewrite.path`,
  );
}

/** What the app sees of the path that a client asks for; `undefined` where that cannot be told. */
function pathAsAppSees({ client, match }: Meeting, { rewrite: gateway }: Exposure): StringMatch | undefined {
  const rewrite = gateway?._pathAt(client);
  if (rewrite === undefined) {
    return match.uri;
  }
  if (rewrite.kind === 'path') {
    return { exact: rewrite.path };
  }
  const from = client.uri?.prefix;
  if (rewrite.kind === 'regex' || from === undefined || match.uri === undefined || match.uri.regex !== undefined) {
    return undefined;
  }
  if (match.ignoreUriCase && match.uri.prefix?.length !== from.length) {
    return undefined;
  }
  const { kind, path } = narrowPrefix(from, rewrite.path, match.uri);
  return kind === 'path' ? { exact: path } : { prefix: path };
}

/** The gateway's rewrite, then the app's. */
function composeRewrites(app: Rewrite | undefined, meeting: Meeting, exposure: Exposure): Rewrite | undefined {
  const gateway = exposure.rewrite;
  const path = app?._path() === undefined ? gateway?._narrow(meeting.client, meeting.match) : pathRewrite(app, meeting, exposure);
  const authority = app?._authority() ?? gateway?._authority();
  return authority === undefined ? path : (path ?? Rewrite.authority(authority)).withAuthority(authority);
}

function pathRewrite(app: Rewrite, meeting: Meeting, exposure: Exposure): Rewrite {
  const kind = app._path()?.kind;
  const uri = pathAsAppSees(meeting, exposure);
  const rewrittenTwice = exposure.rewrite?._path() !== undefined;
  if (kind === 'path' || !rewrittenTwice || (kind === 'prefix' && uri !== undefined)) {
    return app._narrow(meeting.app, { ...meeting.match, uri });
  }
  throw new MeshError(
    ErrorCode.UNSUPPORTED_REWRITE,
    `the gateway rewrites ${meeting.client.uri === undefined ? 'every path' : describeMatch({ uri: meeting.client.uri })} and so does the app's rule; Istio rewrites once, and these two cannot be made one`,
  );
}

/** Where a redirect of the app leads in the client's terms. */
function asClientIsSent(redirect: Redirect, meeting: Meeting, exposure: Exposure): Redirect {
  const rewrite = exposure.rewrite?._path();
  if (rewrite === undefined) {
    return redirect._narrow(meeting.app, meeting.match);
  }
  const uri = pathAsAppSees(meeting, exposure);
  const narrowed = redirect._narrow(meeting.app, { ...meeting.match, uri });
  const { authority, uri: target, prefixRewrite } = narrowed._target();
  if (authority !== undefined) {
    // Another host knows nothing of the gateway's paths: it is asked for the path as the app sees it.
    return target === undefined && prefixRewrite === undefined ? narrowed._to(targetOf(uri)) : narrowed;
  }
  const from = prefixOf(meeting.client, exposure);
  const path = target ?? prefixRewrite;
  if (rewrite.kind !== 'prefix' || from === undefined || path === undefined) {
    return narrowed;
  }
  if (!path.startsWith(rewrite.path)) {
    throw new MeshError(
      ErrorCode.UNSUPPORTED_REWRITE,
      `the app redirects to '${path}', which no client reaches through a gateway that shows '${rewrite.path}' as '${from}'`,
    );
  }
  const shown = from + path.slice(rewrite.path.length);
  return narrowed._to(target === undefined ? { prefixRewrite: shown } : { uri: shown });
}

/** The prefix under which clients find what the gateway shows: that of the match, or where a path goes with all below it, that of these. */
function prefixOf({ uri }: HttpMatch, { matches }: Exposure): string | undefined {
  const below = uri?.exact === undefined ? undefined : `${uri.exact}/`;
  return uri?.prefix ?? matches.find((match) => match.uri?.prefix === below)?.uri?.prefix;
}

function targetOf({ exact, prefix }: StringMatch = {}): { uri?: string; prefixRewrite?: string } {
  return exact !== undefined ? { uri: exact } : prefix !== undefined ? { prefixRewrite: prefix } : {};
}
