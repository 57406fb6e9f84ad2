import { Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  type CanaryAppProps,
  ClientTls,
  HashKey,
  HeaderMatch,
  LoadBalancer,
  type LocalityPreference,
  MeshGateway,
  MeshService,
  PathMatch,
  PortMatch,
  type PortTrafficPolicy,
  ResilienceRules,
  type ResilienceRulesProps,
  RetryOn,
  Rewrite,
  type TrafficPolicy,
} from 'cdk8s-istio';
import { NEWEST_ISTIO, schemaMistakes } from './support/schemas';
import { chart, type Manifest, one, refusal, synth, title } from './support/synth';

type Rules = Omit<ResilienceRulesProps, 'app'>;

const BASE: CanaryAppProps = {
  image: 'cart:1',
  ports: [AppPort.http(80)],
  versions: { v1: {}, v2: {} },
  split: { v1: 90, v2: 10 },
};
const ISTIO_RETRIES = { attempts: 2, retryOn: 'connect-failure,refused-stream,unavailable,cancelled' };

const rules = (all: Rules[], props: Partial<CanaryAppProps> = {}) =>
  synth((scope) => {
    const app = new CanaryApp(scope, 'cart', { ...BASE, ...props });
    all.forEach((one, index) => {
      new ResilienceRules(scope, `rules-${index}`, { app, ...one });
    });
  });
const message = (all: Rules[], props: Partial<CanaryAppProps> = {}) =>
  refusal(() => {
    const scope = chart();
    const app = new CanaryApp(scope, 'cart', { ...BASE, ...props });
    all.forEach((one, index) => {
      new ResilienceRules(scope, `rules-${index}`, { app, ...one });
    });
  });
const policy = (manifests: readonly Manifest[]) => one(manifests, 'DestinationRule').spec.trafficPolicy;
const subsets = (manifests: readonly Manifest[]) => one(manifests, 'DestinationRule').spec.subsets;
const http = (manifests: readonly Manifest[]) =>
  one(manifests, 'VirtualService').spec.http.map(({ route: _, ...rest }: Record<string, unknown>) => rest);

const seconds = (n: number) => Duration.seconds(n);
const POOL = { tcp: { maxConnections: 10 } };
const EJECT = { consecutive5xxErrors: 3, maxEjectionPercent: 100 };
const FAILOVER: LocalityPreference = { failover: [{ from: 'eu', to: 'us' }] };

describe('rules for an app', () => {
  test('go into its own VirtualService and DestinationRule', () => {
    const manifests = rules([{ timeout: seconds(15), connectionPool: POOL }]);
    expect(manifests.map(title).sort()).toEqual(rules([]).map(title).sort());
    expect(http(manifests)).toEqual([{ timeout: '15s', retries: ISTIO_RETRIES }]);
    expect(policy(manifests)).toEqual({ connectionPool: POOL });
  });

  test('look like this', () => {
    const manifests = rules([
      { timeout: seconds(15), outlierDetection: EJECT, versions: { v2: { connectionPool: POOL } } },
      { when: HeaderMatch.exact('end-user', 'jason'), fault: { delay: { fixedDelay: seconds(7) } } },
    ]);
    expect(manifests.filter(({ kind }) => ['VirtualService', 'DestinationRule'].includes(kind))).toMatchSnapshot();
  });

  test('hold on every route that leads somewhere', () => {
    const manifests = rules([{ timeout: seconds(15), retries: { attempts: 0 } }], {
      rules: [{ when: PathMatch.exact('/a'), to: 'v1' }],
    });
    expect(http(manifests)).toEqual([
      { match: [{ uri: { exact: '/a' } }], timeout: '15s', retries: { attempts: 0 } },
      { timeout: '15s', retries: { attempts: 0 } },
    ]);
  });

  test('add up from several constructs', () => {
    const manifests = rules([
      { timeout: seconds(15) },
      { retries: { attempts: 1 } },
      { connectionPool: POOL },
      { outlierDetection: EJECT },
    ]);
    expect(http(manifests)).toEqual([{ timeout: '15s', retries: { ...ISTIO_RETRIES, attempts: 1 } }]);
    expect(policy(manifests)).toEqual({ connectionPool: POOL, outlierDetection: EJECT });
  });

  test('take what is undefined for unsaid', () => {
    const nothing: Rules = {
      when: undefined,
      timeout: undefined,
      retries: undefined,
      fault: undefined,
      ports: undefined,
      versions: undefined,
      connectionPool: undefined,
    };
    const timeout = Duration.seconds(15);
    expect(rules([{ ...nothing, timeout }])).toEqual(rules([{ timeout }]));
  });

  test('are refused when they set nothing', () => {
    expect(() => rules([{ timeout: undefined }])).toThrow(
      'nothing is set; say timeout, retries, fault, connectionPool, outlierDetection, loadBalancer, clientTls, retryBudget, or remove the rules (invalid-resilience)',
    );
  });
});

