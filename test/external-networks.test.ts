import { ExternalNetworks } from 'cdk8s-istio';
import { refusal } from './support/synth';

describe('the networks of a host outside the mesh', () => {
  test.each([
    ['none', []],
    ["'api.example.com'", ['203.0.113.0/24', 'api.example.com']],
    ["'203.0.113.1'", ['203.0.113.1']],
    ["'203.0.113.0/33'", ['203.0.113.0/33']],
    ["''", ['']],
  ])('are refused when they hold %s', (what, ranges) => {
    expect(refusal(() => ExternalNetworks.of(ranges))).toBe(
      `networks hold ${what}; allowed is at least one such as '203.0.113.0/24' (out-of-range)`,
    );
  });
});
