import type { IConstruct } from 'constructs';

/**
 * The stable codes of {@link MeshError}. A code never changes its meaning, so scripts and tests may rely on it.
 */
export enum ErrorCode {
  /** Two objects with the same API group, kind, namespace and name. */
  DUPLICATE_OBJECT = 'duplicate-object',
  /** A name that the API server would refuse. */
  INVALID_NAME = 'invalid-name',
  /** A chart or construct without a namespace. */
  MISSING_NAMESPACE = 'missing-namespace',
  /** A file in the output folder that was not written by `MeshApp` stands where one of its files must go. */
  FOREIGN_FILE = 'foreign-file',
  /** The output folder could not be written or swapped; it is as it was. */
  OUTPUT_FAILED = 'output-failed',
  /** An object could not be rendered. */
  RENDER_FAILED = 'render-failed',
  /** A construct's own validation (`node.addValidation`) found a mistake. */
  VALIDATION_FAILED = 'validation-failed',
}

/**
 * A mistake in the input: what was got, what is allowed, and where.
 *
 * The message begins with the path of the construct (`[otus/hw4]`) and ends with the stable {@link code} in brackets.
 */
export class MeshError extends Error {
  /** The stable code, for scripts and tests. */
  public readonly code: ErrorCode;

  /**
   * @param code the stable code
   * @param message lower case, no full stop: what was got and what is allowed
   * @param construct the construct whose input is wrong
   */
  constructor(code: ErrorCode, message: string, construct?: IConstruct) {
    super(`${construct === undefined ? '' : `[${construct.node.path}] `}${message} (${code})`);
    this.name = 'MeshError';
    this.code = code;
  }
}
