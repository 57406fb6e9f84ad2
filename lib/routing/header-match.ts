import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { escapeRe2 } from './re2';
import { type HttpMatch, RequestMatch } from './request-match';
import { accepts, describe, requirePrefix, requireRe2, requireRegexLength, type StringMatch } from './string-match';

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const IGNORED_BY_ISTIO = ['uri', 'scheme', 'method', 'authority'];

/**
 * A condition on a request header. Names are case-insensitive and written in lower case, as Istio asks.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class HeaderMatch extends RequestMatch {
  /**
   * The header has this value and no other.
   * @throws `invalid-header` when the name is none of a header, or one that Istio ignores in a match
   */
  public static exact(name: string, value: string): HeaderMatch {
    return new HeaderMatch('headers', name, { exact: value });
  }

  /**
   * The header's value begins with these characters, of which there is at least one.
   * @throws `invalid-header` when there is none, or the name is none of a header or one that Istio ignores in a match
   */
  public static prefix(name: string, value: string): HeaderMatch {
    return new HeaderMatch('headers', name, { prefix: requirePrefix(ErrorCode.INVALID_HEADER, `header '${name}'`, value) });
  }

  /**
   * The header's value holds these characters somewhere.
   * @throws `invalid-header` when the name is none of a header, or one that Istio ignores in a match
   * @throws `invalid-regex` when they are too long for Istio, which takes an expression of 1024 bytes
   */
  public static contains(name: string, value: string): HeaderMatch {
    return new HeaderMatch('headers', name, { regex: requireRegexLength(`header '${name}'`, `.*${escapeRe2(value)}.*`) });
  }

  /**
   * An RE2 expression that must cover the header's whole value.
   * @throws `invalid-regex` when RE2 refuses it
   * @throws `invalid-header` when the name is none of a header, or one that Istio ignores in a match
   */
  public static regex(name: string, regex: string): HeaderMatch {
    return new HeaderMatch('headers', name, { regex: requireRe2(`regex of header '${name}'`, regex) });
  }

  /**
   * The header is there, whatever its value.
   * @throws `invalid-header` when the name is none of a header, or one that Istio ignores in a match
   */
  public static present(name: string): HeaderMatch {
    return new HeaderMatch('headers', name, {});
  }

  /**
   * The header is not there.
   * @throws `invalid-header` when the name is none of a header, or one that Istio ignores in a match
   */
  public static absent(name: string): HeaderMatch {
    return new HeaderMatch('withoutHeaders', name, {});
  }

  /**
   * The header is not there or has another value.
   * @throws `invalid-header` when the value is empty, which Istio takes for a missing header, or the name is none of a header or
   * one that Istio ignores in a match
   */
  public static notExact(name: string, value: string): HeaderMatch {
    return new HeaderMatch('withoutHeaders', name, { exact: value });
  }

  /**
   * The header is not there, or its whole value does not match the RE2 expression.
   * @throws `invalid-regex` when RE2 refuses it
   * @throws `invalid-header` when it matches an empty value, which Istio takes for a missing header, or the name is none of a
   * header or one that Istio ignores in a match
   */
  public static notRegex(name: string, regex: string): HeaderMatch {
    return new HeaderMatch('withoutHeaders', name, { regex: requireRe2(`regex of header '${name}'`, regex) });
  }

  private constructor(
    private readonly field: 'headers' | 'withoutHeaders',
    private readonly name: string,
    private readonly match: StringMatch,
  ) {
    super();
    requireHeaderName(name);
    if (IGNORED_BY_ISTIO.includes(name.toLowerCase())) {
      throw new MeshError(
        ErrorCode.INVALID_HEADER,
        `header '${name}' is ignored by Istio in a match; use PathMatch, MethodMatch or AuthorityMatch`,
      );
    }
    if (field === 'withoutHeaders' && Object.keys(match).length > 0 && accepts(match, '')) {
      throw new MeshError(
        ErrorCode.INVALID_HEADER,
        `header '${name}' must not be ${describe(match)}, which an empty value is; Istio takes a missing header for an empty one, so such requests would not match; use HeaderMatch.absent or a narrower expression`,
      );
    }
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [{ [this.field]: { [this.name.toLowerCase()]: this.match } }];
  }
}

/** A header name as HTTP allows it (a token). */
export function requireHeaderName(name: string): string {
  if (!TOKEN.test(name)) {
    throw new MeshError(
      ErrorCode.INVALID_HEADER,
      `header name is ${quote(name)}; allowed are letters, digits and !#$%&'*+.^_\`|~-`,
    );
  }
  return name;
}
