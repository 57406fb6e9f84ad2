import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Chart, Duration, JsonPatch } from 'cdk8s';
import {
  AppPort,
  type CanaryAnalysis,
  CanaryApp,
  type CanaryAppProps,
  CanaryHook,
  CanaryMetric,
  type CanaryWebhook,
  ClientTls,
  CorsOrigin,
  DeploymentRef,
  FlaggerCanary,
  type FlaggerCanaryProps,
  HashKey,
  HeaderMatch,
  HttpMethod,
  Listener,
  LoadBalancer,
  LocalRateLimit,
  MeshGateway,
  MeshService,
  Metrics,
  MetricTemplate,
  type MetricTemplateProps,
  MtlsMode,
  PathMatch,
  PeerAuthentication,
  PodDisruptionBudget,
  ResilienceRules,
  type ResilienceRulesProps,
  RetryOn,
  Rewrite,
  Telemetry,
} from 'cdk8s-istio';
import { parseAllDocuments } from 'yaml';
import { HELD, type Held } from '../../lib/gitops/flagger-canary';
import { ISTIO_VERSIONS, schemaMistakes } from '../support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth, title } from '../support/synth';

const SECONDS_30 = Duration.seconds(30);

function analysis(options: Partial<CanaryAnalysis> = {}): CanaryAnalysis {
  return {
    interval: SECONDS_30,
    threshold: 5,
    maxWeight: 30,
    stepWeight: 5,
    metrics: [CanaryMetric.successRate(99, { interval: SECONDS_30 })],
    ...options,
  };
}

function frontend(scope: Chart, props: Partial<CanaryAppProps> = {}): CanaryApp {
  return new CanaryApp(scope, 'frontend', {
    image: 'shop/frontend:0.0.1',
    ports: [AppPort.http(80, { targetPort: 8080 })],
    versions: { v1: {} },
    ...props,
  });
}

function rollOut(app: CanaryApp, props: Partial<FlaggerCanaryProps> = {}): FlaggerCanary {
  return new FlaggerCanary(Chart.of(app), 'canary', { app, analysis: analysis(), ...props });
}

function demo(scope: Chart): void {
  const latency = new MetricTemplate(scope, 'latency', {
    address: 'http://prometheus:9090',
    query: 'histogram_quantile(0.99, sum(rate(latency_bucket{destination_workload="{{ target }}"}[{{ interval }}])) by (le))',
  });
  const app = frontend(scope);
  const gateway = new MeshGateway(scope, 'frontend-gateway');
  gateway.expose(app, { host: '*' });
  new FlaggerCanary(scope, 'canary', {
    app,
    mesh: false,
    progressDeadline: Duration.seconds(60),
    analysis: analysis({
      metrics: [
        CanaryMetric.successRate(99, { interval: SECONDS_30 }),
        CanaryMetric.template(latency, { max: 500, interval: SECONDS_30 }),
      ],
    }),
  });
  new ResilienceRules(scope, 'rules', {
    app,
    retries: {
      attempts: 3,
      perTryTimeout: Duration.seconds(1),
      retryOn: [RetryOn.GATEWAY_ERROR, RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM],
    },
  });
}

/** The `spec.service` of the Canary. */
function service(build: (scope: Chart) => void): Record<string, unknown> {
  return one(synth(build), 'Canary').spec.service;
}

