import { Duration } from 'cdk8s';
import { type RetryBudget, RetryOn, type RetryPolicy } from 'cdk8s-istio';
import { renderRetries, renderRetryBudget, requireRetriesFit } from '../../lib/resilience/retries';
import { refusal } from '../support/synth';

describe('retries', () => {
  test('are written with every field', () => {
    const retries: Required<RetryPolicy> = {
      attempts: 3,
      perTryTimeout: Duration.millis(500),
      retryOn: [RetryOn.SERVER_ERROR, RetryOn.RESET],
      retryOnStatus: [409, 503],
      backoff: Duration.millis(100),
      retryRemoteLocalities: true,
      retryIgnorePreviousHosts: false,
    };
    expect(renderRetries(retries)).toEqual({
      attempts: 3,
      perTryTimeout: '500ms',
      retryOn: '5xx,reset,409,503',
      backoff: '100ms',
      retryRemoteLocalities: true,
      retryIgnorePreviousHosts: false,
    });
  });

  test('take every condition that Istio takes', () => {
    expect(renderRetries({ attempts: 1, retryOn: Object.values(RetryOn) })).toMatchObject({
      retryOn:
        '5xx,gateway-error,reset,reset-before-request,connect-failure,refused-stream,retriable-4xx,envoy-ratelimited,cancelled,deadline-exceeded,internal,resource-exhausted,unavailable',
    });
  });

  test('have Istio’s conditions unless others or statuses are said', () => {
    expect(renderRetries({ attempts: 1 })).toEqual({
      attempts: 1,
      retryOn: 'connect-failure,refused-stream,unavailable,cancelled',
    });
    expect(renderRetries({ attempts: 1, retryOnStatus: [503] })).toEqual({ attempts: 1, retryOn: '503' });
  });

  test('are turned off by 0, beside which Istio takes nothing else', () => {
    expect(renderRetries({ attempts: 0, perTryTimeout: Duration.seconds(1), retryOn: [RetryOn.RESET] })).toEqual({ attempts: 0 });
  });

  test.each<[RetryPolicy, string]>([
    [{ attempts: -1 }, 'attempts of the retries is -1; allowed are whole numbers from 0 up (out-of-range)'],
    [{ attempts: 1.5 }, 'attempts of the retries is 1.5; allowed are whole numbers from 0 up (out-of-range)'],
    [{ attempts: Number.NaN }, 'attempts of the retries is NaN; allowed are whole numbers from 0 up (out-of-range)'],
    [
      { attempts: 2, retryOn: [] },
      'retries have attempts 2 but nothing to retry on; name conditions or leave retryOn out (invalid-resilience)',
    ],
    [
      { attempts: 1, retryOnStatus: [599] },
      'status to retry on is 599; allowed are those that HTTP defines, such as 503 (out-of-range)',
    ],
    [
      { attempts: 1, retryOnStatus: [Number.NaN] },
      'status to retry on is NaN; allowed are those that HTTP defines, such as 503 (out-of-range)',
    ],
  ])('%j are refused', (retries, message) => {
    expect(refusal(() => renderRetries(retries))).toBe(message);
  });
});

describe('retries within a timeout', () => {
  const within = (timeout: number, attempts: number, perTry?: number) =>
    requireRetriesFit(Duration.millis(timeout), {
      attempts,
      perTryTimeout: perTry === undefined ? undefined : Duration.millis(perTry),
    });

  test.each([
    [3000, 2, 1000],
    [1000, 0, 2000],
    [1, 5, undefined],
  ])('fit: %p ms for %p retries of %p ms', (timeout, attempts, perTry) => {
    expect(() => within(timeout, attempts, perTry)).not.toThrow();
  });

  test('are refused where the last try cannot finish', () => {
    expect(refusal(() => within(2999, 2, 1000))).toBe(
      '3 tries of 1000 ms need 3000 ms, but the timeout is 2999 ms; allowed is a timeout of at least 3000 ms, or fewer or shorter tries (retries-exceed-timeout)',
    );
  });
});

describe('a retry budget', () => {
  test('is written with every field', () => {
    const budget: Required<RetryBudget> = { percent: 12.5, minRetryConcurrency: 1, budgetInterval: Duration.seconds(10) };
    expect(renderRetryBudget(budget)).toEqual({ percent: 12.5, minRetryConcurrency: 1, budgetInterval: '10s' });
  });

  test.each<[RetryBudget, string]>([
    [{ percent: 101 }, 'percent of the retry budget is 101 percent; allowed are 0 to 100 (out-of-range)'],
    [
      { minRetryConcurrency: 0 },
      'minRetryConcurrency of the retry budget is 0; allowed are whole numbers from 1 up (out-of-range)',
    ],
  ])('%j is refused', (budget, message) => {
    expect(refusal(() => renderRetryBudget(budget))).toBe(message);
  });
});
