import { ErrorCode, MeshError } from '../errors';
import { requireHostName } from '../limits';
import { requirePath } from './path-match';
import { countGroups, escapeRe2 } from './re2';
import { describeMatch, type HttpMatch } from './request-match';
import { requireRe2, type StringMatch } from './string-match';

/** @internal */
export interface HttpRewrite {
  readonly uri?: string;
  readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
  readonly authority?: string;
}

/** What becomes of the path: `path` is the new path, the new prefix, or the expression that is substituted. */
interface PathRewrite {
  readonly kind: 'path' | 'prefix' | 'regex';
  readonly path: string;
  readonly substitution?: string;
}

/**
 * What the application sees in place of the path (and host) that the client asked for. The query stays.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRewrite
 */
export class Rewrite {
  /**
   * The whole path becomes this one.
   * @throws `invalid-path` when it does not begin with `/`
   */
  public static path(path: string): Rewrite {
    return new Rewrite({ kind: 'path', path: requirePath(path) });
  }

  /**
   * The prefix that the route matched becomes this one; what follows it stays. A path that the route matches exactly is replaced as a
   * whole. Needs a route that matches by prefix, exactly, or both ({@link PathMatch.below}).
   * @throws `invalid-path` when it does not begin with `/`
   */
  public static prefix(prefix: string): Rewrite {
    return new Rewrite({ kind: 'prefix', path: requirePath(prefix) });
  }

  /**
   * Each part of the path that matches the RE2 expression becomes the substitution, in which `\1` to `\9` stand for its groups.
   * `\\` stands for one backslash.
   * @throws `invalid-regex` when RE2 refuses it, or the substitution is empty or names a group that the expression lacks
   */
  public static regex(regex: string, substitution: string): Rewrite {
    requireRe2('rewrite regex', regex);
    requireSubstitution(regex, substitution);
    return new Rewrite({ kind: 'regex', path: regex, substitution });
  }

  /**
   * The application sees this host.
   * @throws `invalid-host` when it is no DNS name
   */
  public static authority(host: string): Rewrite {
    return new Rewrite(undefined, requireHostName(host));
  }

  private constructor(
    private readonly uri?: PathRewrite,
    private readonly host?: string,
  ) {}

  /**
   * The same rewrite, and the application sees this host.
   * @throws `invalid-host` when it is no DNS name
   */
  public withAuthority(host: string): Rewrite {
    return new Rewrite(this.uri, requireHostName(host));
  }

  /** @internal */
  public _render(matches: readonly HttpMatch[]): HttpRewrite {
    return { ...this.renderPath(matches), ...(this.host !== undefined && { authority: this.host }) };
  }

  private renderPath(matches: readonly HttpMatch[]): HttpRewrite {
    if (this.uri === undefined) {
      return {};
    }
    const { kind, path, substitution } = this.uri;
    if (kind === 'regex') {
      return { uriRegexRewrite: { match: path, rewrite: substitution ?? '' } };
    }
    if (kind === 'prefix') {
      requirePrefixMatches('rewrites the prefix to', path, matches);
      requireSlashes(path, matches);
      return { uri: path };
    }
    // `uri` replaces the whole path except under a prefix match, where it replaces the prefix alone.
    const wholePath = matches.length > 0 && matches.every((match) => match.uri !== undefined && match.uri.prefix === undefined);
    return wholePath ? { uri: path } : { uriRegexRewrite: { match: '^.*$', rewrite: escapeSubstitution(path) } };
  }

  /** @internal */
  public _authority(): string | undefined {
    return this.host;
  }

  /** @internal */
  public _path(): PathRewrite | undefined {
    return this.uri;
  }

  /**
   * What becomes of the paths that a match takes: one that it takes exactly is replaced as a whole.
   * @internal
   */
  public _pathAt({ uri }: HttpMatch): PathRewrite | undefined {
    return this.uri?.kind === 'prefix' && uri?.exact !== undefined ? { kind: 'path', path: this.uri.path } : this.uri;
  }

  /**
   * The same rewrite for a route that matched `from` and now matches the narrower `to`: Istio swaps the prefix that is matched.
   * @internal
   */
  public _narrow(from: HttpMatch, to: HttpMatch): Rewrite {
    const prefix = from.uri?.prefix;
    const { uri, ignoreUriCase } = to;
    if (this.uri?.kind !== 'prefix' || prefix === undefined || uri === undefined || uri.prefix?.length === prefix.length) {
      return this;
    }
    // Where the rest of the path is not known to the letter, an expression leaves it as it is.
    if (uri.regex !== undefined || ignoreUriCase) {
      const regex = `^${from.ignoreUriCase || ignoreUriCase ? '(?i)' : ''}${escapeRe2(prefix)}`;
      return new Rewrite({ kind: 'regex', path: regex, substitution: escapeSubstitution(this.uri.path) }, this.host);
    }
    return new Rewrite(narrowPrefix(prefix, this.uri.path, uri), this.host);
  }
}

/** Where `prefix` becomes `path`: what the longer prefix or the whole path becomes. */
export function narrowPrefix(prefix: string, path: string, uri: StringMatch): { kind: 'path' | 'prefix'; path: string } {
  const rest = (uri.exact ?? uri.prefix ?? '').slice(prefix.length);
  return { kind: uri.exact === undefined ? 'prefix' : 'path', path: path + rest };
}

function escapeSubstitution(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

function requireSubstitution(regex: string, substitution: string): void {
  const escapes = [...substitution.matchAll(/\\(.?)/gs)].map(([, escaped]) => escaped);
  const groups = countGroups(regex);
  const wrong = escapes.find((escaped) => escaped !== '\\' && !(/\d/.test(escaped) && Number(escaped) <= groups));
  if (substitution === '' || wrong !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_REGEX,
      wrong === undefined
        ? `substitution for '${regex}' is empty, which Istio refuses; write the path that is left, such as '/'`
        : `substitution for '${regex}' is '${substitution}', and '\\${wrong}' names none of its ${groups} groups`,
    );
  }
}

/** Istio swaps the characters alone: '/shop' for '/' turns '/shop/cart' into '//cart'. */
function requireSlashes(path: string, matches: readonly HttpMatch[]): void {
  for (const { uri: { prefix } = {} } of matches) {
    if (prefix !== undefined && prefix.endsWith('/') !== path.endsWith('/')) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_REWRITE,
        `prefix '${prefix}' becomes '${path}', so '${prefix.replace(/\/$/, '')}/a' becomes '${path}${prefix.endsWith('/') ? 'a' : '/a'}'; end both with '/' or neither`,
      );
    }
  }
}

/** @internal */
export function requirePrefixMatches(what: string, path: string, matches: readonly HttpMatch[]): void {
  const other = matches.find(({ uri }) => uri?.prefix === undefined && uri?.exact === undefined);
  if (matches.length === 0 || other !== undefined) {
    throw new MeshError(
      ErrorCode.UNSUPPORTED_REWRITE,
      `the route ${what} '${path}' but matches ${other === undefined ? 'every path' : describeMatch(other)}; match with PathMatch.prefix or PathMatch.below, or use Rewrite.path or Redirect.path`,
    );
  }
}
