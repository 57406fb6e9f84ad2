import type { IConstruct } from 'constructs';
import type { ErrorCode } from '../errors';

/** Something wrong with a construct, or with the manifest that it became. */
export interface Finding {
  /** The stable code of the error to throw. */
  readonly code: ErrorCode;
  /** What was got and what is allowed. */
  readonly message: string;
  /** The construct that is to change. */
  readonly construct: IConstruct;
}
