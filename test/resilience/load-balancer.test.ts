import { Duration } from 'cdk8s';
import { HashAlgorithm, type HashCookieOptions, HashKey, LoadBalancer, type LocalityPreference, type Warmup } from 'cdk8s-istio';
import { refusal } from '../support/synth';

const render = (balancer: LoadBalancer, hasOutlierDetection = true) =>
  JSON.parse(JSON.stringify(balancer._render(hasOutlierDetection)));
const near = (locality: LocalityPreference) => render(LoadBalancer.random({ locality }));

describe('a load balancer', () => {
  test.each([
    [LoadBalancer.leastRequest(), { simple: 'LEAST_REQUEST' }],
    [LoadBalancer.roundRobin(), { simple: 'ROUND_ROBIN' }],
    [LoadBalancer.random(), { simple: 'RANDOM' }],
    [LoadBalancer.passthrough(), { simple: 'PASSTHROUGH' }],
    [LoadBalancer.consistentHash(HashKey.sourceIp()), { consistentHash: { useSourceIp: true } }],
    [LoadBalancer.consistentHash(HashKey.header('X-User')), { consistentHash: { httpHeaderName: 'X-User' } }],
    [LoadBalancer.consistentHash(HashKey.queryParameter('user')), { consistentHash: { httpQueryParameterName: 'user' } }],
    [LoadBalancer.consistentHash(HashKey.cookie('user')), { consistentHash: { httpCookie: { name: 'user' } } }],
    [
      LoadBalancer.consistentHash(HashKey.sourceIp(), { algorithm: HashAlgorithm.ringHash() }),
      { consistentHash: { useSourceIp: true, ringHash: { minimumRingSize: 1024 } } },
    ],
    [
      LoadBalancer.consistentHash(HashKey.sourceIp(), { algorithm: HashAlgorithm.maglev() }),
      { consistentHash: { useSourceIp: true, maglev: { tableSize: 65537 } } },
    ],
  ])('is written as Istio reads it: %#', (balancer, expected) => {
    expect(render(balancer)).toEqual(expected);
  });

  test('makes a cookie where the client has none', () => {
    const options: Required<HashCookieOptions> = { ttl: Duration.hours(1), path: '/shop' };
    expect(render(LoadBalancer.consistentHash(HashKey.cookie('user', options)))).toEqual({
      consistentHash: { httpCookie: { name: 'user', ttl: '3600s', path: '/shop' } },
    });
    expect(render(LoadBalancer.consistentHash(HashKey.cookie('user', { ttl: Duration.seconds(0) })))).toEqual({
      consistentHash: { httpCookie: { name: 'user', ttl: '0s' } },
    });
  });

  test.each([LoadBalancer.leastRequest, LoadBalancer.roundRobin])('warms new pods up', (balancer) => {
    const warmup: Required<Warmup> = { duration: Duration.minutes(1), minimumPercent: 5, aggression: 1.5 };
    expect(render(balancer({ warmup }))).toMatchObject({ warmup: { duration: '60s', minimumPercent: 5, aggression: 1.5 } });
  });

  test.each<[() => unknown, string]>([
    [() => HashKey.header('a b'), "header name is 'a b'; allowed are letters, digits and !#$%&'*+.^_`|~- (invalid-header)"],
    [() => HashKey.cookie(''), "header name is ''; allowed are letters, digits and !#$%&'*+.^_`|~- (invalid-header)"],
    [
      () => HashKey.cookie('user', { ttl: Duration.millis(0.5) }),
      "ttl of cookie 'user' is 0.5 ms; allowed are whole milliseconds from 1 up (out-of-range)",
    ],
    [
      () => HashKey.queryParameter(''),
      "query parameter is ''; it must not be empty or hold blanks, '&', '=', '#', '?' (invalid-query)",
    ],
    [() => HashAlgorithm.ringHash(0), 'minimumRingSize is 0; allowed are whole numbers from 1 to 8388608 (out-of-range)'],
    [() => HashAlgorithm.maglev(65536), 'tableSize is 65536 (divisible by 2); maglev takes primes, such as 65537 (out-of-range)'],
    [() => HashAlgorithm.maglev(5_000_011), 'tableSize is 5000011; allowed are whole numbers from 2 to 5000010 (out-of-range)'],
    [() => HashAlgorithm.maglev(1), 'tableSize is 1; allowed are whole numbers from 2 to 5000010 (out-of-range)'],
    [
      () => LoadBalancer.roundRobin({ warmup: { duration: Duration.seconds(1), aggression: 0.5 } }),
      'aggression of the warm-up is 0.5; allowed are numbers from 1 up (out-of-range)',
    ],
    [
      () => LoadBalancer.roundRobin({ warmup: { duration: Duration.seconds(1), minimumPercent: 101 } }),
      'minimumPercent of the warm-up is 101 percent; allowed are 0 to 100 (out-of-range)',
    ],
    [
      () => LoadBalancer.roundRobin({ warmup: { duration: Duration.millis(0) } }),
      'duration of the warm-up is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    ],
  ])('refuses what Envoy cannot do: %#', (build, message) => {
    expect(refusal(build)).toBe(message);
  });
});

describe('a preference for pods that are near', () => {
  test('is written with every field', () => {
    const distribute: LocalityPreference = {
      enabled: true,
      distribute: [{ from: 'eu/a/*', to: { 'eu/a/*': 80, 'eu/b/*': 20 } }],
    };
    expect(near(distribute)).toEqual({ simple: 'RANDOM', localityLbSetting: distribute });
    const failover: Required<Omit<LocalityPreference, 'distribute'>> = {
      enabled: true,
      failover: [{ from: 'eu', to: 'us' }],
      failoverPriority: ['topology.istio.io/network'],
    };
    expect(near(failover)).toEqual({ simple: 'RANDOM', localityLbSetting: failover });
    expect(near({ enabled: false })).toEqual({ simple: 'RANDOM', localityLbSetting: { enabled: false } });
  });

  test.each<[LocalityPreference, string]>([
    [
      { distribute: [{ from: 'eu', to: { eu: 100 } }], failover: [{ from: 'eu', to: 'us' }] },
      'locality has both distribute and failover; Istio takes one of them (invalid-resilience)',
    ],
    [
      { enabled: false, failover: [{ from: 'eu', to: 'us' }] },
      'locality is switched off, and failover beside it has no effect; leave one of them out (invalid-resilience)',
    ],
    [
      { distribute: [{ from: 'eu', to: { eu: 80, us: 10 } }] },
      "shares from locality 'eu' sum to 90; they must sum to 100 (invalid-resilience)",
    ],
    [{ distribute: [{ from: 'eu', to: {} }] }, "shares from locality 'eu' sum to 0; they must sum to 100 (invalid-resilience)"],
    [
      { distribute: [{ from: 'eu', to: { eu: 150, us: -50 } }] },
      "share from locality 'eu' to 'eu' is 150; allowed are whole numbers from 1 to 100 (out-of-range)",
    ],
    [
      { distribute: [{ from: 'eu', to: { eu: 100, us: 0 } }] },
      "share from locality 'eu' to 'us' is 0; allowed are whole numbers from 1 to 100 (out-of-range)",
    ],
    [
      { failover: [{ from: 'eu', to: 'eu' }] },
      "locality fails over from 'eu' to 'eu'; allowed are two different regions, without zones and '*' (invalid-resilience)",
    ],
    [
      { failover: [{ from: 'eu/a', to: 'us' }] },
      "locality fails over from 'eu/a' to 'us'; allowed are two different regions, without zones and '*' (invalid-resilience)",
    ],
    [
      { failover: [{ from: 'eu', to: '' }] },
      "locality fails over from 'eu' to ''; allowed are two different regions, without zones and '*' (invalid-resilience)",
    ],
  ])('%j is refused', (locality, message) => {
    expect(refusal(() => near(locality))).toBe(message);
  });

  test.each<LocalityPreference>([
    { failover: [{ from: 'eu', to: 'us' }] },
    { failoverPriority: ['version'] },
    { enabled: true },
    {},
  ])('without fixed shares needs outlier detection: %j', (locality) => {
    expect(refusal(() => render(LoadBalancer.random({ locality }), false))).toBe(
      'locality prefers what is near, or fails over, and has no outlierDetection beside it, without which Istio never sees a failure and does neither; set outlierDetection too (invalid-resilience)',
    );
  });

  test.each<LocalityPreference>([{ distribute: [{ from: 'eu', to: { us: 100 } }] }, { enabled: false }])(
    'with fixed shares, or switched off, needs no outlier detection: %j',
    (locality) => {
      expect(render(LoadBalancer.random({ locality }), false).localityLbSetting).toEqual(locality);
    },
  );
});
