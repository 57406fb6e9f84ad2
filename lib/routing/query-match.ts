import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { type HttpMatch, RequestMatch } from './request-match';
import { requirePrefix, requireRe2, type StringMatch } from './string-match';

/**
 * A condition on one parameter of the request's query.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class QueryMatch extends RequestMatch {
  /**
   * The parameter has this value and no other.
   * @throws `invalid-query` when the name is none of a parameter
   */
  public static exact(name: string, value: string): QueryMatch {
    return new QueryMatch(name, { exact: value });
  }

  /**
   * The parameter's value begins with these characters, of which there is at least one.
   * @throws `invalid-query` when there is none, or the name is none of a parameter
   */
  public static prefix(name: string, value: string): QueryMatch {
    return new QueryMatch(name, { prefix: requirePrefix(ErrorCode.INVALID_QUERY, `query parameter '${name}'`, value) });
  }

  /**
   * An RE2 expression that must cover the parameter's whole value.
   * @throws `invalid-regex` when RE2 refuses it
   * @throws `invalid-query` when the name is none of a parameter
   */
  public static regex(name: string, regex: string): QueryMatch {
    return new QueryMatch(name, { regex: requireRe2(`regex of query parameter '${name}'`, regex) });
  }

  /**
   * The parameter is there, whatever its value.
   * @throws `invalid-query` when the name is none of a parameter
   */
  public static present(name: string): QueryMatch {
    return new QueryMatch(name, {});
  }

  private constructor(
    private readonly name: string,
    private readonly match: StringMatch,
  ) {
    super();
    requireQueryName(name);
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [{ queryParams: { [this.name]: this.match } }];
  }
}

/** The name of a query parameter. */
export function requireQueryName(name: string): string {
  if (name === '' || /[\s&=#?]/.test(name)) {
    throw new MeshError(
      ErrorCode.INVALID_QUERY,
      `query parameter is ${quote(name)}; it must not be empty or hold blanks, '&', '=', '#', '?'`,
    );
  }
  return name;
}
