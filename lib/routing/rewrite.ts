import { ErrorCode, MeshError } from '../errors';
import { requireHost } from '../limits';
import { requirePath } from './path-match';
import type { HttpMatch } from './request-match';
import { requireRe2 } from './string-match';

/** @internal */
export interface HttpRewrite {
  readonly uri?: string;
  readonly uriRegexRewrite?: { readonly match: string; readonly rewrite: string };
  readonly authority?: string;
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
   * The prefix that the route matched becomes this one; what follows it stays. Needs a route that matches by prefix.
   * @throws `invalid-path` when it does not begin with `/`
   */
  public static prefix(prefix: string): Rewrite {
    return new Rewrite({ kind: 'prefix', path: requirePath(prefix) });
  }

  /**
   * Each part of the path that matches the RE2 expression becomes the substitution, in which `\1` to `\9` stand for its groups.
   * @throws `invalid-regex` when RE2 refuses it
   */
  public static regex(regex: string, substitution: string): Rewrite {
    return new Rewrite({ kind: 'regex', path: requireRe2('rewrite regex', regex), substitution });
  }

  /**
   * The application sees this host.
   * @throws `invalid-host` when it is no DNS name
   */
  public static authority(host: string): Rewrite {
    return new Rewrite(undefined, requireHost(host));
  }

  private constructor(
    private readonly uri?: { readonly kind: 'path' | 'prefix' | 'regex'; readonly path: string; readonly substitution?: string },
    private readonly host?: string,
  ) {}

  /**
   * The same rewrite, and the application sees this host.
   * @throws `invalid-host` when it is no DNS name
   */
  public withAuthority(host: string): Rewrite {
    return new Rewrite(this.uri, requireHost(host));
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
    return wholePath ? { uri: path } : { uriRegexRewrite: { match: '^.*$', rewrite: path.replaceAll('\\', '\\\\') } };
  }

  /** @internal */
  public _authority(): string | undefined {
    return this.host;
  }

  /** @internal */
  public _path(): { readonly kind: 'path' | 'prefix' | 'regex'; readonly path: string } | undefined {
    return this.uri;
  }
}

/** Istio swaps the characters alone: '/shop' for '/' turns '/shop/cart' into '//cart'. */
function requireSlashes(path: string, matches: readonly HttpMatch[]): void {
  for (const { uri } of matches) {
    const prefix = uri?.prefix ?? '';
    if (prefix.endsWith('/') !== path.endsWith('/')) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_REWRITE,
        `prefix '${prefix}' becomes '${path}', so '${prefix.replace(/\/$/, '')}/a' becomes '${path}${prefix.endsWith('/') ? 'a' : '/a'}'; end both with '/' or neither`,
      );
    }
  }
}

/** @internal */
export function requirePrefixMatches(what: string, path: string, matches: readonly HttpMatch[]): void {
  const other = matches.find((match) => match.uri?.prefix === undefined);
  if (matches.length === 0 || other !== undefined) {
    throw new MeshError(
      ErrorCode.UNSUPPORTED_REWRITE,
      `the route ${what} '${path}' but matches ${other === undefined ? 'every path' : JSON.stringify(other)}; match with PathMatch.prefix, or use Rewrite.path or Redirect.path`,
    );
  }
}