describe('rules for some requests', () => {
  test('stand before the rest of each route, and inherit what holds for all', () => {
    const manifests = rules([
      { timeout: seconds(15), retries: { attempts: 1 } },
      { when: PathMatch.prefix('/slow'), timeout: seconds(60) },
    ]);
    expect(http(manifests)).toEqual([
      { match: [{ uri: { prefix: '/slow' } }], timeout: '60s', retries: { ...ISTIO_RETRIES, attempts: 1 } },
      { timeout: '15s', retries: { ...ISTIO_RETRIES, attempts: 1 } },
    ]);
  });

  test('leave out the routes that none of them meet, or that nothing is left of', () => {
    const manifests = rules([{ when: PathMatch.prefix('/slow'), timeout: seconds(60) }], {
      rules: [
        { when: PathMatch.exact('/slow/a'), to: 'v1' },
        { when: PathMatch.exact('/b'), to: 'v1' },
      ],
    });
    expect(http(manifests).map(({ match, timeout }: { match: unknown; timeout: unknown }) => [match, timeout])).toEqual([
      [[{ uri: { exact: '/slow/a' } }], '60s'],
      [[{ uri: { exact: '/b' } }], undefined],
      [[{ uri: { prefix: '/slow' } }], '60s'],
      [undefined, undefined],
    ]);
  });

  test('keep what a prefix becomes', () => {
    const manifests = rules([{ when: PathMatch.prefix('/api/slow/'), timeout: seconds(60) }], {
      rules: [{ when: PathMatch.prefix('/api/'), to: 'v1', rewrite: Rewrite.prefix('/') }],
    });
    expect(http(manifests).map(({ rewrite }: { rewrite: unknown }) => rewrite)).toEqual([
      { uri: '/slow/' },
      { uri: '/' },
      undefined,
      undefined,
    ]);
  });

  test('with a fault inherit neither timeout nor retries, which Istio would ignore there', () => {
    const manifests = rules([
      { timeout: seconds(15), retries: { attempts: 1, perTryTimeout: seconds(7) } },
      { when: HeaderMatch.exact('end-user', 'jason'), fault: { abort: { httpStatus: 500 } } },
    ]);
    expect(http(manifests)[0]).toEqual({
      match: [{ headers: { 'end-user': { exact: 'jason' } } }],
      fault: { abort: { httpStatus: 500, percentage: { value: 100 } } },
    });
  });

  test('may say the retries alone', () => {
    expect(http(rules([{ when: PathMatch.exact('/a'), retries: { attempts: 0 } }]))).toEqual([
      { match: [{ uri: { exact: '/a' } }], retries: { attempts: 0 } },
      { retries: ISTIO_RETRIES },
    ]);
  });

  test('may differ from one another in the same thing', () => {
    const manifests = rules([
      { when: PathMatch.exact('/a'), timeout: seconds(1) },
      { when: PathMatch.exact('/b'), timeout: seconds(2) },
    ]);
    expect(http(manifests).map(({ timeout }: { timeout: unknown }) => timeout)).toEqual(['1s', '2s', undefined]);
  });
});

