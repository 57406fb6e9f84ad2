import { ErrorCode, MeshError } from '../errors';
import { isHostOf, quote, requireHostName, requirePort } from '../limits';
import { requirePath } from './path-match';
import { describeMatch, type HttpMatch, matchCovers } from './request-match';
import { narrowPrefix, requirePrefixMatches } from './rewrite';
import { accepts } from './string-match';

/**
 * The status of a redirect.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-redirection-3xx
 */
export enum RedirectCode {
  /** 301; a client may turn POST into GET. */
  MOVED_PERMANENTLY = 301,
  /** 302; a client may turn POST into GET. */
  FOUND = 302,
  /** 303; a client asks again with GET. */
  SEE_OTHER = 303,
  /** 307; a client asks again in the same way. */
  TEMPORARY_REDIRECT = 307,
  /** 308; a client asks again in the same way, from now on. */
  PERMANENT_REDIRECT = 308,
}

/** Options of a {@link Redirect}. */
export interface RedirectOptions {
  /**
   * The status of the answer.
   * @default RedirectCode.MOVED_PERMANENTLY
   */
  readonly code?: RedirectCode;
  /**
   * The host that the client is sent to.
   * @default - the host it asked for
   */
  readonly authority?: string;
  /**
   * `http` or `https`.
   * @default - the scheme it asked with
   */
  readonly scheme?: string;
  /**
   * The port that the client is sent to. Istio leaves out the scheme's own (80 for `http`, 443 for `https`), as if it were not said.
   * @default - with `authority` the scheme's own; else the one it asked for, and where the scheme changes, the new one's own in place of
   * the old one's own
   */
  readonly port?: number;
}

/** @internal */
export interface HttpRedirect {
  readonly uri?: string;
  readonly prefixRewrite?: string;
  readonly authority?: string;
  readonly scheme?: string;
  readonly port?: number;
  readonly redirectCode: number;
}

/**
 * An answer that sends the client elsewhere. The query stays.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRedirect
 */
export class Redirect {
  /**
   * To this path.
   * @throws `invalid-path` when it does not begin with `/`
   * @throws `invalid-host` when `authority` is no DNS name
   * @throws `out-of-range` when the port is not 1 to 65535, or the scheme neither `http` nor `https`
   */
  public static path(path: string, options: RedirectOptions = {}): Redirect {
    return new Redirect({ uri: requirePath(path) }, options);
  }

  /**
   * To the same path with this in place of the prefix that the route matched. A path that the route matches exactly is replaced as a
   * whole. Needs a route that matches by prefix, exactly, or both ({@link PathMatch.below}), and Istio 1.31 or newer.
   * @throws `invalid-path` when it does not begin with `/`
   * @throws `invalid-host` when `authority` is no DNS name
   * @throws `out-of-range` when the port is not 1 to 65535, or the scheme neither `http` nor `https`
   */
  public static prefix(prefix: string, options: RedirectOptions = {}): Redirect {
    return new Redirect({ prefixRewrite: requirePath(prefix) }, options);
  }

  /**
   * To the same path on another host.
   * @throws `invalid-host` when it is no DNS name
   * @throws `out-of-range` when the port is not 1 to 65535, or the scheme neither `http` nor `https`
   */
  public static authority(host: string, options: RedirectOptions = {}): Redirect {
    return new Redirect({}, { ...options, authority: host });
  }

  /**
   * To the same host and path by `https`.
   * @throws `invalid-host` when `authority` is no DNS name
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static https(options: RedirectOptions = {}): Redirect {
    return new Redirect({}, { ...options, scheme: 'https' });
  }

  private readonly redirect: HttpRedirect;

  private constructor(target: { readonly uri?: string; readonly prefixRewrite?: string }, options: RedirectOptions) {
    if (options.authority !== undefined) {
      requireHostName(options.authority);
    }
    if (options.port !== undefined) {
      requirePort('redirect port', options.port);
    }
    if (options.scheme !== undefined && !['http', 'https'].includes(options.scheme)) {
      throw new MeshError(ErrorCode.OUT_OF_RANGE, `redirect scheme is '${options.scheme}'; allowed are http, https`);
    }
    this.redirect = {
      ...target,
      ...(options.authority !== undefined && { authority: options.authority }),
      ...(options.scheme !== undefined && { scheme: options.scheme }),
      ...(options.port !== undefined && { port: options.port }),
      redirectCode: options.code ?? RedirectCode.MOVED_PERMANENTLY,
    };
  }

  /**
   * @throws `redirect-loop` when the client's next request would meet the same route again
   * @internal
   */
  public _render(matches: readonly HttpMatch[], hosts: readonly string[]): HttpRedirect {
    if (this.redirect.prefixRewrite !== undefined) {
      requirePrefixMatches('redirects the prefix to', this.redirect.prefixRewrite, matches);
    }
    const again = (matches.length === 0 ? [{}] : matches).find((match) => this.meetsAgain(match, hosts));
    if (again !== undefined) {
      throw new MeshError(
        ErrorCode.REDIRECT_LOOP,
        `redirect to ${this.describe()} meets its own route again (${describeMatch(again)}), so a client loops; redirect to a path, host or scheme that the route does not match`,
      );
    }
    return this.redirect;
  }

