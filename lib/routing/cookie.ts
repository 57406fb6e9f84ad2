import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { requireHeaderName } from './header-match';
import { escapeRe2 } from './re2';
import { type HttpMatch, RequestMatch } from './request-match';
import { requireRe2, requireRegexLength } from './string-match';

/**
 * A condition on one cookie. All cookies of a request stand in one header, so Istio sees them as one string;
 * the expressions written here find a single cookie in it, wherever it stands and however it is spaced.
 *
 * `cookie` is one header, so two cookie conditions cannot be joined with `and`.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class Cookie extends RequestMatch {
  /**
   * The cookie has this value and no other.
   * @throws `invalid-header` when name or value hold what no cookie can (blanks, `;`, `,`, quotes)
   * @throws `invalid-regex` when name and value are too long for Istio, which takes an expression of 1024 bytes
   */
  public static equals(name: string, value: string): Cookie {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a cookie value has none
    if (/[\s;,"\\\u0000-\u001f\u007f]/.test(value)) {
      throw new MeshError(
        ErrorCode.INVALID_HEADER,
        `value of cookie '${name}' is ${quote(value)}; a cookie holds no blank, comma, semicolon, quote or backslash`,
      );
    }
    return new Cookie(name, escapeRe2(value));
  }

  /**
   * The cookie is there, whatever its value.
   * @throws `invalid-header` when the name is none of a cookie
   * @throws `invalid-regex` when it is too long for Istio, which takes an expression of 1024 bytes
   */
  public static present(name: string): Cookie {
    return new Cookie(name, '[^;]*');
  }

  /**
   * An RE2 expression that must cover the cookie's whole value. Write `[^;]*` for any characters: `.*` would run on into other cookies.
   * @throws `invalid-regex` when RE2 refuses it, or it holds an anchor (`^`, `$`), which matches nowhere but at the ends of the header
   * @throws `invalid-header` when the name is none of a cookie
   */
  public static regex(name: string, regex: string): Cookie {
    const what = `regex of cookie '${name}'`;
    if (/^\^|(^|[^\\])\$$/.test(regex)) {
      throw new MeshError(
        ErrorCode.INVALID_REGEX,
        `${what} is '${regex}'; it covers the whole value as it is, so leave out '^' and '$', which never match inside the header`,
      );
    }
    return new Cookie(name, `(${requireRe2(what, regex)})`);
  }

  private readonly regex: string;

  private constructor(name: string, value: string) {
    super();
    const regex = `^(.*;\\s*)?${escapeRe2(requireHeaderName(name))}=${value}(\\s*;.*)?$`;
    this.regex = requireRegexLength(`regex for cookie '${name}'`, regex);
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [{ headers: { cookie: { regex: this.regex } } }];
  }
}