describe('rules for one version', () => {
  test('stand in its subset alone', () => {
    const manifests = rules([{ outlierDetection: EJECT, versions: { v2: { connectionPool: POOL } } }]);
    expect(policy(manifests)).toEqual({ outlierDetection: EJECT });
    expect(subsets(manifests)).toEqual([
      { name: 'v1', labels: { version: 'v1' } },
      { name: 'v2', labels: { version: 'v2' }, trafficPolicy: { connectionPool: POOL } },
    ]);
  });

  test('fail over on the outlier detection of the app, which Istio adds to them', () => {
    const v2: TrafficPolicy = { loadBalancer: LoadBalancer.random({ locality: FAILOVER }) };
    const together = rules([{ outlierDetection: EJECT, versions: { v2 } }]);
    expect(subsets(together)[1].trafficPolicy).toEqual({ loadBalancer: { simple: 'RANDOM', localityLbSetting: FAILOVER } });
    expect(subsets(rules([{ outlierDetection: EJECT }, { versions: { v2 } }]))).toEqual(subsets(together));
    expect(message([{ versions: { v2 } }])).toContain('has no outlierDetection beside it');
  });

  test('are refused for a version that the app lacks', () => {
    expect(message([{ versions: { v3: {} } }])).toBe(
      "[system/rules-0] versions names 'v3', which app 'cart' does not have; it has v1, v2 (unknown-version)",
    );
  });
});

describe('rules for one port', () => {
  const ports = [AppPort.http(80), AppPort.http(81, { name: 'admin' })];

  test('say again what holds for the app, because Istio forgets it there', () => {
    const manifests = rules(
      [{ outlierDetection: EJECT, connectionPool: POOL, ports: { '81': { connectionPool: { tcp: { maxConnections: 1 } } } } }],
      { ports },
    );
    expect(policy(manifests)).toEqual({
      outlierDetection: EJECT,
      connectionPool: POOL,
      portLevelSettings: [{ port: { number: 81 }, outlierDetection: EJECT, connectionPool: { tcp: { maxConnections: 1 } } }],
    });
  });

  test('say again what another construct says for the app', () => {
    const manifests = rules([{ ports: { '81': { clientTls: ClientTls.disable() } } }, { outlierDetection: EJECT }], { ports });
    expect(policy(manifests).portLevelSettings).toEqual([
      { port: { number: 81 }, outlierDetection: EJECT, tls: { mode: 'DISABLE' } },
    ]);
  });

  test.each(['82', '', 'http', '8e1x'])('are refused for port %j', (port) => {
    expect(message([{ ports: { [port]: {} } }], { ports })).toBe(
      `[system/cart] port ${Number(port)} is none of the Service's; it has 80, 81 (unknown-port)`,
    );
  });
});

test('a condition that Istio cannot say together with a rule of the app is refused where it is written', () => {
  const props = { rules: [{ when: PathMatch.regex('/a.*'), to: 'v1' }] };
  expect(message([{ when: PathMatch.regex('/.*b'), timeout: seconds(1) }], props)).toBe(
    "[system/rules-0] path must match both regex '/a.*' and regex '/.*b', which Istio cannot say in one route; write the intersection as one expression (unsupported-match)",
  );
});

