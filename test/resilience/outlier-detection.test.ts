import { Duration } from 'cdk8s';
import type { OutlierDetection } from 'cdk8s-istio';
import { renderOutlierDetection, requireCanEject } from '../../lib/resilience/outlier-detection';
import { chart, refusal } from '../support/synth';

describe('outlier detection', () => {
  test('is written with every field', () => {
    const detection: Required<OutlierDetection> = {
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 3,
      consecutiveLocalOriginFailures: 4,
      splitExternalLocalOriginErrors: true,
      interval: Duration.seconds(5),
      baseEjectionTime: Duration.minutes(1),
      maxEjectionPercent: 100,
      minHealthPercent: 0,
      outlierDetectionHttpErrorCodes: [429, 500],
    };
    expect(renderOutlierDetection(detection)).toEqual({ ...detection, interval: '5s', baseEjectionTime: '60s' });
  });

  test.each<[OutlierDetection, string]>([
    [
      { consecutive5xxErrors: -1 },
      'outlierDetection.consecutive5xxErrors is -1; allowed are whole numbers from 0 up (out-of-range)',
    ],
    [
      { consecutiveGatewayErrors: 1.5 },
      'outlierDetection.consecutiveGatewayErrors is 1.5; allowed are whole numbers from 0 up (out-of-range)',
    ],
    [
      { maxEjectionPercent: 101 },
      'outlierDetection.maxEjectionPercent is 101; allowed are whole numbers from 1 to 100 (out-of-range)',
    ],
    [
      { maxEjectionPercent: 0 },
      'outlierDetection.maxEjectionPercent is 0; allowed are whole numbers from 1 to 100 (out-of-range)',
    ],
    [
      { consecutiveLocalOriginFailures: 0, splitExternalLocalOriginErrors: true },
      'outlierDetection.consecutiveLocalOriginFailures is 0; allowed are whole numbers from 1 up (out-of-range)',
    ],
    [
      { minHealthPercent: Number.NaN },
      'outlierDetection.minHealthPercent is NaN; allowed are whole numbers from 0 to 100 (out-of-range)',
    ],
    [
      { outlierDetectionHttpErrorCodes: [99] },
      'outlierDetectionHttpErrorCodes is 99; allowed are whole numbers from 100 to 599 (out-of-range)',
    ],
    [
      { consecutiveGatewayErrors: 5 },
      'consecutiveGatewayErrors is 5 and has no effect, since 5 answers of 5xx in a row, these among them, eject a pod before; let it be less, or say consecutive5xxErrors: 0 (invalid-resilience)',
    ],
    [
      { consecutiveGatewayErrors: 4, consecutive5xxErrors: 3 },
      'consecutiveGatewayErrors is 4 and has no effect, since 3 answers of 5xx in a row, these among them, eject a pod before; let it be less, or say consecutive5xxErrors: 0 (invalid-resilience)',
    ],
    [
      { consecutiveLocalOriginFailures: 4 },
      'consecutiveLocalOriginFailures is 4 without splitExternalLocalOriginErrors: true, and has no effect (invalid-resilience)',
    ],
  ])('%j is refused', (detection, message) => {
    expect(refusal(() => renderOutlierDetection(detection))).toBe(message);
  });

  test.each<OutlierDetection>([
    { consecutiveGatewayErrors: 4 },
    { consecutiveGatewayErrors: 9, consecutive5xxErrors: 10 },
    { consecutiveGatewayErrors: 10, consecutive5xxErrors: 0 },
    { consecutiveGatewayErrors: 0, consecutive5xxErrors: 1 },
  ])('%j is taken, since both counts decide or one is off', (detection) => {
    expect(renderOutlierDetection(detection)).toMatchObject(detection);
  });

  test('refuses an interval of zero', () => {
    expect(refusal(() => renderOutlierDetection({ interval: Duration.seconds(0) }))).toBe(
      'outlierDetection.interval is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    );
    expect(refusal(() => renderOutlierDetection({ baseEjectionTime: Duration.seconds(0) }))).toBe(
      'outlierDetection.baseEjectionTime is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    );
  });

  test.each([
    [10, 10],
    [1, 100],
    [2, 50],
    [3, 34],
    [0, 0],
  ])('can eject one of %p pods with %p percent', (replicas, maxEjectionPercent) => {
    expect(() => requireCanEject({ maxEjectionPercent }, replicas, 'v1', chart())).not.toThrow();
  });

  test.each([
    [9, undefined, "10, Istio's default", 'one of the 9 pods', 12, '12 to 100'],
    [1, 99, '99', 'the only pod', 100, '100'],
    [2, 49, '49', 'one of the 2 pods', 50, '50 to 100'],
    [3, 33, '33', 'one of the 3 pods', 34, '34 to 100'],
    [5, 0, '0', 'one of the 5 pods', 20, '20 to 100'],
  ])(
    'is refused where it can eject none of %p pods with %p percent',
    (replicas, maxEjectionPercent, max, who, share, allowed) => {
      expect(refusal(() => requireCanEject({ maxEjectionPercent }, replicas, 'v1', chart()))).toBe(
        `[system] maxEjectionPercent is ${max}, but ${who} of version 'v1' is ${share} percent, so none is ever ejected; allowed is ${allowed}, more replicas, or an autoscaler for them in this app (never-ejects)`,
      );
    },
  );
});
