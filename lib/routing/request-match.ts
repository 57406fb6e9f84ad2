import { ErrorCode, MeshError } from '../errors';
import { takesEveryPath } from '../limits';
import { covers, describe, headOf, intersect, type StringMatch } from './string-match';

/** One entry of a route's `match` list as Istio writes it; all its fields must hold. */
export interface HttpMatch {
  readonly uri?: StringMatch;
  readonly ignoreUriCase?: boolean;
  readonly scheme?: StringMatch;
  readonly method?: StringMatch;
  readonly authority?: StringMatch;
  readonly headers?: Record<string, StringMatch>;
  readonly withoutHeaders?: Record<string, StringMatch>;
  readonly queryParams?: Record<string, StringMatch>;
  readonly port?: number;
  readonly sourceLabels?: Record<string, string>;
  readonly sourceNamespace?: string;
  readonly gateways?: string[];
}

/**
 * A condition on a request. Conditions are made by {@link PathMatch}, {@link HeaderMatch}, {@link Cookie}, {@link QueryMatch}
 * and their neighbours, and combined with {@link and} and {@link or}.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export abstract class RequestMatch {
  /**
   * A request that satisfies this condition and the other one.
   * @throws `unsupported-match` when Istio cannot say both at once (two expressions on one path or header)
   * @throws `impossible-match` when no request satisfies both
   */
  public and(other: RequestMatch): RequestMatch {
    const both = intersectAll(this._toMatches(), other._toMatches());
    if (both.length === 0) {
      throw new MeshError(
        ErrorCode.IMPOSSIBLE_MATCH,
        `no request satisfies both ${describeMatches(this._toMatches())} and ${describeMatches(other._toMatches())}`,
      );
    }
    return new CombinedMatch(both);
  }

  /** A request that satisfies this condition or the other one. */
  public or(other: RequestMatch): RequestMatch {
    return new CombinedMatch([...this._toMatches(), ...other._toMatches()]);
  }

  /**
   * The condition as entries of a `match` list, of which one must hold.
   * @internal
   */
  public abstract _toMatches(): HttpMatch[];
}

class CombinedMatch extends RequestMatch {
  public constructor(private readonly matches: HttpMatch[]) {
    super();
  }

  public override _toMatches(): HttpMatch[] {
    return this.matches;
  }
}

/**
 * Every way in which one of `a` and one of `b` hold together; pairs that no request satisfies are left out.
 * @internal
 */
export function intersectAll(a: readonly HttpMatch[], b: readonly HttpMatch[]): HttpMatch[] {
  return a.flatMap((left) => b.map((right) => intersectMatch(left, right)).filter((match) => match !== undefined));
}

function intersectMatch(a: HttpMatch, b: HttpMatch): HttpMatch | undefined {
  if (Object.keys(a).length === 0 || Object.keys(b).length === 0) {
    return { ...a, ...b };
  }
  const path = intersectPaths(a, b);
  if (path === NEVER) {
    return undefined;
  }
  const merged: Record<string, unknown> = { ...path };
  for (const field of ['scheme', 'method', 'authority'] as const) {
    const match = intersectOptional(field, a[field], b[field]);
    if (match === NEVER) {
      return undefined;
    }
    merged[field] = match;
  }
  for (const field of ['headers', 'queryParams'] as const) {
    const match = intersectMaps(a[field], b[field]);
    if (match === NEVER) {
      return undefined;
    }
    merged[field] = match;
  }
  for (const field of ['port', 'sourceNamespace'] as const) {
    if (a[field] !== undefined && b[field] !== undefined && a[field] !== b[field]) {
      return undefined;
    }
    merged[field] = a[field] ?? b[field];
  }
  const labels = { ...a.sourceLabels, ...b.sourceLabels };
  if (Object.entries(a.sourceLabels ?? {}).some(([key, value]) => labels[key] !== value)) {
    return undefined;
  }
  merged.sourceLabels = Object.keys(labels).length > 0 ? labels : undefined;
  merged.withoutHeaders = mergeExclusions(a.withoutHeaders, b.withoutHeaders);
  merged.gateways = a.gateways ?? b.gateways;
  return contradicts(merged) ? undefined : definedOnly(merged);
}

const NEVER = Symbol('no request');

function intersectOptional(what: string, a?: StringMatch, b?: StringMatch): StringMatch | undefined | typeof NEVER {
  return a === undefined || b === undefined ? (a ?? b) : (intersect(what, a, b) ?? NEVER);
}

/** The part of a match that speaks of the path. */
type PathCondition = Pick<HttpMatch, 'uri' | 'ignoreUriCase'>;

function intersectPaths(a: PathCondition, b: PathCondition): PathCondition | typeof NEVER {
  if (a.uri === undefined || b.uri === undefined) {
    return a.uri === undefined ? pathOf(b) : pathOf(a);
  }
  if (isLoose(a) === isLoose(b)) {
    const uri = isLoose(a) ? intersect('path', lowerCase(a.uri), lowerCase(b.uri)) : intersect('path', a.uri, b.uri);
    return uri === undefined ? NEVER : { ...pathOf(a), uri };
  }
  const [loose, strict] = isLoose(a) ? [a, b] : [b, a];
  if (coversPath(loose, strict)) {
    return pathOf(strict);
  }
  if (coversPath(strict, loose)) {
    return pathOf(loose);
  }
  if (intersect('path', lowerCase(a.uri), lowerCase(b.uri)) === undefined) {
    return NEVER;
  }
  throw new MeshError(
    ErrorCode.UNSUPPORTED_MATCH,
    `path must match both ${describe(a.uri)} and ${describe(b.uri)}, of which one ignores case, which Istio cannot say in one route; let both or neither ignore case`,
  );
}