describe('fatal arithmetic is refused', () => {
  test('retries that cannot fit into the timeout', () => {
    const fits =
      'need 6000 ms, but the timeout is 5000 ms; allowed is a timeout of at least 6000 ms, or fewer or shorter tries (retries-exceed-timeout)';
    const retries = { attempts: 2, perTryTimeout: seconds(2) };
    expect(message([{ timeout: seconds(5), retries }])).toBe(`[system/rules-0] 3 tries of 2000 ms ${fits}`);
    expect(message([{ timeout: seconds(5) }, { retries }])).toBe(`[system/rules-1] 3 tries of 2000 ms ${fits}`);
    expect(message([{ retries }, { timeout: seconds(5) }])).toBe(`[system/rules-1] 3 tries of 2000 ms ${fits}`);
  });

  test('retries that cannot fit into the timeout of some requests', () => {
    const retries = { attempts: 2, perTryTimeout: seconds(2) };
    const when = PathMatch.exact('/fast');
    expect(message([{ retries }, { when, timeout: seconds(5) }])).toContain('(retries-exceed-timeout)');
    expect(message([{ when, timeout: seconds(5) }, { retries }])).toContain('(retries-exceed-timeout)');
    expect(http(rules([{ retries }, { when, timeout: seconds(5), retries: { attempts: 0 } }]))).toHaveLength(2);
  });

  test('a fault together with timeout or retries, which Istio ignores', () => {
    const fault = { abort: { httpStatus: 500 } };
    const said =
      'fault stands together with timeout or retries, which Istio ignores on a route with a fault; put them on different apps or requests';
    expect(message([{ fault, timeout: seconds(1) }])).toBe(`[system/rules-0] ${said} (fault-with-timeout)`);
    expect(message([{ fault, retries: { attempts: 1 } }])).toBe(`[system/rules-0] ${said} (fault-with-timeout)`);
    expect(message([{ fault }, { timeout: seconds(1) }])).toBe(
      "[system/rules-1] app 'cart' gets a fault and timeout or retries from 'system/rules-0' and here; Istio ignores the latter on a route with a fault; limit the fault with 'when' (fault-with-timeout)",
    );
    expect(message([{ timeout: seconds(1) }, { fault }])).toContain("from 'system/rules-0' and here; Istio ignores the latter");
    expect(message([{ retries: { attempts: 1 } }, { fault }])).toContain('(fault-with-timeout)');
    expect(message([{ when: PathMatch.exact('/a'), timeout: seconds(1) }, { fault }])).toContain('(fault-with-timeout)');
  });

  test('outlier detection that can never eject with the replicas given', () => {
    const twice = { versions: { v1: { replicas: 2 }, v2: {} } };
    const said =
      "maxEjectionPercent is 10, Istio's default, but one of the 2 pods of version 'v1' is 50 percent, so none is ever ejected; allowed is 50 to 100, more replicas, or an autoscaler for them in this app";
    const detection = { outlierDetection: { maxEjectionPercent: 10 } };
    expect(message([detection], twice)).toBe(`[system/rules-0] ${said} (never-ejects)`);
    expect(message([{ versions: { v1: detection } }], twice)).toBe(`[system/rules-0] ${said} (never-ejects)`);
    expect(message([{ ports: { '80': detection } }], twice)).toBe(`[system/rules-0] ${said} (never-ejects)`);
    expect(message([detection], { replicas: 2 })).toBe(`[system/rules-0] ${said} (never-ejects)`);
  });

  test('outlier detection of one version, as the replicas of that one allow', () => {
    const props = { versions: { v1: { replicas: 10 }, v2: { replicas: 1 } } };
    const narrow = { outlierDetection: { maxEjectionPercent: 10 } };
    expect(subsets(rules([{ ...narrow, versions: { v2: { outlierDetection: EJECT } } }], props))[1].trafficPolicy).toEqual({
      outlierDetection: EJECT,
    });
    expect(message([narrow], props)).toContain("the only pod of version 'v2' is 100 percent");
  });

  test.each([0, 0.5])('a timeout of %p ms', (ms) => {
    expect(message([{ timeout: Duration.millis(ms) }])).toBe(
      `[system/rules-0] timeout is ${ms} ms; allowed are whole milliseconds from 1 up (out-of-range)`,
    );
  });
});