describe('an app that Flagger rolls out', () => {
  test('is written as a reviewer reads it', () => {
    const app = meshApp();
    demo(new Chart(app, 'system', { namespace: 'shop' }));
    expect(app.synthYaml()).toMatchSnapshot();
  });

  test('leaves out all that Flagger generates', () => {
    expect(synth(demo).map(title)).toEqual([
      'MetricTemplate latency',
      'ServiceAccount frontend',
      'Deployment frontend',
      'Gateway frontend-gateway',
      'Canary frontend',
    ]);
  });

  test('does not say how many pods there are, nor selects them by a version that goes', () => {
    const { spec } = one(
      synth((scope) => rollOut(frontend(scope, { replicas: 1 }))),
      'Deployment',
    );
    expect(spec.replicas).toBeUndefined();
    expect(spec.selector).toEqual({ matchLabels: { app: 'frontend' } });
  });

  test('keeps its files, in a ConfigMap with the name of the Deployment', () => {
    const manifests = synth((scope) => rollOut(frontend(scope, { files: { '/etc/app/a.conf': 'a' } })));
    expect(one(manifests, 'ConfigMap').metadata.name).toBe('frontend');
    expect(one(manifests, 'Deployment').spec.template.spec.volumes[0].configMap.name).toBe('frontend');
  });

  test('moves one line when a new image comes', () => {
    const yaml = (image: string) => {
      const app = meshApp();
      rollOut(frontend(new Chart(app, 'system', { namespace: 'shop' }), { image }));
      return app.synthYaml().split('\n');
    };
    const [before, after] = [yaml('shop/frontend:0.0.1'), yaml('shop/frontend:0.0.2')];
    expect(after.filter((line, index) => line !== before[index])).toEqual(['        - image: shop/frontend:0.0.2']);
  });

  test('is the same whatever is said first', () => {
    const steps = {
      expose: (scope: Chart, app: CanaryApp) => new MeshGateway(scope, 'gateway').expose(app, { host: 'shop.example.com' }),
      protect: (scope: Chart, app: CanaryApp) => new ResilienceRules(scope, 'rules', { app, timeout: Duration.seconds(3) }),
      rollOut: (_: Chart, app: CanaryApp) => rollOut(app),
    };
    const orders: (keyof typeof steps)[][] = [
      ['expose', 'protect', 'rollOut'],
      ['rollOut', 'expose', 'protect'],
      ['protect', 'rollOut', 'expose'],
    ];
    const results = orders.map((order) =>
      synth((scope) => {
        const app = frontend(scope);
        for (const step of order) {
          steps[step](scope, app);
        }
      }).sort((a, b) => title(a).localeCompare(title(b))),
    );
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    expect(results[0].map(({ kind }) => kind)).not.toContain('VirtualService');
    expect(one(results[0], 'Canary').spec.service.timeout).toBe('3s');
  });

  test('takes the mesh and the gateways, each with its own requests', () => {
    const { hosts, gateways, match } = service((scope) => {
      const app = frontend(scope);
      rollOut(app);
      new MeshGateway(scope, 'one').expose(app, { host: 'shop.example.com', paths: [PathMatch.prefix('/shop')] });
      new MeshGateway(scope, 'two').expose(app, { host: 'www.example.com' });
    });
    expect(hosts).toEqual(['shop.example.com', 'www.example.com']);
    expect(gateways).toEqual(['shop/one', 'shop/two', 'mesh']);
    expect(match).toEqual([
      { gateways: ['shop/one'], uri: { prefix: '/shop' } },
      { gateways: ['shop/two'] },
      { gateways: ['mesh'] },
    ]);
  });

  test('takes the mesh alone where no gateway leads to it', () => {
    const { hosts, gateways } = service((scope) => rollOut(frontend(scope)));
    expect([hosts, gateways]).toEqual([undefined, ['mesh']]);
  });

  test('takes its headers, CORS, rewrite, timeout and traffic policy along', () => {
    const said = service((scope) => {
      const app = frontend(scope, {
        headers: { request: { set: { 'x-shop': 'yes' } } },
        cors: { allowOrigins: [CorsOrigin.exact('https://example.com')] },
      });
      rollOut(app, { mesh: false });
      new MeshGateway(scope, 'gateway').expose(app, {
        host: 'shop.example.com',
        paths: [PathMatch.prefix('/shop/')],
        when: HeaderMatch.exact('x-beta', '1'),
        rewrite: Rewrite.prefix('/'),
      });
      new ResilienceRules(scope, 'rules', {
        app,
        timeout: Duration.seconds(15),
        outlierDetection: { consecutive5xxErrors: 5, maxEjectionPercent: 100 },
        loadBalancer: LoadBalancer.random(),
      });
    });
    expect(said).toMatchObject({
      headers: { request: { set: { 'x-shop': 'yes' } } },
      corsPolicy: { allowOrigins: [{ exact: 'https://example.com' }] },
      rewrite: { uri: '/' },
      timeout: '15s',
      match: [{ uri: { prefix: '/shop/' }, headers: { 'x-beta': { exact: '1' } } }],
      trafficPolicy: {
        outlierDetection: { consecutive5xxErrors: 5, maxEjectionPercent: 100 },
        loadBalancer: { simple: 'RANDOM' },
      },
    });
  });

  test('takes all that can be said of CORS', () => {
    const cors = {
      allowOrigins: [CorsOrigin.exact('https://example.com')],
      allowMethods: [HttpMethod.GET],
      allowHeaders: ['x-shop'],
      exposeHeaders: ['x-trace'],
      maxAge: Duration.hours(1),
      allowCredentials: true,
    };
    const shop = (rolledOut: boolean) => (scope: Chart) => {
      const app = frontend(scope, { cors });
      if (rolledOut) {
        rollOut(app);
      }
    };
    expect(service(shop(true)).corsPolicy).toEqual(one(synth(shop(false)), 'VirtualService').spec.http[0].corsPolicy);
  });

  test('may have one second to become ready, and not less', () => {
    const deadline = (ms: number) => (scope: Chart) => rollOut(frontend(scope), { progressDeadline: Duration.millis(ms) });
    expect(one(synth(deadline(1000)), 'Canary').spec.progressDeadlineSeconds).toBe(1);
    expect(refusal(() => deadline(0)(chart()))).toContain('progressDeadline is 0');
  });

  test.each<Omit<ResilienceRulesProps, 'app'>>([
    { loadBalancer: LoadBalancer.consistentHash(HashKey.cookie('user', { ttl: Duration.hours(1), path: '/' })) },
    { loadBalancer: LoadBalancer.consistentHash(HashKey.header('user')) },
    { loadBalancer: LoadBalancer.consistentHash(HashKey.queryParameter('user')) },
    { loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp()) },
    {
      outlierDetection: {
        consecutive5xxErrors: 5,
        consecutiveGatewayErrors: 4,
        consecutiveLocalOriginFailures: 5,
        splitExternalLocalOriginErrors: true,
        interval: SECONDS_30,
        baseEjectionTime: SECONDS_30,
        maxEjectionPercent: 100,
        minHealthPercent: 50,
      },
      loadBalancer: LoadBalancer.random({ locality: { enabled: true, failover: [{ from: 'eu', to: 'us' }] } }),
    },
    { loadBalancer: LoadBalancer.random({ locality: { distribute: [{ from: 'eu/*', to: { 'eu/*': 80, 'us/*': 20 } }] } }) },
    { connectionPool: { http: { maxRequestsPerConnection: 1, maxRetries: 2, idleTimeout: SECONDS_30 } } },
    { clientTls: ClientTls.simple({ caCertificates: '/etc/ca.pem', sni: 'shop', subjectAltNames: ['shop'] }) },
    { clientTls: ClientTls.mutual({ clientCertificate: '/etc/cert.pem', privateKey: '/etc/key.pem' }) },
  ])('keeps the traffic policy that its DestinationRule would have: %#', (rules) => {
    const shop = (rolledOut: boolean) => (scope: Chart) => {
      const app = frontend(scope);
      new ResilienceRules(scope, 'rules', { app, ...rules });
      if (rolledOut) {
        rollOut(app);
      }
    };
    expect(service(shop(true)).trafficPolicy).toEqual(one(synth(shop(false)), 'DestinationRule').spec.trafficPolicy);
  });

  test.each(['before', 'after'])(
    'is seen in both versions by what is said %s it, where the pods are run by somebody else',
    (order) => {
      const manifests = synth((scope) => {
        const port = AppPort.http(80, { targetPort: 8080 });
        const app = new CanaryApp(scope, 'frontend', {
          service: MeshService.fromName(scope, 'service', { name: 'frontend', ports: [port] }),
          metrics: Metrics.podMonitor(AppPort.http(9797, { name: 'prom' })),
          versions: { v1: { deployment: DeploymentRef.fromName('frontend') } },
        });
        const steps = [
          () => {
            new PeerAuthentication(scope, 'mtls', { app, mode: MtlsMode.STRICT });
            new Telemetry(scope, 'telemetry', { app, tracing: { provider: 'zipkin' } });
            new LocalRateLimit(scope, 'limit', { app, requests: 10, per: Duration.seconds(1) });
            new PodDisruptionBudget(scope, 'budget', { app, minAvailable: 1 });
          },
          () => rollOut(app),
        ];
        for (const step of order === 'before' ? steps : steps.reverse()) {
          step();
        }
      });
      for (const app of ['frontend', 'frontend-primary']) {
        expect(one(manifests, 'PeerAuthentication', app).spec.selector).toEqual({ matchLabels: { app } });
        expect(one(manifests, 'Telemetry', app).spec.selector).toEqual({ matchLabels: { app } });
      }
      const filters = manifests.filter(({ kind }) => kind === 'EnvoyFilter');
      expect(filters.map(({ metadata, spec }) => [metadata.name, spec.workloadSelector.labels])).toEqual([
        ['frontend-local-rate-limit', { app: 'frontend' }],
        ['frontend-local-rate-limit-primary', { app: 'frontend-primary' }],
      ]);
      const both = { matchExpressions: [{ key: 'app', operator: 'In', values: ['frontend', 'frontend-primary'] }] };
      expect(one(manifests, 'PodMonitor').spec.selector).toEqual(both);
      expect(one(manifests, 'PodDisruptionBudget').spec.selector).toEqual(both);
      expect(
        schemaMistakes(manifests, [
          'flagger',
          'prometheus-operator',
          ...ISTIO_VERSIONS.map((version) => `istio/istio-${version}.yaml`),
        ]),
      ).toEqual([]);
    },
  );

  test('is reached as a whole by the rules of another app, since Flagger alone knows its subsets', () => {
    const manifests = synth((scope) => {
      const app = frontend(scope);
      new CanaryApp(scope, 'cart', {
        image: 'shop/cart:1',
        ports: [AppPort.http(80)],
        versions: { v1: {} },
        rules: [{ when: PathMatch.below('/shop'), service: app }],
      });
      rollOut(app);
    });
    expect(one(manifests, 'VirtualService', 'cart').spec.http[0].route).toEqual([
      { destination: { host: 'frontend.shop.svc.cluster.local', port: { number: 80 } } },
    ]);
  });

  test('is seen by policies and monitors in both versions, whose label app Flagger changes', () => {
    const both = { 'app.kubernetes.io/name': 'frontend' };
    const metrics = AppPort.http(9797, { name: 'prom' });
    const pods = synth((scope) => {
      const app = frontend(scope, { metrics: Metrics.podMonitor(metrics) });
      new PeerAuthentication(scope, 'mtls', { app, mode: MtlsMode.STRICT });
      rollOut(app);
    });
    expect(one(pods, 'PodMonitor').spec.selector).toEqual({ matchLabels: both });
    expect(one(pods, 'PeerAuthentication').spec.selector).toEqual({ matchLabels: both });
    expect(one(pods, 'Deployment').spec.template.metadata.labels).toMatchObject(both);

    const services = synth((scope) => rollOut(frontend(scope, { metrics: Metrics.serviceMonitor(metrics) })));
    expect(one(services, 'ServiceMonitor').spec.selector).toEqual({
      matchExpressions: [{ key: 'app', operator: 'In', values: ['frontend-primary', 'frontend-canary'] }],
    });
    expect(one(services, 'Canary').spec.service.portDiscovery).toBe(true);
    // Flagger calls the port of its Services after that of the container.
    const { ports } = one(services, 'Deployment').spec.template.spec.containers[0];
    expect(ports.map(({ name }: { name: string }) => name)).toContain(one(services, 'ServiceMonitor').spec.endpoints[0].port);
  });
});

