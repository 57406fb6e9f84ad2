import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { DEFAULT_MAX_EJECTION_PERCENT, describeNeverEjecting, neverEjects, renderDuration, requireInteger } from '../limits';

/**
 * When a pod that fails is left out for a while (a circuit breaker per pod).
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection
 */
export interface OutlierDetection {
  /**
   * Answers of 5xx in a row (connection errors count too) after which a pod is ejected; 0 turns this off.
   * @default - Istio's: 5
   */
  readonly consecutive5xxErrors?: number;
  /**
   * Answers of 502, 503 or 504 in a row after which a pod is ejected; 0 turns this off. They count among `consecutive5xxErrors` as well, so
   * they are fewer than those, or those are 0.
   * @default - Istio's: off
   */
  readonly consecutiveGatewayErrors?: number;
  /**
   * Connection failures in a row after which a pod is ejected, from 1 up; needs `splitExternalLocalOriginErrors`.
   * @default - Istio's: 5
   */
  readonly consecutiveLocalOriginFailures?: number;
  /**
   * Whether connection failures are counted apart from error answers.
   * @default false
   */
  readonly splitExternalLocalOriginErrors?: boolean;
  /**
   * How often Envoy looks which pods may come back. Errors in a row eject a pod at once.
   * @default - Istio's: 10 s
   */
  readonly interval?: Duration;
  /**
   * How long a pod stays out the first time; it grows with each ejection, up to 5 minutes.
   * @default - Istio's: 30 s
   */
  readonly baseEjectionTime?: Duration;
  /**
   * How many percent of the pods may be out at once, from 1 up. With few pods a small figure ejects none: 1 of 2 pods is 50 percent.
   * Where no replicas are said and no HorizontalPodAutoscaler of the same cdk8s app decides on them, there is one.
   * @default - Istio's: 10
   */
  readonly maxEjectionPercent?: number;
  /**
   * While fewer percent of the pods than this are healthy, requests go to all of them, ejected ones too.
   * @default - Istio's: 0
   */
  readonly minHealthPercent?: number;
  /**
   * The status codes that count as errors, in place of 5xx. Istio 1.31 and newer, whose first version has the field and does not
   * act on it.
   * @default - every 5xx
   */
  readonly outlierDetectionHttpErrorCodes?: number[];
}

const DEFAULT_CONSECUTIVE_5XX_ERRORS = 5;

export function renderOutlierDetection(detection: OutlierDetection, construct?: IConstruct): Record<string, unknown> {
  const { splitExternalLocalOriginErrors, consecutiveLocalOriginFailures } = detection;
  if (consecutiveLocalOriginFailures !== undefined && splitExternalLocalOriginErrors !== true) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      `consecutiveLocalOriginFailures is ${consecutiveLocalOriginFailures} without splitExternalLocalOriginErrors: true, and has no effect`,
      construct,
    );
  }
  const { consecutiveGatewayErrors = 0, consecutive5xxErrors = DEFAULT_CONSECUTIVE_5XX_ERRORS } = detection;
  if (consecutive5xxErrors > 0 && consecutiveGatewayErrors >= consecutive5xxErrors) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      `consecutiveGatewayErrors is ${consecutiveGatewayErrors} and has no effect, since ${consecutive5xxErrors} answers of 5xx in a row, these among them, eject a pod before; let it be less, or say consecutive5xxErrors: 0`,
      construct,
    );
  }
  const count = (what: keyof OutlierDetection, min: number, max?: number) => {
    const value = detection[what] as number | undefined;
    return value === undefined ? undefined : requireInteger(`outlierDetection.${what}`, value, { min, max }, construct);
  };
  const duration = (what: 'interval' | 'baseEjectionTime') =>
    detection[what] && renderDuration(`outlierDetection.${what}`, detection[what], construct);
  return {
    consecutive5xxErrors: count('consecutive5xxErrors', 0),
    consecutiveGatewayErrors: count('consecutiveGatewayErrors', 0),
    // Here and below Istio takes 0 for its default.
    consecutiveLocalOriginFailures: count('consecutiveLocalOriginFailures', 1),
    splitExternalLocalOriginErrors,
    interval: duration('interval'),
    baseEjectionTime: duration('baseEjectionTime'),
    maxEjectionPercent: count('maxEjectionPercent', 1, 100),
    minHealthPercent: count('minHealthPercent', 0, 100),
    outlierDetectionHttpErrorCodes: detection.outlierDetectionHttpErrorCodes?.map((code) =>
      requireInteger('outlierDetectionHttpErrorCodes', code, { min: 100, max: 599 }, construct),
    ),
  };
}

/** @throws `never-ejects` */
export function requireCanEject(detection: OutlierDetection, replicas: number, version: string, construct: IConstruct): void {
  const max = detection.maxEjectionPercent ?? DEFAULT_MAX_EJECTION_PERCENT;
  if (neverEjects(max, replicas)) {
    throw new MeshError(ErrorCode.NEVER_EJECTS, describeNeverEjecting(max, replicas, `version '${version}'`), construct);
  }
}
