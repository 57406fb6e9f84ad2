import type { ApiObject } from 'cdk8s';
import type { ErrorCode } from '../errors';

/** Something wrong with an object, found in its manifest. */
export interface Finding {
  /** The stable code of the error to throw. */
  readonly code: ErrorCode;
  /** What was got and what is allowed. */
  readonly message: string;
  /** The construct that rendered the object. */
  readonly construct: ApiObject;
}