describe('contradictions are refused', () => {
  test.each<[Rules, Rules, string]>([
    [{ timeout: seconds(1) }, { timeout: seconds(1) }, 'timeout'],
    [{ retries: { attempts: 0 } }, { retries: { attempts: 1 } }, 'retries'],
    [{ fault: { abort: { httpStatus: 500 } } }, { fault: { abort: { httpStatus: 503 } } }, 'fault'],
    [
      { connectionPool: POOL, outlierDetection: EJECT },
      { outlierDetection: EJECT, connectionPool: POOL },
      'connectionPool, outlierDetection',
    ],
    [
      { versions: { v1: { connectionPool: POOL } } },
      { versions: { v1: { connectionPool: POOL } } },
      'versions[v1].connectionPool',
    ],
    [{ ports: { '80': { connectionPool: POOL } } }, { ports: { '80': { connectionPool: POOL } } }, 'ports[80].connectionPool'],
  ])('the same thing said twice: %#', (one, two, what) => {
    expect(message([one, two])).toBe(
      `[system/rules-1] ${what} of app 'cart' is already set by 'system/rules-0'; say it once (conflicting-rules)`,
    );
  });

  test('a condition with nothing that it could limit', () => {
    expect(message([{ when: PathMatch.exact('/a'), connectionPool: POOL }])).toBe(
      "[system/rules-0] 'when' limits timeout, retries and fault, and none of them is set (invalid-resilience)",
    );
  });

  test('timeouts for an app without HTTP', () => {
    const said = "[system/cart] Service 'cart' has no HTTP port; give it one, such as AppPort.http(80) (unknown-port)";
    expect(message([{ timeout: seconds(1) }], { ports: [AppPort.tcp(5432)] })).toBe(said);
    expect(message([{ fault: { abort: { httpStatus: 500 } } }], { ports: [AppPort.tcp(5432)] })).toBe(said);
    expect(policy(rules([{ connectionPool: POOL }], { ports: [AppPort.tcp(5432)] }))).toEqual({ connectionPool: POOL });
  });

  test.each<[Rules, string]>([
    [{ retries: { attempts: -1 } }, 'attempts of the retries is -1; allowed are whole numbers from 0 up (out-of-range)'],
    [{ fault: {} }, 'fault has neither delay nor abort (invalid-resilience)'],
    [{ connectionPool: {} }, 'connectionPool has neither tcp nor http (invalid-resilience)'],
    [{ retryBudget: { percent: 200 } }, 'percent of the retry budget is 200 percent; allowed are 0 to 100 (out-of-range)'],
    [{ versions: { v1: { connectionPool: {} } } }, 'connectionPool has neither tcp nor http (invalid-resilience)'],
    [{ ports: { '80': { connectionPool: {} } } }, 'connectionPool has neither tcp nor http (invalid-resilience)'],
  ])('bad values, with the path of the construct: %#', (one, expected) => {
    expect(message([one])).toBe(`[system/rules-0] ${expected}`);
  });
});

describe('rules for a Service that somebody else owns', () => {
  const foreign = (all: Rules[]) =>
    synth((scope) => {
      const app = MeshService.fromName(scope, 'legacy', { namespace: 'old', ports: [AppPort.http(80)] });
      all.forEach((one, index) => {
        new ResilienceRules(scope, `rules-${index}`, { app, ...one });
      });
    });

  test('make the objects that they need, and none else', () => {
    const manifests = foreign([{ timeout: seconds(3), connectionPool: POOL }]);
    expect(manifests.map(title).sort()).toEqual(['DestinationRule legacy', 'VirtualService legacy']);
    expect(policy(manifests)).toEqual({ connectionPool: POOL });
    expect(one(manifests, 'VirtualService').spec).toEqual({
      hosts: ['legacy.old.svc.cluster.local'],
      http: [{ route: [{ destination: { host: 'legacy.old.svc.cluster.local' } }], timeout: '3s', retries: ISTIO_RETRIES }],
    });
    expect(foreign([{ timeout: seconds(3) }]).map(title)).toEqual(['VirtualService legacy']);
    expect(foreign([{ connectionPool: POOL }]).map(title)).toEqual(['DestinationRule legacy']);
  });

  test('make each object once, with all that they say', () => {
    const manifests = foreign([
      { connectionPool: POOL },
      { outlierDetection: EJECT },
      { timeout: seconds(3) },
      { retries: { attempts: 1 } },
    ]);
    expect(manifests.map(title).sort()).toEqual(['DestinationRule legacy', 'VirtualService legacy']);
    expect(policy(manifests)).toEqual({ connectionPool: POOL, outlierDetection: EJECT });
    expect(http(manifests)).toEqual([{ timeout: '3s', retries: { ...ISTIO_RETRIES, attempts: 1 } }]);
  });
});

