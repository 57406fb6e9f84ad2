import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { type HttpMatch, matchCovers } from './request-match';
import { matchesOf, type Route } from './route';

// Browsers give up after 20 redirects, curl after 50.
const MOST_REDIRECTS = 50;

/**
 * Refuses redirects of a host that send a client in a circle. What depends on more than the path, or leads to another scheme, host or
 * port, may come to an end.
 * @throws `redirect-loop`
 */
export function requireEnd(routes: readonly Route[], host: string, construct: IConstruct): void {
  const redirecting = routes.filter(({ redirect }) => redirect !== undefined);
  // What an expression matches is not easily told, but where its redirect leads is.
  const starts = [
    ...redirecting.flatMap(matchesOf).map(({ uri }) => uri?.exact ?? uri?.prefix),
    ...redirecting.map(({ redirect }) => redirect?._target().uri),
  ];
  for (const start of new Set(starts)) {
    const circle = follow(start, routes, host);
    if (circle !== undefined) {
      throw new MeshError(
        ErrorCode.REDIRECT_LOOP,
        `redirects on host '${host}' lead a client from ${circle.map(quote).join(' to ')}, and so on without end; let one of them lead to a path that no redirect takes`,
        construct,
      );
    }
  }
}

/** The paths of a circle; `undefined` where none is certain. */
function follow(start: string | undefined, routes: readonly Route[], host: string): string[] | undefined {
  const visited: string[] = [];
  for (let path = start; path !== undefined; path = next(path, routes, host)) {
    const before = visited.indexOf(path);
    visited.push(path);
    if (before >= 0) {
      return visited.slice(before);
    }
    if (visited.length > MOST_REDIRECTS) {
      return visited.slice(0, 4);
    }
  }
  return undefined;
}

/** The path that a client asks for next. */
function next(path: string, routes: readonly Route[], host: string): string | undefined {
  for (const route of routes) {
    for (const match of matchesOf(route)) {
      const { uri, ignoreUriCase, ...further } = match;
      if (matchCovers({ uri, ignoreUriCase }, { uri: { exact: path } })) {
        return Object.keys(further).length > 0 ? undefined : target(route, match, path, host);
      }
    }
  }
  return undefined;
}

function target({ redirect }: Route, { uri }: HttpMatch, path: string, host: string): string | undefined {
  const { uri: whole, prefixRewrite, scheme, port, authority = host } = redirect?._target() ?? {};
  if (redirect === undefined || scheme !== undefined || port !== undefined || authority !== host) {
    return undefined;
  }
  const rest = uri?.exact === undefined ? path.slice(uri?.prefix?.length) : '';
  return prefixRewrite === undefined ? (whole ?? path) : prefixRewrite + rest;
}
