import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  type CanaryAppProps,
  Cookie,
  CorsOrigin,
  DeploymentRef,
  DirectResponse,
  HeaderMatch,
  HttpMethod,
  LifecycleHandler,
  MeshService,
  MethodMatch,
  Metrics,
  type Mirror,
  PathMatch,
  PortMatch,
  Probe,
  QueryMatch,
  Redirect,
  type RequestMatch,
  Rewrite,
  type RoutingRule,
  SourceMatch,
  type VersionProps,
} from 'cdk8s-istio';
import { Cpu, EnvValue, ImagePullPolicy, Volume } from 'cdk8s-plus-27';
import { NEWEST_ISTIO, schemaMistakes } from './support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth, title } from './support/synth';

const HOST = 'cart.shop.svc.cluster.local';
const BASE: CanaryAppProps = {
  image: 'cart:1',
  ports: [AppPort.http(80)],
  versions: { v1: {}, v2: {} },
  split: { v1: 90, v2: 10 },
};

const METRICS = AppPort.http(9797, { name: 'prometheus' });

const cart = (props: Partial<CanaryAppProps> = {}) => synth((scope) => new CanaryApp(scope, 'cart', { ...BASE, ...props }));
const message = (props: Partial<CanaryAppProps>, namespace = 'shop') =>
  refusal(() => new CanaryApp(chart(namespace), 'cart', { ...BASE, ...props }));
const http = (manifests: readonly Manifest[]) => one(manifests, 'VirtualService').spec.http;
const to = (subset: string, weight: number, port?: number) => ({
  destination: { host: HOST, subset, ...(port !== undefined && { port: { number: port } }) },
  weight,
});

