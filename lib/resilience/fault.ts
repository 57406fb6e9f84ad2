import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { renderDuration, requireInteger, requirePercent } from '../limits';

/**
 * gRPC's status codes.
 *
 * @see https://grpc.io/docs/guides/status-codes/
 */
export enum GrpcStatus {
  CANCELLED = 'CANCELLED',
  UNKNOWN = 'UNKNOWN',
  INVALID_ARGUMENT = 'INVALID_ARGUMENT',
  DEADLINE_EXCEEDED = 'DEADLINE_EXCEEDED',
  NOT_FOUND = 'NOT_FOUND',
  ALREADY_EXISTS = 'ALREADY_EXISTS',
  PERMISSION_DENIED = 'PERMISSION_DENIED',
  RESOURCE_EXHAUSTED = 'RESOURCE_EXHAUSTED',
  FAILED_PRECONDITION = 'FAILED_PRECONDITION',
  ABORTED = 'ABORTED',
  OUT_OF_RANGE = 'OUT_OF_RANGE',
  UNIMPLEMENTED = 'UNIMPLEMENTED',
  INTERNAL = 'INTERNAL',
  UNAVAILABLE = 'UNAVAILABLE',
  DATA_LOSS = 'DATA_LOSS',
  UNAUTHENTICATED = 'UNAUTHENTICATED',
}

/**
 * Requests that are held up before they are sent on.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection-Delay
 */
export interface FaultDelay {
  /** How long. */
  readonly fixedDelay: Duration;
  /**
   * How many percent of the requests.
   * @default 100
   */
  readonly percent?: number;
}

/**
 * Requests that are answered with an error in the app's place; one of the two statuses.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection-Abort
 */
export interface FaultAbort {
  /**
   * The HTTP status, 200 to 599.
   * @default - `grpcStatus` decides
   */
  readonly httpStatus?: number;
  /**
   * The gRPC status.
   * @default - `httpStatus` decides
   */
  readonly grpcStatus?: GrpcStatus;
  /**
   * How many percent of the requests.
   * @default 100
   */
  readonly percent?: number;
}

/**
 * Errors on purpose, to see how callers bear them.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPFaultInjection
 */
export interface FaultInjection {
  /**
   * Hold requests up.
   * @default - none
   */
  readonly delay?: FaultDelay;
  /**
   * Answer with an error.
   * @default - none
   */
  readonly abort?: FaultAbort;
}

export function renderFault(fault: FaultInjection, construct?: IConstruct): Record<string, unknown> {
  const { delay, abort } = fault;
  if (delay === undefined && abort === undefined) {
    throw new MeshError(ErrorCode.INVALID_RESILIENCE, 'fault has neither delay nor abort', construct);
  }
  if (abort !== undefined && (abort.httpStatus === undefined) === (abort.grpcStatus === undefined)) {
    throw new MeshError(ErrorCode.INVALID_RESILIENCE, 'abort needs exactly one of httpStatus and grpcStatus', construct);
  }
  return {
    delay: delay && {
      fixedDelay: renderDuration('fixedDelay', delay.fixedDelay, construct),
      percentage: { value: requirePercent('percent of the delay', delay.percent ?? 100, construct) },
    },
    abort: abort && {
      httpStatus:
        abort.httpStatus === undefined
          ? undefined
          : requireInteger('httpStatus of the abort', abort.httpStatus, { min: 200, max: 599 }, construct),
      grpcStatus: abort.grpcStatus,
      percentage: { value: requirePercent('percent of the abort', abort.percent ?? 100, construct) },
    },
  };
}