describe('the objects of Flagger', () => {
  const everything = (scope: Chart) => {
    const templateProps: Required<MetricTemplateProps> = {
      name: 'errors',
      address: 'https://prometheus.example.com',
      query: 'errors',
    };
    const template = new MetricTemplate(scope, 'full', templateProps);
    const webhookProps: Required<CanaryWebhook> = {
      name: 'load',
      type: CanaryHook.ROLLOUT,
      url: 'http://loadtester.test/',
      timeout: Duration.seconds(15),
      metadata: { cmd: 'hey -z 1m http://frontend-canary' },
    };
    const stepped: Required<Omit<CanaryAnalysis, 'stepWeights'>> = {
      interval: Duration.minutes(1),
      threshold: 3,
      stepWeight: 10,
      maxWeight: 50,
      metrics: [
        CanaryMetric.successRate(99.5),
        CanaryMetric.duration(Duration.millis(500), { interval: Duration.minutes(1) }),
        CanaryMetric.template(template, { min: 0, max: 1, interval: SECONDS_30 }),
      ],
      webhooks: [webhookProps],
    };
    const canaryProps: Required<FlaggerCanaryProps> = {
      app: frontend(scope),
      analysis: stepped,
      mesh: true,
      horizontalPodAutoscaler: 'frontend',
      progressDeadline: Duration.minutes(2),
      skipAnalysis: false,
    };
    new FlaggerCanary(scope, 'full-canary', canaryProps);
    const cart = new CanaryApp(scope, 'cart', { image: 'shop/cart', ports: [AppPort.grpc(7070)], versions: { v1: {} } });
    new FlaggerCanary(scope, 'cart-canary', {
      app: cart,
      analysis: { interval: SECONDS_30, threshold: 1, stepWeights: [1, 10, 100], metrics: [CanaryMetric.successRate(100)] },
    });
  };

  test('are what Flagger takes, with every property set', () => {
    const manifests = [...synth(everything), ...synth(demo)];
    expect(schemaMistakes(manifests, ['flagger', 'istio/istio-1.30.0.yaml'])).toEqual([]);
    expect(one(synth(everything), 'Canary', 'frontend').spec).toMatchSnapshot();
  });

  test('hold no field that the API server would drop', () => {
    const text = readFileSync(join(__dirname, '../../../shared/crds/flagger/flagger-1.44.0.yaml'), 'utf8');
    const crd = parseAllDocuments(text)[0].toJS();
    const { service } = crd.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties;
    expect(crd.spec.names.kind).toBe('Canary');
    expect(dropped(HELD, service)).toEqual([]);
  });
});