describe('an app', () => {
  test('is the same set of objects with one version as with two', () => {
    const kinds = (manifests: readonly Manifest[]) =>
      manifests
        .map(title)
        .filter((name) => !name.startsWith('Deployment'))
        .sort();
    expect(kinds(cart())).toEqual(kinds(cart({ versions: { v1: {} }, split: undefined })));
    expect(cart().map(title).sort()).toEqual([
      'Deployment cart-v1',
      'Deployment cart-v2',
      'DestinationRule cart',
      'Service cart',
      'ServiceAccount cart',
      'VirtualService cart',
    ]);
  });

  test('looks like this', () => {
    expect(cart()).toMatchSnapshot();
  });

  test('has a Service over all versions, whose ports say their protocol', () => {
    const service = one(
      cart({ ports: [AppPort.http(80, { targetPort: 8080 }), AppPort.grpc(9000, { name: 'api' })] }),
      'Service',
    );
    expect(service.spec).toEqual({
      selector: { app: 'cart' },
      ports: [
        { name: 'http', port: 80, targetPort: 8080, appProtocol: 'http' },
        { name: 'grpc-api', port: 9000, targetPort: 9000, appProtocol: 'grpc' },
      ],
    });
  });

  test('has a subset for each version', () => {
    expect(one(cart(), 'DestinationRule').spec).toEqual({
      host: HOST,
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', labels: { version: 'v2' } },
      ],
    });
  });

  test('shares its requests as the split says, in the order of the versions', () => {
    expect(http(cart({ split: { v2: 10, v1: 90 } }))[0].route).toEqual([to('v1', 90), to('v2', 10)]);
    expect(http(cart({ split: { v2: 100 } }))[0].route).toEqual([to('v2', 100)]);
    expect(http(cart({ versions: { only: {} }, split: undefined }))[0].route).toEqual([to('only', 100)]);
  });

  test('shares its connections too where a port is not HTTP', () => {
    const { http: none, tcp } = one(cart({ ports: [AppPort.tcp(5432)] }), 'VirtualService').spec;
    expect(none).toBeUndefined();
    expect(tcp).toEqual([{ match: [{ port: 5432 }], route: [to('v1', 90), to('v2', 10)] }]);
  });

  test('sends no headers along with a connection', () => {
    const destinationHeaders = { v2: { request: { set: { 'x-canary': '1' } } } };
    const { http: routes, tcp } = one(
      cart({ ports: [AppPort.http(80), AppPort.tcp(5432)], destinationHeaders }),
      'VirtualService',
    ).spec;
    expect(routes[0].route[1]).toEqual({ ...to('v2', 10, 80), headers: destinationHeaders.v2 });
    expect(tcp[0].route).toEqual([to('v1', 90, 5432), to('v2', 10, 5432)]);
  });

  test('says the port of each destination where the Service has several, as Istio asks', () => {
    const routes = http(cart({ ports: [AppPort.http(80), AppPort.grpc(9000)] }));
    expect(routes).toMatchObject([
      { match: [{ port: 80 }], route: [to('v1', 90, 80), to('v2', 10, 80)] },
      { match: [{ port: 9000 }], route: [to('v1', 90, 9000), to('v2', 10, 9000)] },
    ]);
  });

  test('leads to the metrics of all its pods, whatever its rules and its split say', () => {
    const rules = [{ when: PathMatch.prefix('/metrics'), to: 'v2' }];
    expect(http(cart({ metrics: Metrics.serviceMonitor(METRICS), rules }))).toMatchObject([
      { match: [{ port: 9797 }], route: [{ destination: { host: HOST, port: { number: 9797 } } }] },
      { match: [{ uri: { prefix: '/metrics' } }], route: [to('v2', 100, 80)] },
      { route: [to('v1', 90, 80), to('v2', 10, 80)] },
    ]);
  });

  test('leads connections, not requests, to a port of the metrics that speaks no HTTP', () => {
    const manifests = cart({ metrics: Metrics.serviceMonitor(AppPort.tcp(9797)) });
    const { http, tcp } = one(manifests, 'VirtualService').spec;
    expect(http.map(({ match }: { match?: unknown }) => match)).toEqual([undefined]);
    expect(tcp).toMatchObject([{ match: [{ port: 9797 }] }]);
  });

  test('limits a rule for one of its ports to that port', () => {
    const rules = [{ when: PortMatch.of(9000), to: 'v2' }];
    const matched = http(cart({ ports: [AppPort.http(80), AppPort.grpc(9000)], rules })).map(
      ({ match, route }: { match: unknown; route: unknown[] }) => [match, route.length],
    );
    expect(matched).toEqual([
      [[{ port: 80 }], 2],
      [[{ port: 9000 }], 1],
      [[{ port: 9000 }], 2],
    ]);
  });

  test('is named after its id, or as it is said', () => {
    const manifests = cart({ name: 'basket', serviceAccount: 'robot' });
    expect(manifests.map(title).sort()).toEqual([
      'Deployment basket-v1',
      'Deployment basket-v2',
      'DestinationRule basket',
      'Service basket',
      'ServiceAccount robot',
      'VirtualService basket',
    ]);
    expect(one(manifests, 'Deployment', 'basket-v1').spec.template.spec.serviceAccountName).toBe('robot');
  });

  test('takes a version label where the version is a role', () => {
    const manifests = cart({
      versions: { production: { versionLabel: 'v1' }, canary: { versionLabel: 'v2' } },
      split: { production: 100 },
    });
    expect(one(manifests, 'DestinationRule').spec.subsets).toEqual([
      { name: 'production', labels: { version: 'v1' } },
      { name: 'canary', labels: { version: 'v2' } },
    ]);
    expect(one(manifests, 'Deployment', 'cart-v1').spec.selector.matchLabels).toEqual({ app: 'cart', version: 'v1' });
  });

  test('keeps the files of each version in a ConfigMap of its own', () => {
    const manifests = cart({ files: { '/etc/a': 'shared' }, versions: { v1: {}, v2: { files: { '/etc/b': 'own' } } } });
    expect(one(manifests, 'ConfigMap', 'cart-v1').data).toEqual({ a: 'shared' });
    expect(one(manifests, 'ConfigMap', 'cart-v2').data).toEqual({ a: 'shared', b: 'own' });
  });

  test('keeps strings that YAML could take for something else', () => {
    const words = [
      'yes',
      'no',
      'on',
      'off',
      'y',
      'true',
      'null',
      '~',
      '',
      '1',
      '0x10',
      '010',
      '1e3',
      '1_000',
      '.inf',
      '12:30:45',
      '2026-01-01',
      '- a',
      'a: b',
      '#a',
      '@a',
      '"',
      "'",
      ' a ',
      '\t',
      'a\nb\n',
      '\u{1f600}',
      '|',
      '>-',
      '&a',
      '*a',
      '!a',
      '%a',
      '{a}',
      '[a]',
      '<<',
    ];
    const env = Object.fromEntries(words.map((word, index) => [`W${index}`, word]));
    const manifests = cart({ env, versions: { v1: {}, '80': {}, true: {}, null: {} }, split: { '80': 100 } });
    expect(one(manifests, 'Deployment', 'cart-v1').spec.template.spec.containers[0].env).toEqual(
      Object.entries(env).map(([name, value]) => ({ name, value })),
    );
    expect(one(manifests, 'DestinationRule').spec.subsets).toContainEqual({ name: '80', labels: { version: '80' } });
    expect(one(manifests, 'Deployment', 'cart-null').spec.selector.matchLabels).toEqual({ app: 'cart', version: 'null' });
    expect(http(manifests)[0].route).toEqual([to('80', 100)]);
  });

  test('takes the longest names that Kubernetes takes', () => {
    const long = 'a'.repeat(63);
    const manifests = cart({ name: long, versions: { [long]: {} }, split: undefined });
    expect(one(manifests, 'Deployment').metadata.name).toBe(`${long}-${long}`);
    expect(one(manifests, 'Deployment').spec.template.metadata.labels).toMatchObject({ app: long, version: long });
  });

  test('takes the defaults where a property is undefined', () => {
    const nothing: Partial<CanaryAppProps> = {
      name: undefined,
      split: undefined,
      rules: undefined,
      metrics: undefined,
      service: undefined,
      serviceAccount: undefined,
      rewrite: undefined,
      mirrors: undefined,
      destinationHeaders: undefined,
      env: undefined,
      files: undefined,
      replicas: undefined,
    };
    const versions = { v1: { versionLabel: undefined, deployment: undefined, image: undefined } };
    expect(cart({ ...nothing, versions })).toEqual(cart({ versions: { v1: {} }, split: undefined }));
  });

  test('gives the objects that it made, for patches', () => {
    const app = new CanaryApp(chart(), 'cart', BASE);
    expect([app.service?.name, app.serviceAccount?.name, app.virtualService.kind, app.destinationRule.kind]).toEqual([
      'cart',
      'cart',
      'VirtualService',
      'DestinationRule',
    ]);
    expect(app.deployment('v2').name).toBe('cart-v2');
    expect([app.versions, app.host, app.serviceName, app.serviceAccountName, app.namespace]).toEqual([
      ['v1', 'v2'],
      HOST,
      'cart',
      'cart',
      'shop',
    ]);
    expect(refusal(() => app.deployment('v3'))).toBe(
      "[system/cart] deployment('v3') names no version with a Deployment of this app; there are v1, v2 (unknown-version)",
    );
  });
});

