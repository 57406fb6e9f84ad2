import { ErrorCode, MeshError } from '../errors';
import { isRe2, matchesRe2 } from './re2';

/** Istio's `StringMatch` as it stands in the YAML; without a field it asks only for presence. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

/** A pattern that Envoy takes: RE2 syntax, at least one character. */
export function requireRe2(what: string, regex: string): string {
  if (regex === '' || !isRe2(regex)) {
    throw new MeshError(
      ErrorCode.INVALID_REGEX,
      `${what} is '${regex}', which is no RE2 expression; see https://github.com/google/re2/wiki/Syntax (no look-around, no back-references)`,
    );
  }
  return regex;
}

/** Whether a value satisfies the match. Envoy's regular expressions cover the whole value. */
export function accepts(match: StringMatch, value: string): boolean {
  if (match.exact !== undefined) {
    return value === match.exact;
  }
  if (match.prefix !== undefined) {
    return value.startsWith(match.prefix);
  }
  return match.regex === undefined || matchesRe2(match.regex, value);
}

/**
 * The match that holds exactly when both hold; `undefined` when no value satisfies both.
 *
 * @throws `unsupported-match` when no single `StringMatch` says it (a regex together with a prefix or another regex)
 */
export function intersect(what: string, a: StringMatch, b: StringMatch): StringMatch | undefined {
  if (isPresence(a) || sameMatch(a, b)) {
    return b;
  }
  if (isPresence(b)) {
    return a;
  }
  if (a.exact !== undefined) {
    return accepts(b, a.exact) ? a : undefined;
  }
  if (b.exact !== undefined) {
    return accepts(a, b.exact) ? b : undefined;
  }
  if (a.prefix !== undefined && b.prefix !== undefined) {
    return a.prefix.startsWith(b.prefix) ? a : b.prefix.startsWith(a.prefix) ? b : undefined;
  }
  if (a.prefix === '/' && what === 'path') {
    return b;
  }
  if (b.prefix === '/' && what === 'path') {
    return a;
  }
  throw new MeshError(
    ErrorCode.UNSUPPORTED_MATCH,
    `${what} must match both ${describe(a)} and ${describe(b)}, which Istio cannot say in one route; write the intersection as one expression`,
  );
}

/** Whether every value that satisfies `b` satisfies `a`; `false` also where that cannot be told. */
export function covers(a: StringMatch, b: StringMatch): boolean {
  if (isPresence(a) || sameMatch(a, b)) {
    return true;
  }
  if (b.exact !== undefined) {
    return accepts(a, b.exact);
  }
  return a.prefix !== undefined && (b.prefix?.startsWith(a.prefix) ?? false);
}

export function describe(match: StringMatch): string {
  const [kind, value] = Object.entries(match)[0] ?? ['present', ''];
  return value === '' ? kind : `${kind} '${value}'`;
}

function isPresence(match: StringMatch): boolean {
  return match.exact === undefined && match.prefix === undefined && match.regex === undefined;
}

function sameMatch(a: StringMatch, b: StringMatch): boolean {
  return a.exact === b.exact && a.prefix === b.prefix && a.regex === b.regex;
}
