import { ErrorCode, MeshError } from './errors';
import { quote } from './limits';

/**
 * A string in a manifest with a comment behind it, by which a tool finds the line. `MeshApp` writes both; another cdk8s `App` writes the
 * string alone, and so does a `MeshApp` with resolvers of its own.
 */
export class MarkedValue {
  /**
   * @param value the string, of one line
   * @param comment the comment, of one line and without `#`
   * @throws `out-of-range` when one of the two has several lines
   */
  public constructor(
    /** The string. */
    public readonly value: string,
    /** The comment, without `#`. */
    public readonly comment: string,
  ) {
    for (const text of [value, comment]) {
      if (/[\p{Cc}\u2028\u2029]/u.test(text)) {
        throw new MeshError(ErrorCode.OUT_OF_RANGE, `a marked value holds ${quote(text)}; allowed is text of one line`);
      }
    }
  }

  /** The string alone: what cdk8s writes where it does not know of comments. */
  public resolve(): string {
    return this.value;
  }

  /** The string alone, as JSON has no comments. */
  public toJSON(): string {
    return this.value;
  }
}