interface Schema {
  readonly properties?: Record<string, Schema>;
}

/** The fields that a schema does not know. */
function dropped(held: Held | true, schema: Schema): string[] {
  const fields = held === true ? [] : Object.entries(held);
  return fields.flatMap(([field, inner]) => {
    const known = schema.properties?.[field];
    return known === undefined ? [field] : dropped(inner, known);
  });
}

describe('a rollout', () => {
  test('may be patched in what the app has after it is said', () => {
    const manifests = synth((scope) => {
      const app = frontend(scope);
      rollOut(app);
      app.deployment('v1').addJsonPatch(JsonPatch.add('/spec/minReadySeconds', 5));
    });
    expect(one(manifests, 'Deployment').spec.minReadySeconds).toBe(5);
  });

  test('may take an app over with the labels that its chart puts on all objects', () => {
    const scope = new Chart(meshApp(), 'labelled', { namespace: 'shop', labels: { team: 'shop' } });
    expect(() => rollOut(frontend(scope))).not.toThrow();
  });
});

describe('what a Canary cannot hold is refused:', () => {
  const refused = (build: (scope: Chart) => unknown) => refusal(() => build(chart()));

  test('a load balancer that passes by both versions', () => {
    const built = (scope: Chart) => {
      const app = frontend(scope);
      new ResilienceRules(scope, 'rules', { app, loadBalancer: LoadBalancer.passthrough() });
      rollOut(app);
    };
    expect(refused(built)).toContain('past the versions; choose another (unsupported-by-rollout)');
  });

  test('a second version, rules and a number of pods', () => {
    expect(refused((scope) => rollOut(frontend(scope, { versions: { v1: {}, v2: {} }, split: { v1: 90, v2: 10 } })))).toContain(
      'has the versions v1, v2; allowed is one',
    );
    const rules = [{ when: PathMatch.exact('/'), to: 'v1' }];
    expect(refused((scope) => rollOut(frontend(scope, { rules })))).toContain('(unsupported-by-rollout)');
    expect(refused((scope) => rollOut(frontend(scope, { replicas: 3 })))).toContain('has 3 replicas');
  });

  test.each<[string, (app: CanaryApp) => unknown]>([
    ["Deployment 'frontend-v1'", (app) => app.deployment('v1').addJsonPatch(JsonPatch.add('/spec/minReadySeconds', 5))],
    ["Deployment 'frontend-v1'", (app) => app.deployment('v1').metadata.addAnnotation('team', 'shop')],
    ["Deployment 'frontend-v1'", (app) => app.deployment('v1').metadata.addLabel('team', 'shop')],
    ["VirtualService 'frontend'", (app) => app.virtualService.addJsonPatch(JsonPatch.add('/spec/exportTo', ['.']))],
    ["Service 'frontend'", (app) => app.service?.addJsonPatch(JsonPatch.add('/spec/type', 'NodePort'))],
  ])('a patch of %s, which it would undo', (object, patch) => {
    const message = refused((scope) => {
      const app = frontend(scope);
      patch(app);
      rollOut(app);
    });
    expect(message).toBe(
      `[system/canary] ${object} of app 'frontend' was patched, and the rollout puts another in its place; patch what the app has after the rollout is said (unsupported-by-rollout)`,
    );
  });

  test('a patch of what was the app’s before the rollout', () => {
    const message = refusal(() =>
      synth((scope) => {
        const app = frontend(scope);
        const deployment = app.deployment('v1');
        rollOut(app);
        deployment.addJsonPatch(JsonPatch.add('/spec/minReadySeconds', 5));
      }),
    );
    expect(message).toContain("Deployment 'frontend-v1' of app 'frontend' was patched");
    expect(message).toContain('(unsupported-by-rollout)');
  });

  test('a second rollout of the same app', () => {
    const scope = chart();
    const app = frontend(scope);
    rollOut(app);
    expect(refusal(() => new FlaggerCanary(scope, 'again', { app, analysis: analysis() }))).toContain('(conflicting-rules)');
  });

  test('several ports, or one without requests', () => {
    const ports = [AppPort.http(80), AppPort.http(81, { name: 'admin' })];
    expect(refused((scope) => rollOut(frontend(scope, { ports })))).toContain('a Canary needs one');
    expect(refused((scope) => rollOut(frontend(scope, { ports: [AppPort.tcp(6379)] })))).toContain('a Canary needs one');
  });

  test("host '*' together with the mesh, in either order", () => {
    const order = (first: 'gateway' | 'canary') =>
      refused((scope) => {
        const app = frontend(scope);
        const gateway = new MeshGateway(scope, 'gateway');
        const steps = [() => gateway.expose(app, { host: '*' }), () => rollOut(app)];
        for (const step of first === 'gateway' ? steps : steps.reverse()) {
          step();
        }
      });
    expect(order('gateway')).toContain('say mesh: false');
    expect(order('canary')).toContain('say mesh: false');
  });

  test('a host that leads elsewhere too, in either order', () => {
    const build = (first: 'canary' | 'other') => (scope: Chart) => {
      const app = frontend(scope);
      const other = new CanaryApp(scope, 'api', { image: 'shop/api', ports: [AppPort.http(80)], versions: { v1: {} } });
      const gateway = new MeshGateway(scope, 'gateway');
      const host = 'shop.example.com';
      if (first === 'canary') {
        rollOut(app);
      }
      gateway.expose(other, { host, paths: [PathMatch.prefix('/api')] });
      gateway.expose(app, { host });
      rollOut(app);
    };
    expect(refused(build('canary'))).toContain('(host-taken)');
    expect(refused(build('other'))).toContain('(host-taken)');
  });

  test('a rewrite for some of its callers', () => {
    const problem = refused((scope) => {
      const app = frontend(scope);
      rollOut(app);
      new MeshGateway(scope, 'gateway').expose(app, {
        host: 'shop.example.com',
        paths: [PathMatch.prefix('/shop/')],
        rewrite: Rewrite.prefix('/'),
      });
    });
    expect(problem).toContain('is routed in different ways');
  });

  test('hosts of one gateway with different requests', () => {
    const problem = refused((scope) => {
      const app = frontend(scope);
      rollOut(app);
      const gateway = new MeshGateway(scope, 'gateway');
      gateway.expose(app, { host: 'a.example.com', paths: [PathMatch.prefix('/a')] });
      gateway.expose(app, { host: 'b.example.com' });
    });
    expect(problem).toContain("takes other requests on host 'b.example.com'");
  });

  test('a redirect to https by route', () => {
    const problem = refused((scope) => {
      const app = frontend(scope);
      rollOut(app);
      const redirectExcept = [PathMatch.prefix('/.well-known/')];
      const listeners = [Listener.http({ redirectToHttps: true, redirectExcept }), Listener.https({ credential: 'cert' })];
      new MeshGateway(scope, 'gateway', { listeners }).expose(app, { host: 'shop.example.com' });
    });
    expect(problem).toContain('(unsupported-by-rollout)');
  });

  test('forwarded connections', () => {
    const problem = refused((scope) => {
      const app = frontend(scope);
      rollOut(app);
      new MeshGateway(scope, 'gateway', { listeners: [Listener.tcp(31400)] }).tcp(app);
    });
    expect(problem).toContain('forwards connections');
  });

  test.each<[string, Omit<ResilienceRulesProps, 'app'>]>([
    ['trafficPolicy.connectionPool.tcp', { connectionPool: { tcp: { maxConnections: 1 } } }],
    ['fault', { fault: { abort: { httpStatus: 500, percent: 10 } } }],
    ['version', { versions: { v1: { loadBalancer: LoadBalancer.random() } } }],
    [
      'is routed in different ways, by timeout; a Canary has one route',
      { when: PathMatch.exact('/slow'), timeout: Duration.seconds(1) },
    ],
  ])('%s, also where the rules come later', (problem, rules) => {
    const before = refused((scope) => {
      const app = frontend(scope);
      new ResilienceRules(scope, 'rules', { app, ...rules });
      rollOut(app);
    });
    const after = refused((scope) => {
      const app = frontend(scope);
      rollOut(app);
      new ResilienceRules(scope, 'rules', { app, ...rules });
    });
    expect([before, after]).toEqual([expect.stringContaining(problem), expect.stringContaining(problem)]);
    expect([before, after].filter((message) => message.endsWith('(unsupported-by-rollout)'))).toHaveLength(2);
  });

  test('a patch of what Flagger makes', () => {
    const scope = chart();
    const app = frontend(scope);
    rollOut(app);
    expect(refusal(() => app.virtualService)).toContain('(unsupported-by-rollout)');
    expect(refusal(() => app.destinationRule)).toContain('(unsupported-by-rollout)');
    expect(app.service).toBeUndefined();
  });

  test('nothing to share: no gateway and no mesh', () => {
    expect(refusal(() => synth((scope) => rollOut(frontend(scope), { mesh: false })))).toContain('(invalid-rollout)');
  });
});

