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
  /** 1: the caller gave up. */
  CANCELLED = 'CANCELLED',
  /** 2: an error that says no more. */
  UNKNOWN = 'UNKNOWN',
  /** 3: the request is wrong, whatever the state of the system. */
  INVALID_ARGUMENT = 'INVALID_ARGUMENT',
  /** 4: the deadline passed before the answer. */
  DEADLINE_EXCEEDED = 'DEADLINE_EXCEEDED',
  /** 5: what was asked for does not exist. */
  NOT_FOUND = 'NOT_FOUND',
  /** 6: what was to be created exists. */
  ALREADY_EXISTS = 'ALREADY_EXISTS',
  /** 7: the caller is known and may not do this. */
  PERMISSION_DENIED = 'PERMISSION_DENIED',
  /** 8: a quota or a disk is used up. */
  RESOURCE_EXHAUSTED = 'RESOURCE_EXHAUSTED',
  /** 9: the system is not in the state that the request needs; a retry does not help. */
  FAILED_PRECONDITION = 'FAILED_PRECONDITION',
  /** 10: a conflict with another request; a retry of the whole transaction may help. */
  ABORTED = 'ABORTED',
  /** 11: past the end of what there is. */
  OUT_OF_RANGE = 'OUT_OF_RANGE',
  /** 12: the method does not exist or is not enabled. */
  UNIMPLEMENTED = 'UNIMPLEMENTED',
  /** 13: something is broken in the server. */
  INTERNAL = 'INTERNAL',
  /** 14: the server cannot answer now; a retry may help. */
  UNAVAILABLE = 'UNAVAILABLE',
  /** 15: data is lost or corrupt. */
  DATA_LOSS = 'DATA_LOSS',
  /** 16: the caller is not known. */
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
