import fc from 'fast-check';
import { RE2JS } from 're2js';
import type { HttpMatch } from '../../lib/routing/request-match';
import { accepts, type StringMatch } from '../../lib/routing/string-match';

// What Envoy does with the routes that Istio makes of a VirtualService, as far as tests need it.

/** A request as a proxy sees it. */
export interface Request {
  readonly path: string;
  readonly method: string;
  readonly authority: string;
  readonly headers: Record<string, string>;
  readonly query: Record<string, string>;
  /** The port that the client addressed. */
  readonly port: number;
}

/** A request whose values often meet conditions on few letters. */
export const someRequest: fc.Arbitrary<Request> = fc.record({
  path: fc.constantFrom('/', '/a', '/A', '/a/b', '/A/B', '/ab', '/b', '/b/a', '/x/a', '/x/a/b', '/x/', '/x', '/x/b'),
  method: fc.constantFrom('GET', 'POST'),
  authority: fc.constantFrom('shop.example.com', 'other.example.com'),
  headers: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('', '/a', '/A', '/a/b', '/b'), { maxKeys: 2 }),
  query: fc.dictionary(fc.constantFrom('x', 'y'), fc.constantFrom('', '/a', '/b'), { maxKeys: 2 }),
  port: fc.constantFrom(80, 81),
});

export interface HttpRoute {
  readonly match?: HttpMatch[];
  readonly redirect?: { uri?: string; prefixRewrite?: string; authority?: string; scheme?: string; port?: number };
  readonly directResponse?: object;
  readonly rewrite?: { uri?: string; uriRegexRewrite?: { match: string; rewrite: string }; authority?: string };
  readonly route?: { destination: { host: string; subset?: string; port?: { number: number } }; weight?: number }[];
  readonly timeout?: string;
  readonly fault?: object;
}

/** What becomes of a request. */
export interface Outcome {
  /** The shares of the subsets, or the kind of answer that the proxy gives itself. */
  readonly to: string;
  /** The path that the app sees, or the client is sent to. */
  readonly path?: string;
  /** The host that the app sees, or the client is sent to. */
  readonly authority?: string;
  readonly timeout?: string;
  readonly fault?: object;
}

/** The first route that a request meets decides; without any it is answered with 404. */
export function outcome(routes: readonly HttpRoute[], request: Request): Outcome | undefined {
  for (const route of routes) {
    const match = (route.match ?? [{}]).find((condition) => meets(condition, request));
    if (match !== undefined) {
      return outcomeOf(route, match, request);
    }
  }
  return undefined;
}

function outcomeOf(
  { route, redirect, directResponse, rewrite, timeout, fault }: HttpRoute,
  match: HttpMatch,
  request: Request,
): Outcome {
  if (redirect !== undefined) {
    const path =
      redirect.prefixRewrite === undefined ? (redirect.uri ?? request.path) : swap(redirect.prefixRewrite, match, request.path);
    return { to: `${redirect.scheme ?? ''} redirect ${redirect.port ?? ''}`, path, authority: redirect.authority };
  }
  if (directResponse !== undefined) {
    return { to: JSON.stringify(directResponse) };
  }
  const { uri, uriRegexRewrite, authority } = rewrite ?? {};
  const path =
    uriRegexRewrite !== undefined
      ? RE2JS.compile(uriRegexRewrite.match).matcher(request.path).replaceAll(substitution(uriRegexRewrite.rewrite))
      : uri === undefined
        ? request.path
        : swap(uri, match, request.path);
  const to = (route ?? []).map(({ destination, weight }) => `${destination.host}/${destination.subset}:${weight}`).join(' ');
  return { to, path, authority, timeout, fault };
}

/** Envoy swaps the matched prefix; under any other match it swaps the whole path. */
function swap(replacement: string, { uri }: HttpMatch, path: string): string {
  const prefix = uri === undefined ? '/' : uri.prefix;
  return prefix === undefined ? replacement : replacement + path.slice(prefix.length);
}

/** RE2 calls a group `\1`, its port to JavaScript `$1`. */
function substitution(rewrite: string): string {
  return rewrite.replace(/\\(\d)|\$/g, (text, group) => (text === '$' ? '\\$' : `$${group}`));
}

/** Whether a request satisfies one entry of a `match` list. */
export function meets(match: HttpMatch, request: Request): boolean {
  const { uri, ignoreUriCase = false, method, authority, headers = {}, withoutHeaders = {}, queryParams = {}, port } = match;
  return (
    (uri === undefined || acceptsPath(uri, request.path, ignoreUriCase)) &&
    (method === undefined || accepts(method, request.method)) &&
    (authority === undefined || accepts(authority, request.authority)) &&
    Object.entries(headers).every(
      ([name, wanted]) => request.headers[name] !== undefined && accepts(wanted, request.headers[name]),
    ) &&
    Object.entries(queryParams).every(
      ([name, wanted]) => request.query[name] !== undefined && accepts(wanted, request.query[name]),
    ) &&
    Object.entries(withoutHeaders).every(([name, excluded]) => isExcluded(excluded, request.headers[name])) &&
    (port === undefined || port === request.port)
  );
}

/** Istio treats a missing header as an empty one, unless it asks for presence alone. */
function isExcluded(excluded: StringMatch, value: string | undefined): boolean {
  return Object.keys(excluded).length === 0 ? value === undefined : !accepts(excluded, value ?? '');
}

function acceptsPath(uri: StringMatch, path: string, ignoreCase: boolean): boolean {
  if (!ignoreCase || uri.regex !== undefined) {
    return accepts(uri, path);
  }
  const lower = Object.fromEntries(Object.entries(uri).map(([kind, text]) => [kind, text.toLowerCase()]));
  return accepts(lower, path.toLowerCase());
}