  private describe(): string {
    const { uri, prefixRewrite, authority, scheme, port } = this.redirect;
    const target = { path: uri, prefix: prefixRewrite, host: authority, scheme, port };
    return Object.entries(target)
      .flatMap(([what, value]) => (value === undefined ? [] : `${what} ${quote(value)}`))
      .join(', ');
  }

  private meetsAgain(match: HttpMatch, hosts: readonly string[]): boolean {
    const { authority, scheme, port = schemePort(scheme), uri, prefixRewrite } = this.redirect;
    const otherHost = authority !== undefined && !hosts.some((host) => isHostOf(host, authority));
    const otherScheme = scheme !== undefined && match.scheme !== undefined && !accepts(match.scheme, scheme);
    const otherPort = match.port !== undefined && port !== undefined && port !== match.port;
    if (otherHost || otherScheme || otherPort || this.changesMethod(match)) {
      return false;
    }
    if (authority !== undefined && match.authority !== undefined && !accepts(match.authority, authority)) {
      return false;
    }
    const { uri: wanted, ignoreUriCase } = match;
    const swapped = wanted?.exact === undefined ? { prefix: prefixRewrite } : { exact: prefixRewrite };
    const next = uri !== undefined ? { exact: uri } : prefixRewrite !== undefined ? swapped : wanted;
    return matchCovers({ uri: wanted, ignoreUriCase }, { uri: next, ignoreUriCase });
  }

  /** A client that is sent elsewhere with 303 asks with GET; one that asked with HEAD keeps it. */
  private changesMethod({ method }: HttpMatch): boolean {
    const { redirectCode } = this.redirect;
    return (
      redirectCode === RedirectCode.SEE_OTHER && method !== undefined && !['GET', 'HEAD'].some((next) => accepts(method, next))
    );
  }

  /**
   * The same redirect for a route that matched `from` and now matches the narrower `to`: Istio swaps the prefix that is matched.
   * @throws `unsupported-rewrite` when the rest of the path is not known to the letter
   * @internal
   */
  public _narrow(from: HttpMatch, to: HttpMatch): Redirect {
    const { prefixRewrite } = this.redirect;
    const prefix = from.uri?.prefix;
    const { uri, ignoreUriCase } = to;
    if (prefixRewrite === undefined || prefix === undefined || uri?.prefix?.length === prefix.length) {
      return this;
    }
    if (uri === undefined || uri.regex !== undefined || ignoreUriCase) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_REWRITE,
        `the redirect of prefix '${prefix}' to '${prefixRewrite}' would have to hold for ${describeMatch({ uri, ignoreUriCase })}, which Istio cannot say; use exact and prefix matches that heed case`,
      );
    }
    const { kind, path } = narrowPrefix(prefix, prefixRewrite, uri);
    return this._to(kind === 'path' ? { uri: path } : { prefixRewrite: path });
  }

  /** @internal */
  public _target(): HttpRedirect {
    return this.redirect;
  }

  /**
   * The same redirect to another path.
   * @internal
   */
  public _to(target: { readonly uri?: string; readonly prefixRewrite?: string }): Redirect {
    const { uri: _uri, prefixRewrite: _prefix, redirectCode, ...rest } = this.redirect;
    return new Redirect(target, { ...rest, code: redirectCode });
  }
}

const SCHEME_PORTS: Record<string, number> = { http: 80, https: 443 };

function schemePort(scheme: string | undefined): number | undefined {
  return scheme === undefined ? undefined : SCHEME_PORTS[scheme];
}