describe('rules', () => {
  const rules: RoutingRule[] = [
    { when: HeaderMatch.exact('x-user', 'jane'), to: 'v2' },
    { when: Cookie.equals('user', 'developer'), split: { v1: 50, v2: 50 }, rewrite: Rewrite.authority('inner.example.com') },
    { when: PathMatch.prefix('/old'), redirect: Redirect.prefix('/new'), headers: { response: { remove: ['x'] } } },
    {
      when: PathMatch.exact('/health'),
      directResponse: DirectResponse.of(200, 'ok'),
      cors: { allowOrigins: [CorsOrigin.exact('*')] },
    },
    { when: SourceMatch.labels({ app: 'web' }).and(MethodMatch.oneOf(HttpMethod.GET)), to: 'v1' },
  ];

  test('stand before the split, in order', () => {
    expect(http(cart({ rules })).map(({ retries: _, ...route }: Record<string, unknown>) => route)).toEqual([
      { match: [{ headers: { 'x-user': { exact: 'jane' } } }], route: [to('v2', 100)] },
      {
        match: [{ headers: { cookie: { regex: '^(.*;\\s*)?user=developer(\\s*;.*)?$' } } }],
        route: [to('v1', 50), to('v2', 50)],
        rewrite: { authority: 'inner.example.com' },
      },
      {
        match: [{ uri: { prefix: '/old' } }],
        redirect: { prefixRewrite: '/new', redirectCode: 301 },
        headers: { response: { remove: ['x'] } },
      },
      {
        match: [{ uri: { exact: '/health' } }],
        directResponse: { status: 200, body: { string: 'ok' } },
        corsPolicy: { allowOrigins: [{ exact: '*' }] },
      },
      { match: [{ sourceLabels: { app: 'web' }, method: { exact: 'GET' } }], route: [to('v1', 100)] },
      { route: [to('v1', 90), to('v2', 10)] },
    ]);
    expect(schemaMistakes(cart({ rules }), NEWEST_ISTIO)).toEqual([]);
  });

  test('may lead to another Service, with its own split', () => {
    const manifests = synth((scope) => {
      const service = new CanaryApp(scope, 'other', { ...BASE, ports: [AppPort.http(8080)] });
      new CanaryApp(scope, 'cart', { ...BASE, rules: [{ when: PathMatch.prefix('/other'), service }] });
    });
    const host = 'other.shop.svc.cluster.local';
    const port = { number: 8080 };
    expect(one(manifests, 'VirtualService', 'cart').spec.http[0].route).toEqual([
      { destination: { host, subset: 'v1', port }, weight: 90 },
      { destination: { host, subset: 'v2', port }, weight: 10 },
    ]);
  });

  test('set headers for one version of a split', () => {
    const headers = { response: { add: { 'x-version': 'v2' } } };
    const routes = http(
      cart({ rules: [{ when: QueryMatch.present('q'), split: { v1: 50, v2: 50 }, destinationHeaders: { v2: headers } }] }),
    );
    expect(routes[0].route).toEqual([to('v1', 50), { ...to('v2', 50), headers }]);
  });

  test.each<[Partial<RoutingRule>, string]>([
    [{}, 'rules[0] says none; a rule says exactly one of to, split, service, redirect, directResponse (invalid-rule)'],
    [
      { to: 'v1', split: { v1: 100 } },
      'rules[0] says to, split; a rule says exactly one of to, split, service, redirect, directResponse (invalid-rule)',
    ],
    [{ to: 'v3' }, "rules[0].to names version 'v3', which the app does not have; it has v1, v2 (unknown-version)"],
    [{ to: '' }, "rules[0].to names version '', which the app does not have; it has v1, v2 (unknown-version)"],
    [{ split: { v1: 50 } }, 'rules[0].split sums to 50 percent (v1: 50); it must sum to 100 (invalid-split)'],
    [
      { to: 'v1', mirrors: [{ to: 'v3' }] },
      "rules[0].mirrors names version 'v3', which the app does not have; it has v1, v2 (unknown-version)",
    ],
    [
      { to: 'v1', destinationHeaders: { v2: {} } },
      "rules[0].destinationHeaders names version 'v2', to which these requests do not go; they go to v1 (unknown-version)",
    ],
    [
      { to: 'v2', mirrors: [{ to: 'v2', percent: 10 }] },
      "rules[0].mirrors copies requests to version 'v2', which gets all of them already and would serve each twice; allowed are other versions (invalid-rule)",
    ],
    [
      { split: { v1: 0, v2: 100 }, mirrors: [{ to: 'v2' }] },
      "rules[0].mirrors copies requests to version 'v2', which gets all of them already and would serve each twice; allowed are other versions (invalid-rule)",
    ],
    [
      { redirect: Redirect.path('/a'), rewrite: Rewrite.path('/b'), mirrors: [{ to: 'v1' }] },
      'rules[0] says rewrite, mirrors, which has no effect together with redirect (invalid-rule)',
    ],
    [
      { directResponse: DirectResponse.of(200), destinationHeaders: {} },
      'rules[0] says destinationHeaders, which has no effect together with directResponse (invalid-rule)',
    ],
  ])('are refused: %#', (rule, expected) => {
    expect(message({ rules: [{ when: PathMatch.exact('/x'), ...rule }] })).toBe(`[system/cart] ${expected}`);
  });

  test.each<[RoutingRule, string]>([
    [
      { when: PathMatch.regex('/a.*'), to: 'v1', rewrite: Rewrite.prefix('/b') },
      "[system/cart] the route rewrites the prefix to '/b' but matches path regex '/a.*'; match with PathMatch.prefix or PathMatch.below, or use Rewrite.path or Redirect.path (unsupported-rewrite)",
    ],
    [
      { when: PathMatch.prefix('/a'), redirect: Redirect.path('/a/b') },
      "[system/cart] redirect to path '/a/b' meets its own route again (path prefix '/a'), so a client loops; redirect to a path, host or scheme that the route does not match (redirect-loop)",
    ],
    [
      { when: PathMatch.prefix('/a'), to: 'v1', headers: { request: { set: { x: '100%' } } } },
      "[system/cart] value of header 'x' is '100%'; a '%' begins a variable of Envoy that ends with '%', so write '%%' for the character itself (invalid-header)",
    ],
  ])('are refused where they are written, not first at synth: %#', (rule, expected) => {
    expect(message({ rules: [rule] })).toContain(expected);
  });

  test('are refused where two of them send a client in a circle', () => {
    const rules: RoutingRule[] = [
      { when: PathMatch.exact('/a'), redirect: Redirect.path('/b') },
      { when: PathMatch.prefix('/b'), redirect: Redirect.path('/a') },
    ];
    expect(message({ rules })).toBe(
      `[system/cart] redirects on host '${HOST}' lead a client from '/a' to '/b' to '/a', and so on without end; let one of them lead to a path that no redirect takes (redirect-loop)`,
    );
  });

  test('are refused behind one that takes all their requests', () => {
    const first: RoutingRule = { when: PathMatch.prefix('/a'), to: 'v1' };
    expect(message({ rules: [first, { when: PathMatch.exact('/a/b').or(PathMatch.prefix('/ab')), to: 'v2' }] })).toBe(
      "[system/cart] rules[1] (path exact '/a/b' or path prefix '/ab') is never reached: rules[0] takes all its requests; put it first or remove it (unreachable-route)",
    );
    expect(message({ rules: [first, { when: PathMatch.template('/a/{*}'), to: 'v2' }] })).toContain('(unreachable-route)');
    expect(
      message({
        rules: [
          { when: PathMatch.prefix('/'), to: 'v1' },
          { when: HeaderMatch.present('x'), to: 'v2' },
        ],
      }),
    ).toContain('(unreachable-route)');
  });

  test('are refused behind several that together take all their requests', () => {
    const rules: RoutingRule[] = [
      { when: PathMatch.prefix('/x'), to: 'v1' },
      { when: PathMatch.prefix('/a'), to: 'v1' },
      { when: PathMatch.prefix('/b'), to: 'v2' },
      { when: PathMatch.exact('/a').or(PathMatch.below('/b')), to: 'v2' },
    ];
    expect(message({ rules })).toBe(
      "[system/cart] rules[3] (path exact '/a' or path exact '/b' or path prefix '/b/') is never reached: rules[1] and rules[2] take all its requests; put it first or remove it (unreachable-route)",
    );
    expect(http(cart({ rules: [rules[1], rules[3]] }))).toHaveLength(3);
  });

  test.each<[string, RequestMatch]>([
    ["path prefix '/'", PathMatch.prefix('/')],
    ["path regex '.*'", PathMatch.regex('.*')],
    ["path regex '/.*'", PathMatch.regex('/.*')],
    ["path regex '^/.*$'", PathMatch.regex('^/.*$')],
    ["path regex '^/.*$'", PathMatch.template('/{**}')],
    ["header 'x' present or no header 'x' present", HeaderMatch.present('x').or(HeaderMatch.absent('x'))],
    ["header 'x' exact '1' or no header 'x' exact '1'", HeaderMatch.exact('x', '1').or(HeaderMatch.notExact('x', '1'))],
  ])('are refused where they leave nothing for the split, as %s does', (described, when) => {
    expect(message({ split: { v1: 100, v2: 0 }, rules: [{ when, to: 'v2' }] })).toBe(
      `[system/cart] split is never reached: rules[0] takes every request (${described}); say in split where all requests go, or let the rules leave some (unreachable-route)`,
    );
  });

  test('are refused where they leave nothing for the split together, and on each of several ports', () => {
    const rules: RoutingRule[] = [
      { when: HeaderMatch.present('x'), to: 'v2' },
      { when: HeaderMatch.absent('x'), to: 'v1' },
    ];
    expect(message({ rules })).toContain('split is never reached: rules[0] and rules[1] take every request');
    const ports = [AppPort.http(80), AppPort.http(81, { name: 'admin' })];
    expect(message({ ports, rules: [{ when: PathMatch.prefix('/'), to: 'v2' }] })).toContain('split is never reached');
  });

  test('are allowed where something is left for the split', () => {
    const rules: RoutingRule[] = [
      { when: PathMatch.regex('/.+'), to: 'v2' },
      { when: HeaderMatch.present('x').or(HeaderMatch.absent('y')), to: 'v2' },
    ];
    expect(http(cart({ rules }))).toHaveLength(3);
  });

  test('are allowed behind one that takes some of their requests', () => {
    const narrow: RoutingRule = { when: PathMatch.exact('/Shop'), to: 'v1' };
    expect(http(cart({ rules: [narrow, { when: PathMatch.exact('/shop', { ignoreCase: true }), to: 'v2' }] }))).toHaveLength(3);
    expect(message({ rules: [{ when: PathMatch.exact('/shop', { ignoreCase: true }), to: 'v2' }, narrow] })).toContain(
      '(unreachable-route)',
    );
  });
});