function coversPath(a: PathCondition, b: PathCondition): boolean {
  if (a.uri === undefined || takesEveryPath(a.uri)) {
    return true;
  }
  if (b.uri === undefined || (isLoose(b) && !isLoose(a))) {
    return false;
  }
  return isLoose(a) ? covers(lowerCase(a.uri), lowerCase(b.uri)) : covers(a.uri, b.uri);
}

function pathOf({ uri, ignoreUriCase }: PathCondition): PathCondition {
  return { uri, ignoreUriCase };
}

function isLoose({ ignoreUriCase = false }: PathCondition): boolean {
  return ignoreUriCase;
}

/** What a path in lower case satisfies where the path itself satisfies the match; of an expression only its beginning is known. */
function lowerCase(match: StringMatch): StringMatch {
  return match.exact !== undefined ? { exact: match.exact.toLowerCase() } : { prefix: headOf(match).toLowerCase() };
}

function intersectMaps(
  a: Record<string, StringMatch> | undefined,
  b: Record<string, StringMatch> | undefined,
): Record<string, StringMatch> | undefined | typeof NEVER {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }
  const merged: Record<string, StringMatch> = { ...a };
  for (const [name, match] of Object.entries(b)) {
    const both = intersectOptional(`'${name}'`, a[name], match);
    if (both === NEVER) {
      return NEVER;
    }
    merged[name] = both as StringMatch;
  }
  return merged;
}

function mergeExclusions(
  a: Record<string, StringMatch> | undefined,
  b: Record<string, StringMatch> | undefined,
): Record<string, StringMatch> | undefined {
  if (a === undefined || b === undefined) {
    return a ?? b;
  }
  const merged: Record<string, StringMatch> = { ...a };
  for (const [name, match] of Object.entries(b)) {
    const other = merged[name];
    if (other === undefined || covers(match, other)) {
      merged[name] = match;
    } else if (!covers(other, match)) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_MATCH,
        `header '${name}' must match neither ${describe(other)} nor ${describe(match)}, which Istio cannot say in one route; write one expression`,
      );
    }
  }
  return merged;
}

function contradicts(match: HttpMatch): boolean {
  return Object.entries(match.withoutHeaders ?? {}).some(([name, excluded]) => {
    const wanted = match.headers?.[name];
    return wanted !== undefined && covers(excluded, wanted);
  });
}

function definedOnly(match: Record<string, unknown>): HttpMatch {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined));
}

/**
 * Whether every request that satisfies `b` satisfies `a` too; `false` also where that cannot be told.
 * @internal
 */
export function matchCovers(a: HttpMatch, b: HttpMatch): boolean {
  const strings =
    coversPath(a, b) && (['scheme', 'method', 'authority'] as const).every((field) => coversOptional(a[field], b[field]));
  const maps = (['headers', 'queryParams', 'withoutHeaders'] as const).every((field) =>
    Object.entries(a[field] ?? {}).every(([name, match]) =>
      field === 'withoutHeaders'
        ? b[field]?.[name] !== undefined && covers(b[field][name], match)
        : coversOptional(match, b[field]?.[name]),
    ),
  );
  const values = (['port', 'sourceNamespace'] as const).every((field) => a[field] === undefined || a[field] === b[field]);
  const labels = Object.entries(a.sourceLabels ?? {}).every(([key, value]) => b.sourceLabels?.[key] === value);
  const gateways = a.gateways === undefined || b.gateways?.every((gateway) => a.gateways?.includes(gateway)) === true;
  return strings && maps && values && labels && gateways;
}

/**
 * Whether every request that satisfies `match` satisfies one of `others`; `false` also where that cannot be told. Where one of them asks
 * that a header is not so, requests with it and without it may be taken by two.
 * @internal
 */
export function coveredTogether(others: readonly HttpMatch[], match: HttpMatch): boolean {
  const isTaken = (part: HttpMatch) => others.some((other) => matchCovers(other, part));
  const exclusions = others.flatMap(({ withoutHeaders = {} }) => Object.entries(withoutHeaders));
  return (
    isTaken(match) ||
    exclusions.some(
      ([name, excluded]) =>
        isTaken({ ...match, headers: { ...match.headers, [name]: excluded } }) &&
        isTaken({ ...match, withoutHeaders: { ...match.withoutHeaders, [name]: excluded } }),
    )
  );
}

function coversOptional(a: StringMatch | undefined, b: StringMatch | undefined): boolean {
  return a === undefined || (b !== undefined && covers(a, b));
}

/** @internal */
export function describeMatches(matches: readonly HttpMatch[]): string {
  return matches.length === 0 ? 'every request' : matches.map(describeMatch).join(' or ');
}

/** @internal */
export function describeMatch(match: HttpMatch): string {
  const { uri, ignoreUriCase, scheme, method, authority, headers, withoutHeaders, queryParams, port } = match;
  const { sourceLabels, sourceNamespace } = match;
  const named = (what: string, values: Record<string, StringMatch> = {}) =>
    Object.entries(values).map(([name, value]) => `${what} '${name}' ${describe(value)}`);
  const conditions = [
    uri && `path ${describe(uri)}${ignoreUriCase ? ' in any case' : ''}`,
    scheme && `scheme ${describe(scheme)}`,
    method && `method ${describe(method)}`,
    authority && `host ${describe(authority)}`,
    ...named('header', headers),
    ...named('no header', withoutHeaders),
    ...named('query parameter', queryParams),
    port && `port ${port}`,
    ...Object.entries(sourceLabels ?? {}).map(([label, value]) => `label ${label}=${value} of the caller`),
    sourceNamespace && `namespace ${sourceNamespace} of the caller`,
  ];
  return conditions.filter((condition) => condition !== undefined).join(' and ') || 'every request';
}
