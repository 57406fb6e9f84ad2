import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { matchesRe2, mistakeInRe2 } from './re2';

/** Istio's `StringMatch` as it stands in the YAML; without a field it asks only for presence. */
export interface StringMatch {
  readonly exact?: string;
  readonly prefix?: string;
  readonly regex?: string;
}

const MAX_REGEX_BYTES = 1024;

/** A pattern that a user wrote, if Istio takes it: RE2 syntax, 1 to 1024 bytes. */
export function requireRe2(what: string, regex: string): string {
  requireRegexLength(what, regex);
  const mistake = regex === '' ? 'it is empty' : mistakeInRe2(regex);
  if (mistake !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_REGEX,
      `${what} is '${regex}', which is no RE2 expression (${mistake}); see https://github.com/google/re2/wiki/Syntax`,
    );
  }
  return regex;
}

/** A pattern that is made of escaped text, and so right but for its length. */
export function requireRegexLength(what: string, regex: string): string {
  const bytes = Buffer.byteLength(regex);
  if (bytes > MAX_REGEX_BYTES) {
    throw new MeshError(ErrorCode.INVALID_REGEX, `${what} has ${bytes} bytes; Istio takes at most ${MAX_REGEX_BYTES}`);
  }
  return regex;
}

/** Characters that a value begins with. Istio refuses a prefix without any. */
export function requirePrefix(code: ErrorCode, what: string, prefix: string): string {
  if (prefix === '') {
    throw new MeshError(code, `prefix of ${what} is ${quote(prefix)}; it must hold at least one character`);
  }
  return prefix;
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
  const [expression, prefix] = a.prefix === undefined ? [a, b.prefix] : [b, a.prefix];
  if (prefix !== undefined) {
    const head = what === 'path' ? pathHead(expression) : headOf(expression);
    if (head.startsWith(prefix)) {
      return expression;
    }
    if (!prefix.startsWith(head)) {
      return undefined;
    }
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
  return a.prefix !== undefined && headOf(b).startsWith(a.prefix);
}

/** What every value that satisfies the match begins with, as far as that is easily told. */
export function headOf({ exact, prefix, regex }: StringMatch): string {
  return exact ?? prefix ?? (regex === undefined ? '' : literalHead(regex));
}

function pathHead(match: StringMatch): string {
  return headOf(match) || '/';
}

/** The literal characters at the beginning of an expression; none where it has alternatives. */
function literalHead(regex: string): string {
  if (regex.includes('|')) {
    return '';
  }
  const [whole, literals] = /^\^?((?:[^\\^$.*+?()[\]{}]|\\[^A-Za-z0-9])*)/.exec(regex) ?? ['', ''];
  const characters = literals.match(/\\?./gsu) ?? [];
  const repeated = '*+?{'.includes(regex.charAt(whole.length) || ' ');
  return (repeated ? characters.slice(0, -1) : characters).map((character) => character.replace(/^\\/, '')).join('');
}

export function describe(match: StringMatch): string {
  const [kind, value] = Object.entries(match)[0] ?? ['present', ''];
  return kind === 'present' ? kind : `${kind} '${value}'`;
}

function isPresence(match: StringMatch): boolean {
  return match.exact === undefined && match.prefix === undefined && match.regex === undefined;
}

function sameMatch(a: StringMatch, b: StringMatch): boolean {
  return a.exact === b.exact && a.prefix === b.prefix && a.regex === b.regex;
}