describe('mirrors', () => {
  test('copy all requests or a share of them', () => {
    const mirror: Required<Mirror> = { to: 'v2', percent: 12.5 };
    expect(http(cart({ split: { v1: 99, v2: 1 }, mirrors: [mirror, { to: 'v1' }] }))[0].mirrors).toEqual([
      { destination: { host: HOST, subset: 'v2' }, percentage: { value: 12.5 } },
      { destination: { host: HOST, subset: 'v1' }, percentage: { value: 100 } },
    ]);
  });

  test('go to the version that another Service is left for', () => {
    const routes = http(
      synth((scope) => {
        const service = MeshService.fromName(scope, 'other', { ports: [AppPort.http(80)] });
        const rules: RoutingRule[] = [{ when: PathMatch.exact('/x'), service, mirrors: [{ to: 'v2' }] }];
        new CanaryApp(scope, 'cart', { ...BASE, rules });
      }),
    );
    expect(routes[0].mirrors).toEqual([{ destination: { host: HOST, subset: 'v2' }, percentage: { value: 100 } }]);
  });

  test('are refused where one version is named twice', () => {
    const mirrors: Mirror[] = [{ to: 'v2' }, { to: 'v1' }, { to: 'v2', percent: 10 }];
    const refused = "names version 'v2' twice, which would get two copies of a request; say one percent for it (invalid-rule)";
    expect(message({ mirrors })).toBe(`[system/cart] mirrors ${refused}`);
    const split = { v1: 50, v2: 50 };
    expect(message({ rules: [{ when: PathMatch.exact('/x'), split, mirrors }] })).toBe(
      `[system/cart] rules[0].mirrors ${refused}`,
    );
  });

  test.each([-1, 100.5, Number.NaN])('are refused with %p percent', (percent) => {
    expect(message({ mirrors: [{ to: 'v2', percent }] })).toBe(
      `[system/cart] percent of the mirror is ${percent} percent; allowed are 0 to 100 (out-of-range)`,
    );
  });
});

