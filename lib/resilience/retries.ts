import type * as http from 'node:http';
import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { renderDuration, requireInteger, requirePercent } from '../limits';

/**
 * What makes Envoy try again.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-on
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-retry-grpc-on
 */
export enum RetryOn {
  /** Any 5xx answer, or none at all (disconnect, reset, timeout of a try). */
  SERVER_ERROR = '5xx',
  /** 502, 503 or 504. */
  GATEWAY_ERROR = 'gateway-error',
  /** The upstream does not answer at all. */
  RESET = 'reset',
  /** Like `RESET`, but only before any of the request was sent. */
  RESET_BEFORE_REQUEST = 'reset-before-request',
  /** The connection to the upstream fails. */
  CONNECT_FAILURE = 'connect-failure',
  /** The upstream refuses the HTTP/2 stream; always safe. */
  REFUSED_STREAM = 'refused-stream',
  /** 409 (conflict). */
  RETRIABLE_4XX = 'retriable-4xx',
  /** The answer carries `x-envoy-ratelimited`, which a {@link GlobalRateLimit} gives to what it refuses. */
  ENVOY_RATE_LIMITED = 'envoy-ratelimited',
  /**
   * gRPC status `cancelled`. This status and those that follow count in the headers of an answer alone, where servers put them when they
   * answer with an error and no message.
   */
  CANCELLED = 'cancelled',
  /** gRPC status `deadline-exceeded`. */
  DEADLINE_EXCEEDED = 'deadline-exceeded',
  /** gRPC status `internal`. */
  INTERNAL = 'internal',
  /** gRPC status `resource-exhausted`. */
  RESOURCE_EXHAUSTED = 'resource-exhausted',
  /** gRPC status `unavailable`. */
  UNAVAILABLE = 'unavailable',
}

/**
 * How often and on what a failed request is tried again.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
 */
export interface RetryPolicy {
  /** How often at most, after the first try; 0 turns retries off, and then nothing else that is said here is written. */
  readonly attempts: number;
  /**
   * How long one try may take, the first one included. Without it a slow try uses up the route's timeout, and only what fails early is
   * tried again.
   * @default - the route's timeout
   * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry
   */
  readonly perTryTimeout?: Duration;
  /**
   * What makes Envoy try again.
   * @default - Istio's own: connect-failure, refused-stream, unavailable, cancelled; nothing where `retryOnStatus` is said
   */
  readonly retryOn?: RetryOn[];
  /**
   * Status codes that make Envoy try again, beside `retryOn`.
   * @default - none
   */
  readonly retryOnStatus?: number[];
  /**
   * The longest pause before the first retry. Each pause is random and may be none at all; the longest grows from try to try, to ten times
   * this at most.
   * @default - Envoy's: 25 ms
   * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/router_filter#x-envoy-max-retries
   */
  readonly backoff?: Duration;
  /**
   * Whether retries may go to other localities.
   * @default - Istio's: no
   */
  readonly retryRemoteLocalities?: boolean;
  /**
   * Whether a retry avoids the pods that were tried before.
   * @default - Istio's: yes, but no where a hash chooses the pod
   */
  readonly retryIgnorePreviousHosts?: boolean;
}

/**
 * A bound on the share of requests that are retries, so that retries cannot topple an app that is already down.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-RetryBudget
 */
export interface RetryBudget {
  /**
   * How many percent of the active requests may be retries.
   * @default - Istio's: 20
   */
  readonly percent?: number;
  /**
   * How many retries at once are always allowed, from 1 up: Istio takes 0 for its default.
   * @default - Istio's: 3
   */
  readonly minRetryConcurrency?: number;
  /**
   * The time over which requests count as active. Istio 1.31 and newer.
   * @default - only what is active at the moment
   */
  readonly budgetInterval?: Duration;
}

/** What Istio does where nothing is said; written out so that the YAML shows it. */
export const DEFAULT_RETRIES: RetryPolicy = {
  attempts: 2,
  retryOn: [RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM, RetryOn.UNAVAILABLE, RetryOn.CANCELLED],
};

export function renderRetries(retries: RetryPolicy, construct?: IConstruct): Record<string, unknown> {
  requireInteger('attempts of the retries', retries.attempts, { min: 0 }, construct);
  const statuses = (retries.retryOnStatus ?? []).map((status) => requireKnownStatus(status, construct));
  if (retries.attempts === 0) {
    return { attempts: 0 };
  }
  const retryOn = [...(retries.retryOn ?? (statuses.length > 0 ? [] : (DEFAULT_RETRIES.retryOn ?? []))), ...statuses];
  if (retryOn.length === 0) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      `retries have attempts ${retries.attempts} but nothing to retry on; name conditions or leave retryOn out`,
      construct,
    );
  }
  return {
    attempts: retries.attempts,
    perTryTimeout: retries.perTryTimeout && renderDuration('perTryTimeout', retries.perTryTimeout, construct),
    retryOn: retryOn.join(','),
    backoff: retries.backoff && renderDuration('backoff', retries.backoff, construct),
    retryRemoteLocalities: retries.retryRemoteLocalities,
    retryIgnorePreviousHosts: retries.retryIgnorePreviousHosts,
  };
}

/** A status that HTTP defines: Istio refuses others. Node's list comes with its whole server, so it is loaded where it is needed. */
function requireKnownStatus(status: number, construct?: IConstruct): string {
  const { STATUS_CODES }: typeof http = require('node:http');
  if (STATUS_CODES[status] === undefined) {
    throw new MeshError(
      ErrorCode.OUT_OF_RANGE,
      `status to retry on is ${status}; allowed are those that HTTP defines, such as 503`,
      construct,
    );
  }
  return String(status);
}

/** Refuses retries of which the last cannot finish before the timeout ends them all. */
export function requireRetriesFit(timeout: Duration | undefined, retries: RetryPolicy | undefined, construct?: IConstruct): void {
  if (timeout === undefined || retries?.perTryTimeout === undefined || retries.attempts === 0) {
    return;
  }
  const tries = retries.attempts + 1;
  const needed = tries * retries.perTryTimeout.toMilliseconds();
  if (needed > timeout.toMilliseconds()) {
    throw new MeshError(
      ErrorCode.RETRIES_EXCEED_TIMEOUT,
      `${tries} tries of ${retries.perTryTimeout.toMilliseconds()} ms need ${needed} ms, but the timeout is ${timeout.toMilliseconds()} ms; allowed is a timeout of at least ${needed} ms, or fewer or shorter tries`,
      construct,
    );
  }
}

export function renderRetryBudget(budget: RetryBudget, construct?: IConstruct): Record<string, unknown> {
  return {
    budgetInterval: budget.budgetInterval && renderDuration('budgetInterval', budget.budgetInterval, construct),
    percent: budget.percent === undefined ? undefined : requirePercent('percent of the retry budget', budget.percent, construct),
    minRetryConcurrency:
      budget.minRetryConcurrency === undefined
        ? undefined
        : requireInteger('minRetryConcurrency of the retry budget', budget.minRetryConcurrency, { min: 1 }, construct),
  };
}
