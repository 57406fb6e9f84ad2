import { Duration } from 'cdk8s';
import { type FaultAbort, type FaultDelay, type FaultInjection, GrpcStatus } from 'cdk8s-istio';
import { renderFault } from '../../lib/resilience/fault';
import { refusal } from '../support/synth';

describe('a fault', () => {
  test('is written with every field', () => {
    const delay: Required<FaultDelay> = { fixedDelay: Duration.seconds(7), percent: 0.1 };
    const abort: Required<Omit<FaultAbort, 'grpcStatus'>> = { httpStatus: 503, percent: 50 };
    const fault: Required<FaultInjection> = { delay, abort };
    expect(renderFault(fault)).toEqual({
      delay: { fixedDelay: '7s', percentage: { value: 0.1 } },
      abort: { httpStatus: 503, percentage: { value: 50 } },
    });
  });

  test('holds for all requests unless a share is said, of which 0 is one', () => {
    expect(renderFault({ abort: { grpcStatus: GrpcStatus.UNAVAILABLE } })).toEqual({
      abort: { grpcStatus: 'UNAVAILABLE', percentage: { value: 100 } },
    });
    expect(renderFault({ delay: { fixedDelay: Duration.millis(1), percent: 0 } })).toMatchObject({
      delay: { percentage: { value: 0 } },
    });
  });

  test.each<[FaultInjection, string]>([
    [{}, 'fault has neither delay nor abort (invalid-resilience)'],
    [{ abort: {} }, 'abort needs exactly one of httpStatus and grpcStatus (invalid-resilience)'],
    [
      { abort: { httpStatus: 500, grpcStatus: GrpcStatus.INTERNAL } },
      'abort needs exactly one of httpStatus and grpcStatus (invalid-resilience)',
    ],
    [{ abort: { httpStatus: 199 } }, 'httpStatus of the abort is 199; allowed are whole numbers from 200 to 599 (out-of-range)'],
    [{ abort: { httpStatus: 500, percent: 101 } }, 'percent of the abort is 101 percent; allowed are 0 to 100 (out-of-range)'],
    [
      { abort: { httpStatus: 500, percent: Number.NaN } },
      'percent of the abort is NaN percent; allowed are 0 to 100 (out-of-range)',
    ],
  ])('%j is refused', (fault, message) => {
    expect(refusal(() => renderFault(fault))).toBe(message);
  });

  test('refuses no delay at all, and a negative share', () => {
    expect(refusal(() => renderFault({ delay: { fixedDelay: Duration.seconds(0) } }))).toBe(
      'fixedDelay is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    );
    expect(refusal(() => renderFault({ delay: { fixedDelay: Duration.seconds(1), percent: -1 } }))).toBe(
      'percent of the delay is -1 percent; allowed are 0 to 100 (out-of-range)',
    );
  });
});