describe('ports of the Service that lead to one of the container', () => {
  const ports = [AppPort.http(80, { targetPort: 8080 }), AppPort.http(81, { name: 'old', targetPort: 8080 })];

  test('stand in the container once, since the API server knows them by number', () => {
    const [deployment] = cart({ ports }).filter(({ kind }) => kind === 'Deployment');
    expect(deployment.spec.template.spec.containers[0].ports).toEqual([{ name: 'http', containerPort: 8080 }]);
    expect(one(cart({ ports }), 'Service').spec.ports.map(({ port }: { port: number }) => port)).toEqual([80, 81]);
  });

  test('are read by a PodMonitor under the name that the container has for them', () => {
    const metrics = Metrics.podMonitor(AppPort.http(9797, { name: 'prometheus', targetPort: 8080 }));
    expect(one(cart({ ports, metrics }), 'PodMonitor').spec.podMetricsEndpoints).toEqual([{ port: 'http' }]);
  });
});

describe('metrics', () => {
  test('are read from a port of the Service, which the monitor names as the Service does', () => {
    const manifests = cart({ metrics: Metrics.serviceMonitor(METRICS) });
    expect(one(manifests, 'Service').spec.ports).toContainEqual({
      name: 'http-prometheus',
      port: 9797,
      targetPort: 9797,
      appProtocol: 'http',
    });
    expect(one(manifests, 'ServiceMonitor').spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      endpoints: [{ port: 'http-prometheus' }],
    });
  });

  test('take the name of a port that the app has already', () => {
    const metrics = Metrics.serviceMonitor(AppPort.http(80, { name: 'metrics' }));
    expect(one(cart({ metrics }), 'ServiceMonitor').spec.endpoints).toEqual([{ port: 'http' }]);
    const podMetrics = Metrics.podMonitor(AppPort.http(80, { name: 'metrics' }));
    expect(one(cart({ metrics: podMetrics }), 'PodMonitor').spec.podMetricsEndpoints).toEqual([{ port: 'http' }]);
  });

  test('are read from the pods alone where the Service has no part in it', () => {
    const manifests = cart({ metrics: Metrics.podMonitor(METRICS) });
    expect(one(manifests, 'Service').spec.ports).toHaveLength(1);
    expect(one(manifests, 'Deployment', 'cart-v1').spec.template.spec.containers[0].ports).toContainEqual({
      name: 'prometheus',
      containerPort: 9797,
    });
    expect(one(manifests, 'PodMonitor').spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      podMetricsEndpoints: [{ port: 'prometheus' }],
    });
  });

  test('are refused on a port that a foreign Service lacks, which Prometheus would never find', () => {
    const scope = chart();
    const service = MeshService.fromName(scope, 'foreign', { ports: [AppPort.http(80)] });
    const build = () =>
      new CanaryApp(scope, 'cart', { ...BASE, ports: undefined, service, metrics: Metrics.serviceMonitor(METRICS) });
    expect(refusal(build)).toBe("[system/cart] port 9797 is none of the Service's; it has 80 (unknown-port)");
  });

  test('are refused where their port has the name of another', () => {
    expect(message({ metrics: Metrics.podMonitor(AppPort.http(9797)) })).toContain(
      "two ports of container 'cart' are called 'http'",
    );
    expect(message({ metrics: Metrics.serviceMonitor(AppPort.http(9797)) })).toContain(
      "ports 80 and 9797 are both called 'http'",
    );
  });
});