test('with every property rules are valid against the newest CRDs', () => {
  const manifests = synth((scope) => {
    const app = new CanaryApp(scope, 'cart', BASE);
    const port: Required<PortTrafficPolicy> = {
      connectionPool: { tcp: { connectTimeout: seconds(1) }, http: { http2MaxRequests: 1 } },
      outlierDetection: { ...EJECT, outlierDetectionHttpErrorCodes: [429] },
      loadBalancer: LoadBalancer.leastRequest({ locality: FAILOVER, warmup: { duration: seconds(30) } }),
      clientTls: ClientTls.istioMutual(),
    };
    const traffic: Required<TrafficPolicy> = { ...port, retryBudget: { percent: 20, budgetInterval: seconds(1) } };
    const all: Required<Omit<ResilienceRulesProps, 'fault' | 'when'>> = {
      ...traffic,
      app,
      timeout: seconds(15),
      retries: { attempts: 3, perTryTimeout: seconds(2), retryOn: [RetryOn.SERVER_ERROR], backoff: Duration.millis(10) },
      ports: { '80': port },
      versions: { v1: traffic },
    };
    new ResilienceRules(scope, 'all', all);
    const some: Required<Pick<ResilienceRulesProps, 'app' | 'fault' | 'when'>> = {
      app,
      when: HeaderMatch.exact('end-user', 'jason'),
      fault: { delay: { fixedDelay: seconds(7), percent: 50 }, abort: { httpStatus: 503, percent: 1 } },
    };
    new ResilienceRules(scope, 'some', some);
  });
  expect(schemaMistakes(manifests, NEWEST_ISTIO)).toEqual([]);
  expect(http(manifests)).toHaveLength(2);
  expect(Object.keys(policy(manifests)).sort()).toEqual([
    'connectionPool',
    'loadBalancer',
    'outlierDetection',
    'portLevelSettings',
    'retryBudget',
    'tls',
  ]);
});

test('without the newest fields rules are valid against all CRDs', () => {
  const all: Rules = {
    timeout: seconds(15),
    retries: { attempts: 3, retryRemoteLocalities: true },
    connectionPool: { http: { maxConcurrentStreams: 1 }, tcp: { tcpKeepalive: { probes: 1 } } },
    outlierDetection: EJECT,
    loadBalancer: LoadBalancer.roundRobin({ locality: { failoverPriority: ['version'] } }),
    clientTls: ClientTls.simple({ sni: 'cart' }),
  };
  expect(schemaMistakes(rules([all]))).toEqual([]);
});

