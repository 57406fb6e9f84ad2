import { DirectResponse } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('a direct response', () => {
  test('has a status, and a body where it is said', () => {
    expect(DirectResponse.of(503)._render()).toEqual({ status: 503 });
    expect(DirectResponse.of(200, '')._render()).toEqual({ status: 200, body: { string: '' } });
    expect(DirectResponse.of(599, 'ünder construction\n')._render()).toEqual({
      status: 599,
      body: { string: 'ünder construction\n' },
    });
  });

  test.each([0, 100, 199, 600, -1, 200.5, Number.NaN])('is refused with the status %p', (status) => {
    expect(refusal(() => DirectResponse.of(status))).toBe(
      `status of the direct response is ${status}; allowed are whole numbers from 200 to 599 (out-of-range)`,
    );
  });

  test('is refused with a body of more than 1 MiB', () => {
    expect(DirectResponse.of(200, 'x'.repeat(2 ** 20))).toBeDefined();
    expect(refusal(() => DirectResponse.of(200, `${'ä'.repeat(2 ** 19)}x`))).toBe(
      'length of the direct response in bytes is 1048577; allowed are whole numbers from 0 to 1048576 (out-of-range)',
    );
  });
});