describe('an app of which somebody else owns a part', () => {
  test('uses a Service, and adds what the mesh needs', () => {
    const manifests = synth((scope) => {
      const service = MeshService.fromName(scope, 'foreign', { name: 'legacy', namespace: 'old', ports: [AppPort.http(8080)] });
      new CanaryApp(scope, 'cart', { image: 'cart:1', service, versions: { v1: {} } });
    });
    expect(manifests.map(title).sort()).toEqual([
      'Deployment legacy-v1',
      'DestinationRule legacy',
      'ServiceAccount legacy',
      'VirtualService legacy',
    ]);
    expect(one(manifests, 'DestinationRule').spec.host).toBe('legacy.old.svc.cluster.local');
    expect(new Set(manifests.map(({ metadata }) => metadata.namespace))).toEqual(new Set(['old']));
  });

  test('has another name than the Service where that is said', () => {
    const manifests = synth((scope) => {
      const service = MeshService.fromName(scope, 'foreign', { name: 'legacy', ports: [AppPort.http(8080)] });
      new CanaryApp(scope, 'cart', { name: 'basket', image: 'cart:1', service, versions: { v1: {} } });
    });
    expect(one(manifests, 'Deployment').metadata).toMatchObject({ name: 'basket-v1', labels: { app: 'basket' } });
    expect(one(manifests, 'VirtualService').spec.hosts).toEqual(['legacy.shop.svc.cluster.local']);
  });

  test('is refused where its name can be no label', () => {
    const named = (name: string) =>
      refusal(() => {
        const scope = chart();
        const service = MeshService.fromName(scope, 'foreign', { name: 'legacy', ports: [AppPort.http(8080)] });
        const versions = { v1: { deployment: DeploymentRef.fromName('legacy') } };
        new CanaryApp(scope, 'cart', { name, service, versions });
      });
    expect(named('my basket')).toMatch(/^\[system\/cart\] name of the app is 'my basket'; .* \(invalid-name\)$/);
    expect(named('a'.repeat(64))).toContain('name of the app is');
  });

  test('uses Deployments, and makes a ServiceAccount only for its own', () => {
    const deployment = DeploymentRef.fromName('cart-old');
    const mixed = cart({ versions: { v1: { deployment, replicas: 3 }, v2: {} } });
    expect(mixed.map(title)).toEqual(expect.arrayContaining(['Deployment cart-v2', 'ServiceAccount cart']));
    expect(mixed.map(title)).not.toContain('Deployment cart-v1');
    const foreign = cart({ versions: { v1: { deployment } }, split: undefined });
    expect(foreign.map(({ kind }) => kind).sort()).toEqual(['DestinationRule', 'Service', 'VirtualService']);
  });

  test('says nothing of a Deployment that it does not own', () => {
    const deployment = DeploymentRef.fromName('cart-old');
    expect(message({ versions: { v1: { deployment, image: 'x', env: {} }, v2: {} } })).toBe(
      "[system/cart] version 'v1' uses the Deployment 'cart-old' that somebody else owns, and cannot say image, env (invalid-workload)",
    );
    expect(refusal(() => DeploymentRef.fromName('Cart'))).toContain("name of the Deployment is 'Cart'; allowed are");
    const app = new CanaryApp(chart(), 'cart', { ...BASE, versions: { v1: { deployment, image: undefined }, v2: {} } });
    expect(refusal(() => app.deployment('v1'))).toContain(
      "deployment('v1') names no version with a Deployment of this app; there are v2",
    );
  });
});