describe('an analysis is refused', () => {
  const refused = (options: Partial<CanaryAnalysis>) =>
    refusal(() => rollOut(frontend(chart()), { analysis: analysis(options) }));

  test('when it would promote without a look', () => {
    expect(refused({ metrics: [] })).toContain('(invalid-rollout)');
    expect(refused({ metrics: [CanaryMetric.successRate(99), CanaryMetric.successRate(98)] })).toContain('(invalid-rollout)');
  });

  test('when its steps do not rise or never begin', () => {
    expect(refused({ stepWeight: undefined })).toContain('say one of the two');
    expect(refused({ stepWeights: [1, 2] })).toContain('say one of the two');
    expect(refused({ stepWeight: 50 })).toContain('stepWeight 50 is more than maxWeight 30');
    for (const stepWeights of [[], [5, 5], [10, 5]]) {
      expect(refused({ stepWeight: undefined, maxWeight: undefined, stepWeights })).toContain('allowed are rising shares');
    }
  });

  test.each<[string, Partial<CanaryAnalysis>]>([
    ['interval of the analysis', { interval: Duration.seconds(9) }],
    ['interval of the analysis', { interval: Duration.millis(10500) }],
    ['threshold', { threshold: 0 }],
    ['stepWeight', { stepWeight: 0 }],
    ['stepWeight', { stepWeight: 0.5 }],
    ['maxWeight', { maxWeight: 101 }],
    ['maxWeight', { maxWeight: Number.NaN }],
    ['interval of the metric', { metrics: [CanaryMetric.successRate(99, { interval: Duration.millis(500) })] }],
  ])('when %s is out of range', (what, options) => {
    expect(refused(options)).toContain(`${what} is `);
    expect(refused(options)).toContain('(out-of-range)');
  });

  test('when a metric has no bound, or one that nothing keeps', () => {
    const template = new MetricTemplate(chart(), 'latency', { address: 'http://prometheus:9090', query: 'x' });
    for (const bounds of [{}, { min: 2, max: 1 }, { min: Number.NaN }, { max: Number.NaN }]) {
      expect(refusal(() => CanaryMetric.template(template, bounds))).toContain('(invalid-rollout)');
    }
    expect(refusal(() => CanaryMetric.successRate(101))).toContain('(out-of-range)');
    for (const share of [0, 0.99, 1]) {
      expect(refusal(() => CanaryMetric.successRate(share))).toContain(
        `success rate is ${share} percent, which passes when nearly every request fails; allowed are more than 1 up to 100, such as 99`,
      );
    }
    expect(refusal(() => CanaryMetric.duration(Duration.millis(0)))).toContain('(out-of-range)');
  });

  test.each(['', 'http://', 'loadtester', 'http://a b', 'http://a\nb'])('when a webhook calls %j', (url) => {
    expect(refused({ webhooks: [{ name: 'load', type: CanaryHook.ROLLOUT, url }] })).toContain('(invalid-rollout)');
  });
});

describe('a MetricTemplate is refused', () => {
  const template = (name: string, props: Partial<MetricTemplateProps> = {}) =>
    new MetricTemplate(chart(), name, { address: 'http://prometheus:9090', query: 'x', ...props });

  test('without a query, or without the address of its Prometheus', () => {
    expect(refusal(() => template('latency', { query: ' \n' }))).toContain('(invalid-rollout)');
    expect(refusal(() => template('latency', { address: '' }))).toContain('(invalid-rollout)');
    expect(refusal(() => template('latency', { address: 'prometheus:9090' }))).toContain('(invalid-rollout)');
  });

  test.each(['request-success-rate', 'request-duration', '', 'Latency', 'a'.repeat(64)])('when it is called %j', (name) => {
    expect(refusal(() => template('latency', { name }))).toContain('(invalid-name)');
  });

  test('but not for a query in any words', () => {
    const query = 'sum(\n  rate(x{a="ü: # {{ target }}"}[{{ interval }}])\n)\n';
    const [manifest]: Manifest[] = synth((scope) => new MetricTemplate(scope, 'm', { address: 'http://p:1', query }));
    expect(manifest.spec.query).toBe(query);
  });
});
