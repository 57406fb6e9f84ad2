import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import type { ClientTls } from './client-tls';
import { type ConnectionPool, renderConnectionPool } from './connection-pool';
import type { LoadBalancer } from './load-balancer';
import { type OutlierDetection, renderOutlierDetection } from './outlier-detection';
import { type RetryBudget, renderRetryBudget } from './retries';

/**
 * What can be said for one port of an app.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy-PortTrafficPolicy
 */
export interface PortTrafficPolicy {
  /**
   * Limits of connections and requests.
   * @default - none
   */
  readonly connectionPool?: ConnectionPool;
  /**
   * When a pod that fails is left out for a while.
   * @default - never
   */
  readonly outlierDetection?: OutlierDetection;
  /**
   * Which pod gets the next request.
   * @default - Istio's: least requests
   */
  readonly loadBalancer?: LoadBalancer;
  /**
   * How callers encrypt.
   * @default - Istio's: mutual TLS where the app has a sidecar, else plain text
   */
  readonly clientTls?: ClientTls;
}

/**
 * What can be said for an app or one of its versions.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
 */
export interface TrafficPolicy extends PortTrafficPolicy {
  /**
   * A bound on the share of requests that are retries, in place of `connectionPool.http.maxRetries`.
   * @default - Istio's: at most 2^32-1 retries at a time
   */
  readonly retryBudget?: RetryBudget;
}

export const TRAFFIC_POLICY_FIELDS = ['connectionPool', 'outlierDetection', 'loadBalancer', 'clientTls', 'retryBudget'] as const;

/**
 * `undefined` when nothing is set. `outlierDetection` is what holds beside the policy, which for a version comes from the app.
 */
export function renderTrafficPolicy(
  policy: TrafficPolicy,
  construct?: IConstruct,
  outlierDetection = policy.outlierDetection,
): Record<string, unknown> | undefined {
  if (policy.retryBudget !== undefined && policy.connectionPool?.http?.maxRetries !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      `connectionPool.http.maxRetries is ${policy.connectionPool.http.maxRetries} beside a retryBudget, which Envoy keeps to alone; say one of them`,
      construct,
    );
  }
  const rendered = {
    connectionPool: policy.connectionPool && renderConnectionPool(policy.connectionPool, construct),
    loadBalancer: policy.loadBalancer?._render(outlierDetection !== undefined, construct),
    outlierDetection: policy.outlierDetection && renderOutlierDetection(policy.outlierDetection, construct),
    retryBudget: policy.retryBudget && renderRetryBudget(policy.retryBudget, construct),
    tls: policy.clientTls?._render(),
  };
  return Object.values(rendered).every((value) => value === undefined) ? undefined : rendered;
}