test('an app over a Service of somebody else cannot have ports of its own beside it', () => {
  const build = () =>
    synth((scope) => {
      const service = MeshService.fromName(scope, 'foreign', { ports: [AppPort.http(80)] });
      new CanaryApp(scope, 'cart', { ...BASE, service });
    });
  expect(build).toThrow('ports stands beside service, whose ports are used; say them in MeshService.fromName (duplicate-port)');
});

describe('an app without pods', () => {
  test.each<Partial<CanaryAppProps>>([{ replicas: 0 }, { versions: { v1: {}, v2: { replicas: 0 } }, split: { v1: 100, v2: 0 } }])(
    'is one that is switched off, or a version that gets no requests: %#',
    (props) => {
      expect(() => cart(props)).not.toThrow();
    },
  );
});

describe('bad input is refused with the path of the app', () => {
  test.each<[Partial<CanaryAppProps>, string]>([
    [{ versions: {} }, 'versions is empty; an app needs at least one version (no-versions)'],
    [{ split: undefined }, 'there are 2 versions (v1, v2) and no split; say the share of each in percent (invalid-split)'],
    [{ split: { v1: 90, v3: 10 } }, "split names version 'v3', which the app does not have; it has v1, v2 (unknown-version)"],
    [{ split: { v1: 90, v2: 20 } }, 'split sums to 110 percent (v1: 90, v2: 20); it must sum to 100 (invalid-split)'],
    [
      { rules: [{ when: PortMatch.of(9999), to: 'v2' }] },
      "rules[0].when asks for port 9999, to which no request is sent; 'cart' takes HTTP on 80 (unknown-port)",
    ],
    [
      { versions: { v1: { replicas: 0 }, v2: {} } },
      "split gives 90 percent to version 'v1', which has 0 replicas and would answer with 503; give it pods or no requests, and where an autoscaler decides leave replicas out (invalid-split)",
    ],
    [
      {
        versions: { v1: {}, v2: { replicas: 0 } },
        split: { v1: 100, v2: 0 },
        rules: [{ when: HeaderMatch.exact('a', 'b'), to: 'v2' }],
      },
      "rules[0].to gives 100 percent to version 'v2', which has 0 replicas and would answer with 503; give it pods or no requests, and where an autoscaler decides leave replicas out (invalid-split)",
    ],
    [
      { versions: { V1: {} }, split: undefined },
      "name of the version is 'V1'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    ],
    [
      { versions: { '': {} }, split: undefined },
      "name of the version is ''; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    ],
    [
      { versions: { v1: { versionLabel: '1.0' } }, split: undefined },
      "versionLabel of version 'v1' is '1.0'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    ],
    [
      { versions: { v1: {}, v2: { versionLabel: 'v1' } } },
      "versions 'v1' and 'v2' share the label 'v1'; each needs its own (invalid-name)",
    ],
    [{ ports: [] }, 'ports is empty; a Service needs at least one AppPort (no-ports)'],
    [{ ports: undefined }, 'ports is empty; a Service needs at least one AppPort (no-ports)'],
    [{ ports: [AppPort.http(80), AppPort.tcp(80)] }, 'port 80 occurs twice; each port number is allowed once (duplicate-port)'],
    [
      { ports: [AppPort.http(80), AppPort.http(81)] },
      "ports 80 and 81 are both called 'http'; give one a name: AppPort.http(81, { name: '…' }) (duplicate-port)",
    ],
    [
      { ports: [AppPort.http(80, { name: 'api' }), AppPort.grpc(81, { name: 'api' })] },
      "two ports of container 'cart' are called 'api'; give one a name of its own: AppPort.http(…, { name: '…' }) (duplicate-port)",
    ],
    [{ ports: [AppPort.tcp(80)], cors: { allowOrigins: [] } }, 'cors need an HTTP port, and the app has none (invalid-rule)'],
    [
      { ports: [AppPort.tcp(80)], rules: [{ when: PathMatch.exact('/'), to: 'v1' }] },
      'rules need an HTTP port, and the app has none (invalid-rule)',
    ],
    [
      { destinationHeaders: { v3: {} } },
      "destinationHeaders names version 'v3', to which these requests do not go; they go to v1, v2 (unknown-version)",
    ],
    [
      { metrics: Metrics.podMonitor(AppPort.http(81, { name: 'm' }), { interval: Duration.millis(0) }) },
      'interval of the metrics is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    ],
  ])('%#', (props, expected) => {
    const got = message(props);
    expect(got.replace('[system/cart] ', '')).toBe(expected);
  });

  test.each(['', 'Cart', '0cart', 'a_b', 'cart-', 'ä', 'a'.repeat(64)])('the name %j', (name) => {
    expect(message({ name })).toBe(
      `[system/cart] name of the Service is '${name}'; a Service needs 1 to 63 lower-case letters, digits and '-', with a letter first and no '-' last (invalid-name)`,
    );
  });

  test('a chart in no namespace, or in an impossible one', () => {
    const scope = new Chart(meshApp(), 'system');
    expect(refusal(() => new CanaryApp(scope, 'cart', BASE))).toBe(
      "[system/cart] chart 'system' has no namespace; give it one: new Chart(app, 'system', { namespace: '…' }) (missing-namespace)",
    );
    expect(message({}, 'My Shop')).toContain("[system/cart] namespace is 'My Shop'; allowed are 1 to 63");
    expect(message({}, '')).toContain("[system/cart] namespace is ''; allowed are 1 to 63");
  });

  test('two apps with one name in one namespace, at synth', () => {
    const build = () =>
      synth((scope) => {
        new CanaryApp(scope, 'one', { ...BASE, name: 'cart' });
        new CanaryApp(scope, 'two', { ...BASE, name: 'cart' });
      });
    expect(refusal(build)).toContain(
      '[system/two/Service] is the same object as [system/one/Service]: Service cart in namespace shop',
    );
    expect(refusal(build)).toContain('(duplicate-object)');
  });

  test('two constructs with one id, by cdk8s itself', () => {
    const scope = chart();
    new CanaryApp(scope, 'cart', BASE);
    expect(() => new CanaryApp(scope, 'cart', BASE)).toThrow("There is already a Construct with name 'cart' in Chart [system]");
  });
});

test('with every property an app is valid against all CRDs', () => {
  const manifests = synth((scope) => {
    const image = 'cart:1';
    const container = {
      command: ['cart'],
      args: ['-v'],
      workingDir: '/srv',
      env: { A: '1' },
      envVariables: { B: EnvValue.fromValue('2') },
      imagePullPolicy: ImagePullPolicy.ALWAYS,
      readiness: Probe.http(80, '/'),
      liveness: Probe.tcp(80),
      startup: Probe.grpc(80),
      lifecycle: { preStop: LifecycleHandler.exec(['stop']) },
      resources: { cpu: { request: Cpu.millis(100) } },
      securityContext: { user: 1000 },
      volumeMounts: [{ path: '/cache', volume: Volume.fromEmptyDir(scope, 'cache', 'cache') }],
    };
    const workload = {
      ...container,
      image,
      files: { '/etc/cart.toml': 'a = 1' },
      replicas: 2,
      rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
      terminationGracePeriod: Duration.seconds(60),
      podLabels: { team: 'a' },
      podAnnotations: { note: 'b' },
      nodeSelector: { disk: 'ssd' },
      extraContainers: { log: { ...container, image: 'log:1', ports: [AppPort.tcp(9000)] } },
    };
    const version: Required<Omit<VersionProps, 'deployment'>> = { ...workload, versionLabel: 'v1' };
    const route = {
      rewrite: Rewrite.path('/cart').withAuthority('inner.example.com'),
      headers: { request: { set: { a: 'b' }, add: { c: 'd' }, remove: ['e'] }, response: { set: { f: 'g' } } },
      destinationHeaders: { v1: { response: { add: { version: 'v1' } } } },
      cors: { allowOrigins: [CorsOrigin.prefix('https://')], maxAge: Duration.hours(1) },
      mirrors: [{ to: 'v2', percent: 1 }],
    };
    const rule: Required<Omit<RoutingRule, 'split' | 'service' | 'redirect' | 'directResponse'>> = {
      ...route,
      when: PathMatch.regex('/a+').and(QueryMatch.regex('b', 'c+')),
      to: 'v1',
    };
    const props: Required<Omit<CanaryAppProps, 'service'>> = {
      ...workload,
      ...route,
      name: 'basket',
      ports: [AppPort.http(80), AppPort.tcp(5432), AppPort.tls(8443)],
      versions: { v1: version, v2: {} },
      split: { v1: 99, v2: 1 },
      rules: [rule],
      metrics: Metrics.serviceMonitor(AppPort.http(9797, { name: 'metrics' }), {
        path: '/metrics',
        interval: Duration.seconds(15),
        labels: { release: 'prometheus' },
      }),
      serviceAccount: 'robot',
    };
    new CanaryApp(scope, 'cart', props);
  });
  expect(schemaMistakes(manifests)).toEqual([]);
  expect(manifests.map(title).sort()).toEqual([
    'ConfigMap basket-v1',
    'ConfigMap basket-v2',
    'Deployment basket-v1',
    'Deployment basket-v2',
    'DestinationRule basket',
    'Service basket',
    'ServiceAccount robot',
    'ServiceMonitor basket',
    'VirtualService basket',
  ]);
  expect(http(manifests)).toHaveLength(3);
});