describe('what would do nothing, or something else, is refused', () => {
  const stream = { ports: [AppPort.tcp(9000)] };
  const byHeader = LoadBalancer.consistentHash(HashKey.header('x-user'));

  test('a hash of something that only HTTP has, for a port without HTTP', () => {
    expect(message([{ loadBalancer: byHeader }], stream)).toBe(
      "[system/rules-0] loadBalancer chooses by something of HTTP, and the ports tcp of 'cart' do not speak it, so any pod would be chosen; use HashKey.sourceIp() (invalid-resilience)",
    );
    const both = { ports: [AppPort.http(80), AppPort.tcp(9000)] };
    expect(message([{ ports: { '9000': { loadBalancer: byHeader } } }], both)).toContain('the ports tcp of');
    expect(message([{ versions: { v2: { loadBalancer: byHeader } } }], stream)).toContain('the ports tcp of');
    expect(policy(rules([{ loadBalancer: byHeader }], both)).loadBalancer).toBeDefined();
    expect(policy(rules([{ loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp()) }], stream))).toBeDefined();
  });

  test('the address that a caller asked for, where the split or a gateway chooses', () => {
    const passthrough = { loadBalancer: LoadBalancer.passthrough() };
    expect(message([passthrough])).toBe(
      "[system/rules-0] LoadBalancer.passthrough() calls the address that the caller asked for, past the versions v1, v2 of 'cart'; choose another load balancer (bypassed-split)",
    );
    const single = { versions: { v1: {} }, split: undefined };
    expect(policy(rules([passthrough], single)).loadBalancer).toEqual({ simple: 'PASSTHROUGH' });
    const behind = () =>
      synth((scope) => {
        const app = new CanaryApp(scope, 'cart', { ...BASE, ...single });
        new ResilienceRules(scope, 'rules', { app, ...passthrough });
        new MeshGateway(scope, 'gateway').expose(app, { host: 'cart.example.com' });
      });
    expect(refusal(behind)).toContain(
      "[system/rules] LoadBalancer.passthrough() needs a caller that asked for an address, and gateway 'gateway' leads to 'cart' without one",
    );
  });

  test('a Secret with certificates for callers in the mesh, who would send plain text', () => {
    const clientTls = ClientTls.simple({ credentialName: 'cart-ca' });
    expect(refusal(() => rules([{ clientTls }]))).toContain(
      "[system/rules-0] clientTls has a credentialName, which Istio reads at gateways alone, and no gateway leads to 'cart': callers would send plain text",
    );
    expect(policy(rules([{ clientTls: ClientTls.simple({ credentialName: 'configmap://cart-ca' }) }]))).toBeDefined();
    const exposed = synth((scope) => {
      const app = new CanaryApp(scope, 'cart', BASE);
      new ResilienceRules(scope, 'rules', { app, clientTls });
      new MeshGateway(scope, 'gateway').expose(app, { host: 'cart.example.com' });
    });
    expect(policy(exposed).tls).toEqual({ mode: 'SIMPLE', credentialName: 'cart-ca' });
  });

  test('conditions on a port that nobody calls', () => {
    expect(message([{ when: PortMatch.of(9999), timeout: seconds(1) }])).toBe(
      "[system/rules-0] when asks for port 9999, to which no request is sent; 'cart' takes HTTP on 80 (unknown-port)",
    );
  });

  test('a number of retries beside a budget, save for a port, of which Istio takes no budget', () => {
    const maxRetries = { http: { maxRetries: 3 } };
    const refused =
      'connectionPool.http.maxRetries is 3 beside a retryBudget, which Envoy keeps to alone; say one of them (invalid-resilience)';
    expect(message([{ connectionPool: maxRetries, retryBudget: { percent: 10 } }])).toBe(`[system/rules-0] ${refused}`);
    expect(message([{ connectionPool: maxRetries }, { retryBudget: { percent: 10 } }])).toBe(`[system/rules-1] ${refused}`);
    expect(rules([{ ports: { '80': { connectionPool: maxRetries } }, retryBudget: { percent: 10 } }])).toBeDefined();
  });

  test('TLS around the TLS that callers send', () => {
    const ports = [AppPort.http(80), AppPort.https(443)];
    const clientTls = ClientTls.simple();
    expect(refusal(() => rules([{ clientTls }], { ports }))).toContain(
      "[system/rules-0] clientTls encrypts what goes to port 443 (https) of 'cart', which callers send as TLS already",
    );
    expect(rules([{ ports: { '80': { clientTls } } }], { ports })).toBeDefined();
    expect(rules([{ clientTls: ClientTls.istioMutual() }], { ports })).toBeDefined();
  });
});
