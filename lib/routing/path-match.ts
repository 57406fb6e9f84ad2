import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { escapeRe2 } from './re2';
import { type HttpMatch, RequestMatch } from './request-match';
import { headOf, requireRe2, requireRegexLength, type StringMatch } from './string-match';

/** Options of a {@link PathMatch}. */
export interface PathMatchOptions {
  /**
   * Whether upper and lower case count as the same. Istio does so for exact and prefix matches only.
   * @default false
   */
  readonly ignoreCase?: boolean;
}

/**
 * A condition on the request's path, without its query.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class PathMatch extends RequestMatch {
  /**
   * The path and nothing else.
   * @throws `invalid-path` when it does not begin with `/` or holds a query, a fragment or a blank
   */
  public static exact(path: string, options: PathMatchOptions = {}): PathMatch {
    return new PathMatch([{ exact: requirePath(path) }], options);
  }

  /**
   * Every path that begins with these characters: `/shop` also matches `/shopping`, as everywhere in Istio. {@link below} does not.
   * @throws `invalid-path` when it does not begin with `/` or holds a query, a fragment or a blank
   */
  public static prefix(path: string, options: PathMatchOptions = {}): PathMatch {
    return new PathMatch([{ prefix: requirePath(path) }], options);
  }

  /**
   * A path and all that are below it: `/shop`, `/shop/` and `/shop/cart`, but not `/shopping`. With `Rewrite.prefix('/')` they become
   * `/`, `/` and `/cart`.
   * @throws `invalid-path` when it does not begin with `/` or holds a query, a fragment or a blank
   */
  public static below(path: string, options: PathMatchOptions = {}): PathMatch {
    const folder = requirePath(path).replace(/\/$/, '');
    const below = { prefix: `${folder}/` };
    return new PathMatch(folder === '' ? [below] : [{ exact: folder }, below], options);
  }

  /**
   * An RE2 expression that must cover the whole path.
   * @throws `invalid-regex` when RE2 refuses it
   * @throws `invalid-path` when it asks for another first character than `/`
   */
  public static regex(regex: string): PathMatch {
    const head = headOf({ regex: requireRe2('path regex', regex) });
    if (head !== '' && !head.startsWith('/')) {
      throw new MeshError(
        ErrorCode.INVALID_PATH,
        `path regex is '${regex}', which asks for '${head}' first; every path begins with '/'`,
      );
    }
    return new PathMatch([{ regex }]);
  }

  /**
   * The requests of gRPC for a service, or for one of its methods.
   *
   * @param service the name with its package: `shop.CartService`
   * @param method the name of the method; every method without it
   * @throws `invalid-path` when a name is none of Protocol Buffers
   * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
   */
  public static grpc(service: string, method?: string): PathMatch {
    if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(service) || !/^[A-Za-z_]\w*$/.test(method ?? 'any')) {
      throw new MeshError(
        ErrorCode.INVALID_PATH,
        `gRPC service is ${quote(service)} and method ${quote(method)}; allowed are names such as 'shop.CartService' and 'GetCart'`,
      );
    }
    return new PathMatch([method === undefined ? { prefix: `/${service}/` } : { exact: `/${service}/${method}` }]);
  }

  /**
   * A path with placeholders: `{*}` is exactly one segment, `{**}` any number of characters, slashes included.
   * @example PathMatch.template('/users/{*}/orders')
   * @throws `invalid-path` when it does not begin with `/`, or a brace is anything but `{*}` or `{**}`
   * @throws `invalid-regex` when it is too long for Istio, which takes an expression of 1024 bytes
   */
  public static template(template: string): PathMatch {
    // A placeholder cannot be the beginning: it stands for what follows a slash.
    requirePath(template.replaceAll(/(?!^)\{\*\*?\}/g, ''));
    const parts = template.split(/(\{\*\*?\})/);
    const regex = parts.map((part) => (part === '{*}' ? '[^/]+' : part === '{**}' ? '.*' : escapeRe2(part))).join('');
    return new PathMatch([{ regex: requireRegexLength('path template', `^${regex}$`) }]);
  }

  private readonly paths: readonly StringMatch[];
  private readonly ignoreCase: boolean;

  private constructor(paths: readonly StringMatch[], options: PathMatchOptions = {}) {
    super();
    this.paths = paths;
    this.ignoreCase = options.ignoreCase ?? false;
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return this.paths.map((uri) => ({ uri, ...(this.ignoreCase && { ignoreUriCase: true }) }));
  }
}

/** A literal path: begins with `/`, holds no query, fragment, blank or control character. */
export function requirePath(path: string): string {
  const wrong = !path.startsWith('/')
    ? "it must begin with '/'"
    : /[?#]/.test(path)
      ? "'?' and '#' are not part of the path; match a query with QueryMatch"
      : // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
        /[\s\u0000-\u001f\u007f]/.test(path)
        ? 'it holds a blank or a control character, which no path does'
        : // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
          /[^\u0000-\u007f]/.test(path)
          ? 'clients send characters beyond ASCII percent-encoded; write them so'
          : /[{}]/.test(path)
            ? "braces belong to PathMatch.template, where '{*}' is one segment and '{**}' any number"
            : undefined;
  if (wrong !== undefined) {
    throw new MeshError(ErrorCode.INVALID_PATH, `path is ${quote(path)}; ${wrong}`);
  }
  return path;
}
