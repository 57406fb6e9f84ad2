import { ApiObject, Chart, Duration } from 'cdk8s';
import {
  Alternatives,
  AppPort,
  CanaryApp,
  type CanaryAppProps,
  ClientPod,
  ClientTls,
  DefaultDeny,
  ErrorCode,
  Injection,
  Listener,
  LocalRateLimit,
  MeshApp,
  MeshGateway,
  MeshNamespace,
  MtlsMode,
  MutualTls,
  type OutlierDetection,
  PathMatch,
  PeerAuthentication,
  type PeerAuthenticationProps,
  ResilienceRules,
  type ResilienceRulesProps,
  Rollout,
} from 'cdk8s-istio';
import type { Construct } from 'constructs';
import { check } from '../../lib/checks';
import type { Manifest } from '../../lib/model/rendered';

/** What is wrong with an app, as `code: message`. */
function findings(build: (app: MeshApp) => void): string[] {
  const app = new MeshApp({ quiet: true });
  build(app);
  const objects = app.node
    .findAll()
    .filter((construct) => construct instanceof ApiObject)
    .map((construct) => ({ construct, chart: construct.chart, manifest: construct.toJson() as Manifest }));
  return check(objects).map(({ code, message }) => `${code}: ${message}`);
}

function inChart(build: (chart: Chart) => void): string[] {
  return findings((app) => build(new Chart(app, 'shop', { namespace: 'shop' })));
}

function add(chart: Chart, kind: string, name: string, spec: object, apiVersion = 'networking.istio.io/v1'): ApiObject {
  return new ApiObject(chart, `${kind}-${name}`, { apiVersion, kind, metadata: { name }, spec });
}

function cart(chart: Chart): CanaryApp {
  return new CanaryApp(chart, 'cart', {
    image: 'cart:1',
    ports: [AppPort.http(80)],
    versions: { v1: {}, v2: {} },
    split: { v1: 90, v2: 10 },
  });
}

const CART = 'cart.shop.svc.cluster.local';
const toCart = { route: [{ destination: { host: CART, subset: 'v1' } }] };

describe('the checks over all manifests', () => {
  test('find nothing in a sound app', () => {
    expect(inChart((chart) => cart(chart))).toEqual([]);
  });

  test('find a route to a subset that no DestinationRule defines, also in a mirror and under a short name', () => {
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'VirtualService', 'extra', {
        hosts: ['extra'],
        http: [
          { route: [{ destination: { host: 'cart', subset: 'v3' } }], mirrors: [{ destination: { host: CART, subset: 'v4' } }] },
        ],
      });
    });
    expect(found).toEqual([
      `unknown-subset: http[0] leads to subset 'v3' of '${CART}', which no DestinationRule defines; there are v1, v2`,
      `unknown-subset: http[0] leads to subset 'v4' of '${CART}', which no DestinationRule defines; there are v1, v2`,
    ]);
  });

  test('leave subsets of a host alone that somebody else owns', () => {
    const route = { route: [{ destination: { host: 'other.prod.svc.cluster.local', subset: 'v3', port: { number: 1 } } }] };
    expect(inChart((chart) => add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [route] }))).toEqual([]);
  });

  test('find a route to a subset of an app’s Service that has no DestinationRule at all', () => {
    const found = inChart((chart) => {
      add(chart, 'Service', 'cart', { selector: { app: 'cart' }, ports: [{ port: 80 }] }, 'v1');
      add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [toCart] });
    });
    expect(found).toEqual([
      `unknown-subset: http[0] leads to subset 'v1' of '${CART}', which no DestinationRule defines; there are none`,
    ]);
  });

  test('find a route to a subset that the app’s own rules for a host of somebody else lack', () => {
    const found = inChart((chart) => {
      add(chart, 'DestinationRule', 'other', { host: 'other.prod.svc.cluster.local', subsets: [{ name: 'v1' }] });
      const route = [{ destination: { host: 'other.prod.svc.cluster.local', subset: 'v2' } }];
      add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [{ route }] });
    });
    expect(found).toEqual([
      "unknown-subset: http[0] leads to subset 'v2' of 'other.prod.svc.cluster.local', which no DestinationRule defines; there are v1",
    ]);
  });

  test.each([
    ['http', 'at a gateway', { gateways: ['gateway'] }],
    ['http', 'inside the mesh, under a short name', {}],
    ['tcp', 'at a gateway', { gateways: ['gateway'] }],
  ])('find a route for %s that passes by the split of an app, %s', (protocol, _, more) => {
    const found = inChart((chart) => {
      cart(chart);
      const route = [{ destination: { host: 'cart' } }];
      add(chart, 'VirtualService', 'extra', { hosts: ['extra.example.com'], [protocol]: [{ route }], ...more });
    });
    expect(found).toEqual([
      `bypassed-split: ${protocol}[0] leads to '${CART}' without a subset, past the split of [shop/cart/VirtualService]; name subsets as that does, or the app in place of its Service`,
    ]);
  });

  test('allow a route without a subset to an app with one version, which has no split', () => {
    const found = inChart((chart) => {
      new CanaryApp(chart, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} } });
      const route = [{ destination: { host: CART } }];
      add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [{ route }] });
    });
    expect(found).toEqual([]);
  });

  test('allow a route without a subset to an app whose rules lead to another Service, but whose requests all meet one version', () => {
    const found = inChart((chart) => {
      const service = new CanaryApp(chart, 'old', { image: 'old:1', ports: [AppPort.http(80)], versions: { v1: {} } });
      const rules = [{ when: PathMatch.below('/old'), service }];
      new CanaryApp(chart, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} }, rules });
      add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [{ route: [{ destination: { host: CART } }] }] });
    });
    expect(found).toEqual([]);
  });

  describe('find what is written for sidecars in a namespace whose pods get none', () => {
    const inNamespace = (injection: Injection, build: (chart: Chart) => void) =>
      inChart((chart) => {
        new MeshNamespace(chart, 'namespace', { injection });
        build(chart);
      });
    const NEEDING: [string, (chart: Chart) => void, string[]][] = [
      ['calls', (chart) => new ClientPod(chart, 'client', { image: 'client' }).calls(cart(chart)), ['Sidecar', 'Sidecar']],
      ['DefaultDeny', (chart) => new DefaultDeny(chart, 'deny', { prometheusNamespace: 'monitoring' }), ['Sidecar']],
      [
        'a rate limit',
        (chart) => new LocalRateLimit(chart, 'limit', { app: cart(chart), requests: 1, per: Duration.seconds(1) }),
        ['EnvoyFilter'],
      ],
    ];

    test.each(NEEDING)('%s', (_, build, kinds) => {
      for (const injection of [Injection.ambient(), Injection.disabled()]) {
        expect(inNamespace(injection, build)).toEqual(
          kinds.map(
            (kind) =>
              `no-proxy: this ${kind} is for sidecars, and pods in namespace 'shop' get none; let them join by Injection.enabled(), or remove what needs a sidecar (calls, DefaultDeny, rate limits)`,
          ),
        );
      }
      expect(inNamespace(Injection.onRequest(), build)).toEqual([]);
    });

    test('but not an app that gateways and callers with sidecars reach', () => {
      expect(inNamespace(Injection.ambient(), (chart) => cart(chart))).toEqual([]);
    });
  });

  test('find a route to a port that the Service does not have, for HTTP, TCP and TLS', () => {
    const route = [{ destination: { host: CART, subset: 'v1', port: { number: 81 } } }];
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'VirtualService', 'extra', {
        hosts: ['extra'],
        http: [{ route }],
        tcp: [{ route }],
        tls: [{ match: [{ sniHosts: ['extra'] }], route }],
      });
    });
    expect(found).toEqual(
      ['http[0]', 'tcp[0]', 'tls[0]'].map(
        (place) => `unknown-port: ${place} leads to port 81 of '${CART}', which its Service does not have; there are 80`,
      ),
    );
  });

  test.each([
    [{}],
    [{ match: [{ uri: { prefix: '/' } }] }],
    [{ match: [{ uri: { prefix: '/' }, ignoreUriCase: true, name: 'all' }] }],
    [{ match: [{ uri: { regex: '.*' } }] }],
    [{ match: [{ uri: { regex: '^/.*$' } }] }],
    [{ match: [{ headers: { a: { exact: 'b' } } }, { name: 'all' }] }],
  ])('find the routes behind one that takes every request: %j', (condition) => {
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'VirtualService', 'extra', {
        hosts: ['extra'],
        http: [{ ...toCart, match: [{ uri: { prefix: '/a' } }] }, { ...toCart, ...condition }, toCart],
      });
    });
    expect(found).toEqual([
      'unreachable-route: http[2] is never reached: http[1] takes every request; put it first or remove it',
    ]);
  });

  test('find the routes behind the very first', () => {
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'VirtualService', 'extra', { hosts: ['extra'], http: [toCart, toCart, toCart] });
    });
    expect(found).toEqual(
      [1, 2].map((index) => {
        return `unreachable-route: http[${index}] is never reached: http[0] takes every request; put it first or remove it`;
      }),
    );
  });

  test('find two VirtualServices for one host in the mesh, and name the other one', () => {
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'VirtualService', 'extra', { hosts: ['cart'], http: [toCart] });
    });
    expect(found).toEqual([
      `host-taken: host '${CART}' at the mesh belongs to [shop/cart/VirtualService] already; write all its routes into one VirtualService`,
    ]);
  });

  describe('a host twice, in two namespaces,', () => {
    const twice = (further: object) =>
      findings((app) => {
        for (const namespace of ['a', 'b']) {
          const chart = new Chart(app, namespace, { namespace });
          add(chart, 'VirtualService', 'extra', { hosts: ['x.example.com'], http: [toCart], ...further });
        }
      });

    test('is found in the mesh', () => {
      expect(twice({})).toEqual([
        "host-taken: host 'x.example.com' at the mesh belongs to [a/VirtualService-extra] already; write all its routes into one VirtualService",
      ]);
    });

    test('is found at a gateway', () => {
      expect(twice({ gateways: ['ingress/gateway'] })).toEqual([
        "host-taken: host 'x.example.com' at gateway 'ingress/gateway' belongs to [a/VirtualService-extra] already; write all its routes into one VirtualService",
      ]);
    });

    test('is allowed where each is for its own namespace alone', () => {
      expect(twice({ exportTo: ['.'] })).toEqual([]);
      expect(twice({ exportTo: ['.'], gateways: ['ingress/gateway'] })).toEqual([]);
      expect(twice({ exportTo: ['.', 'c'] })).toHaveLength(1);
    });
  });

  test('find a host twice in the second of two alternatives', () => {
    const found = findings((app) => {
      const steps = new Alternatives(app, 'steps');
      const names = [
        ['first', 'one'],
        ['second', 'two'],
        ['second', 'three'],
      ];
      for (const [step, name] of names) {
        const chart = (steps.node.tryFindChild(step) as Chart | undefined) ?? new Chart(steps, step, { namespace: 'shop' });
        add(chart, 'VirtualService', name, { hosts: ['x.example.com'], http: [toCart] });
      }
    });
    expect(found).toEqual([
      "host-taken: host 'x.example.com' at the mesh belongs to [steps/second/VirtualService-two] already; write all its routes into one VirtualService",
    ]);
  });

  test('find a host at a gateway that does not serve it', () => {
    const found = inChart((chart) => {
      add(chart, 'Gateway', 'gateway', { servers: [{ hosts: ['shop/a.example.com', '*.example.org'] }] });
      add(chart, 'VirtualService', 'good', { hosts: ['b.example.org', 'a.example.com'], gateways: ['gateway'], http: [toCart] });
      add(chart, 'VirtualService', 'bad', { hosts: ['b.example.com'], gateways: ['shop/gateway', 'mesh'], http: [toCart] });
    });
    expect(found).toEqual([
      "unserved-host: host 'b.example.com' is none of those that gateway 'shop/gateway' serves, so no request reaches its routes; the gateway serves a.example.com, *.example.org",
    ]);
  });

  test('know what a pattern of a gateway serves: every host below it, and not the name itself', () => {
    const found = (served: string, host: string) =>
      inChart((chart) => {
        add(chart, 'Gateway', 'gateway', { servers: [{ hosts: [served] }] });
        add(chart, 'VirtualService', 'host', { hosts: [host], gateways: ['gateway'], http: [toCart] });
      });
    expect(found('*', 'a.example.com')).toEqual([]);
    expect(found('*.com', 'a.example.com')).toEqual([]);
    expect(found('*.example.com', '*.a.example.com')).toEqual([]);
    expect(found('*.example.com', 'example.com')).toHaveLength(1);
  });

  test('allow a pattern at a gateway that serves some of its hosts', () => {
    const found = (served: string[], host: string) =>
      inChart((chart) => {
        add(chart, 'Gateway', 'gateway', { servers: [{ hosts: served }] });
        add(chart, 'VirtualService', 'pattern', { hosts: [host], gateways: ['gateway'], http: [toCart] });
      });
    expect(found(['a.example.com'], '*.example.com')).toEqual([]);
    expect(found(['*.a.example.com'], '*.example.com')).toEqual([]);
    expect(found(['shop/a.example.com'], '*')).toEqual([]);
    expect(found(['example.com', 'a.example.org'], '*.example.com')).toEqual([
      "unserved-host: host '*.example.com' is none of those that gateway 'shop/gateway' serves, so no request reaches its routes; the gateway serves example.com, a.example.org",
    ]);
    expect(found([], '*')).toHaveLength(1);
  });

  test('find two VirtualServices for one host in the mesh also where one routes TCP or TLS, which at a gateway may be two', () => {
    const found = (further: object) =>
      inChart((chart) => {
        add(chart, 'VirtualService', 'first', { hosts: ['x.example.com'], http: [toCart], ...further });
        add(chart, 'VirtualService', 'second', { hosts: ['x.example.com'], tcp: [toCart], ...further });
        add(chart, 'VirtualService', 'third', {
          hosts: ['x.example.com'],
          tls: [{ match: [{ sniHosts: ['x.example.com'] }], ...toCart }],
          ...further,
        });
      });
    const taken =
      "host-taken: host 'x.example.com' at the mesh belongs to [shop/VirtualService-first] already; write all its routes into one VirtualService";
    expect(found({})).toEqual([taken, taken]);
    expect(found({ gateways: ['other/gateway'] })).toEqual([]);
  });

  test('find a host at two gateways on the same port of the same pods', () => {
    const twice = (listeners: Listener[]) =>
      inChart((chart) => {
        const app = cart(chart);
        new MeshGateway(chart, 'first').expose(app, { host: 'a.example.com' });
        new MeshGateway(chart, 'second', { listeners }).expose(app, { host: 'a.example.com' });
      });
    expect(twice([Listener.http()])).toEqual([
      `host-taken: host 'a.example.com' on port 80 of the pods with istio=ingressgateway belongs to gateway [shop/first/Resource] already; expose it there`,
    ]);
    expect(twice([Listener.http({ port: 8080 })])).toEqual([]);
  });

  test('find a host at two gateways of different namespaces, which share their pods', () => {
    const twice = (host: string) =>
      findings((app) => {
        for (const namespace of ['a', 'b']) {
          const chart = new Chart(app, namespace, { namespace });
          new MeshGateway(chart, 'gateway').expose(cart(chart), { host });
        }
      });
    expect(twice('a.example.com')).toEqual([
      `host-taken: host 'a.example.com' on port 80 of the pods with istio=ingressgateway belongs to gateway [a/gateway/Resource] already; expose it there`,
    ]);
    expect(twice('*')).toEqual([]);
  });

  test('find two DestinationRules for one host', () => {
    const found = inChart((chart) => {
      cart(chart);
      add(chart, 'DestinationRule', 'extra', { host: 'cart' });
    });
    expect(found).toEqual([
      `host-taken: host '${CART}' has a DestinationRule already, [shop/cart/DestinationRule]; write one for all its subsets and settings`,
    ]);
  });

  test('find a subset that selects no pod', () => {
    const found = inChart((chart) => {
      add(chart, 'Service', 'cart', { selector: { app: 'cart' }, ports: [{ port: 80 }] }, 'v1');
      add(chart, 'Deployment', 'cart', { template: { metadata: { labels: { app: 'cart', version: 'v1' } } } }, 'apps/v1');
      add(chart, 'DestinationRule', 'cart', {
        host: 'cart',
        subsets: [{ name: 'old', labels: { version: 'v1' } }, { name: 'new', labels: { version: 'v2' } }, { name: 'all' }],
      });
    });
    expect(found).toEqual([
      `empty-subset: subset 'new' asks for labels version=v2, which no pod behind '${CART}' carries; requests to it are answered with 503`,
    ]);
  });

  test('leave subsets alone whose pods somebody else runs', () => {
    const found = inChart((chart) => {
      add(chart, 'Service', 'cart', { selector: { app: 'cart' }, ports: [{ port: 80 }] }, 'v1');
      add(chart, 'DestinationRule', 'cart', { host: 'cart', subsets: [{ name: 'new', labels: { version: 'v2' } }] });
    });
    expect(found).toEqual([]);
  });

  describe('outlier detection that never ejects', () => {
    const detect = (outlierDetection: OutlierDetection, further: (chart: Chart) => void = () => {}) =>
      inChart((chart) => {
        const app = new CanaryApp(chart, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} } });
        new ResilienceRules(chart, 'rules', { app, outlierDetection });
        further(chart);
      });

    test('is found where nobody says the replicas, of which Kubernetes makes one', () => {
      expect(detect({ consecutive5xxErrors: 3 })).toEqual([
        "never-ejects: maxEjectionPercent is 10, Istio's default, but the only pod of 'cart-v1' is 100 percent, so none is ever ejected; allowed is 100, more replicas, or an autoscaler for them in this app",
      ]);
    });

    test('is found where all but one percent may be ejected, and not where all may be', () => {
      expect(detect({ maxEjectionPercent: 99 })).toHaveLength(1);
      expect(detect({ maxEjectionPercent: 100 })).toEqual([]);
    });

    test.each([
      ['Pod', 'v1', { metadata: { labels: { app: 'db' } } }],
      ['StatefulSet', 'apps/v1', { spec: { replicas: 1, template: { metadata: { labels: { app: 'db' } } } } }],
    ])('is found for a %s too', (kind, apiVersion, { metadata, spec }: { metadata?: object; spec?: object }) => {
      const found = inChart((chart) => {
        add(chart, 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }, 'v1');
        new ApiObject(chart, 'pods', { apiVersion, kind, metadata: { name: 'db-0', ...metadata }, spec });
        add(chart, 'DestinationRule', 'db', { host: 'db', trafficPolicy: { outlierDetection: { maxEjectionPercent: 50 } } });
      });
      expect(found).toEqual([
        "never-ejects: maxEjectionPercent is 50, but the only pod of 'db-0' is 100 percent, so none is ever ejected; allowed is 100, more replicas, or an autoscaler for them in this app",
      ]);
    });

    test('is not found for a DaemonSet, which has a pod on each node', () => {
      const found = inChart((chart) => {
        add(chart, 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }, 'v1');
        add(chart, 'DaemonSet', 'db', { template: { metadata: { labels: { app: 'db' } } } }, 'apps/v1');
        add(chart, 'DestinationRule', 'db', { host: 'db', trafficPolicy: { outlierDetection: {} } });
      });
      expect(found).toEqual([]);
    });

    test('is not found where an autoscaler decides on the replicas', () => {
      const autoscaler = (chart: Chart) =>
        add(
          chart,
          'HorizontalPodAutoscaler',
          'cart',
          { scaleTargetRef: { kind: 'Deployment', name: 'cart-v1' } },
          'autoscaling/v2',
        );
      expect(detect({ consecutive5xxErrors: 3 }, autoscaler)).toEqual([]);
    });
  });

  describe('callers without an identity', () => {
    const called = (spec: Partial<CanaryAppProps>, change: (app: CanaryApp, chart: Chart) => void) =>
      inChart((chart) => {
        const app = new CanaryApp(chart, 'db', { image: 'db', ports: [AppPort.tcp(80)], versions: { v1: {} }, ...spec });
        cart(chart).calls(app);
        change(app, chart);
      });
    const nobody = (cause: string) => [
      `mtls-conflict: callers of 'db.shop.svc.cluster.local' show no identity, because ${cause}, and AuthorizationPolicy 'db' lets in identities alone, so they get 403; let both sides use mutual TLS, or remove what asks who calls (calls, DefaultDeny)`,
    ];

    test('are found where a policy asks who calls', () => {
      const plain = (app: CanaryApp, chart: Chart) => new MutualTls(chart, 'tls', { app, mode: MtlsMode.DISABLE });
      expect(called({}, plain)).toEqual(nobody('client TLS is DISABLE'));
      const simple = (app: CanaryApp, chart: Chart) => new ResilienceRules(chart, 'tls', { app, clientTls: ClientTls.simple() });
      expect(called({}, simple)).toEqual(nobody('client TLS is SIMPLE'));
      const server = (app: CanaryApp, chart: Chart) => new PeerAuthentication(chart, 'tls', { app, mode: MtlsMode.DISABLE });
      expect(called({}, server)).toEqual(nobody('its pods accept DISABLE (PeerAuthentication)'));
    });

    test('are no mistake with mutual TLS, or where no sidecar asks', () => {
      const mutual = (app: CanaryApp, chart: Chart) => new MutualTls(chart, 'tls', { app, mode: MtlsMode.STRICT });
      expect(called({}, mutual)).toEqual([]);
      const plain = (app: CanaryApp, chart: Chart) => new ResilienceRules(chart, 'tls', { app, clientTls: ClientTls.disable() });
      expect(called({ podLabels: { 'sidecar.istio.io/inject': 'false' } }, plain)).toEqual([]);
      expect(called({ podAnnotations: { 'sidecar.istio.io/inject': 'false' } }, plain)).toEqual([]);
    });

    test('are no mistake where nobody asks who calls', () => {
      const found = inChart((chart) => {
        new ResilienceRules(chart, 'tls', { app: cart(chart), clientTls: ClientTls.disable() });
        add(
          chart,
          'AuthorizationPolicy',
          'get',
          { rules: [{ to: [{ operation: { methods: ['GET'] } }] }] },
          'security.istio.io/v1',
        );
      });
      expect(found).toEqual([]);
    });
  });

  describe('client TLS that the server refuses', () => {
    const disagree = (client: string, server: object) =>
      inChart((chart) => {
        add(chart, 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }, 'v1');
        add(chart, 'Deployment', 'db', { template: { metadata: { labels: { app: 'db' } } } }, 'apps/v1');
        add(chart, 'DestinationRule', 'db', { host: 'db', trafficPolicy: { tls: { mode: client } } });
        add(chart, 'PeerAuthentication', 'default', server, 'security.istio.io/v1');
      });

    test.each([
      ['DISABLE', { mtls: { mode: 'STRICT' } }],
      ['ISTIO_MUTUAL', { mtls: { mode: 'DISABLE' } }],
      ['DISABLE', { selector: { matchLabels: { app: 'db' } }, mtls: { mode: 'STRICT' } }],
      ['SIMPLE', { mtls: { mode: 'STRICT' } }],
    ])('is found: %s against %j', (client, server) => {
      expect(disagree(client, server)).toEqual([
        `mtls-conflict: callers of 'db.shop.svc.cluster.local' use client TLS ${client}, but its pods accept ${server.mtls.mode} (PeerAuthentication), so every connection is reset; make both sides agree`,
      ]);
    });

    test.each([
      ['DISABLE', { mtls: { mode: 'PERMISSIVE' } }],
      ['ISTIO_MUTUAL', { mtls: { mode: 'STRICT' } }],
      ['DISABLE', { selector: { matchLabels: { app: 'other' } }, mtls: { mode: 'STRICT' } }],
      [
        'DISABLE',
        { selector: { matchLabels: { app: 'db' } }, mtls: { mode: 'STRICT' }, portLevelMtls: { 80: { mode: 'DISABLE' } } },
      ],
    ])('is not found: %s against %j', (client, server) => {
      expect(disagree(client, server)).toEqual([]);
    });

    test('is not found where the policy is for pods with the same labels in another namespace', () => {
      const found = inChart((chart) => {
        add(chart, 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }, 'v1');
        add(chart, 'Deployment', 'db', { template: { metadata: { labels: { app: 'db' } } } }, 'apps/v1');
        add(chart, 'DestinationRule', 'db', { host: 'db', trafficPolicy: { tls: { mode: 'DISABLE' } } });
        const server = { selector: { matchLabels: { app: 'db' } }, mtls: { mode: 'STRICT' } };
        new ApiObject(chart, 'policy', {
          apiVersion: 'security.istio.io/v1',
          kind: 'PeerAuthentication',
          metadata: { name: 'db', namespace: 'bank' },
          spec: server,
        });
      });
      expect(found).toEqual([]);
    });
  });

  describe('client TLS that is said of a port or a version, or refused by the whole mesh', () => {
    const ports = [AppPort.http(80, { targetPort: 8080 }), AppPort.tcp(9000)];
    const disagree = (rules: Omit<ResilienceRulesProps, 'app'>, server: Partial<PeerAuthenticationProps>, podLabels = {}) =>
      findings((app) => {
        const scope = new Chart(app, 'shop', { namespace: 'shop' });
        const db = new CanaryApp(scope, 'db', {
          image: 'db',
          ports,
          versions: { v1: {}, v2: {} },
          split: { v1: 90, v2: 10 },
          podLabels,
        });
        new ResilienceRules(scope, 'rules', { app: db, ...rules });
        const ofApp = server.ports !== undefined ? { app: db } : {};
        new PeerAuthentication(new Chart(app, 'policy', { namespace: 'shop' }), 'mtls', {
          mode: MtlsMode.STRICT,
          ...ofApp,
          ...server,
        });
      });
    const plain = { clientTls: ClientTls.disable() };
    const conflict = (where: string) =>
      `mtls-conflict: callers of 'db.shop.svc.cluster.local' use client TLS DISABLE${where}, but its pods accept STRICT (PeerAuthentication), so every connection is reset; make both sides agree`;

    test.each<[string, Omit<ResilienceRulesProps, 'app'>, Partial<PeerAuthenticationProps>]>([
      [' for port 80', { ports: { '80': plain } }, {}],
      ['', { versions: { v2: plain } }, {}],
      [' for port 80', plain, { mode: MtlsMode.PERMISSIVE, ports: { '8080': MtlsMode.STRICT } }],
      ['', plain, { namespace: 'istio-system' }],
    ])('is found%s: %#', (where, rules, server) => {
      expect(disagree(rules, server)).toEqual([conflict(where)]);
    });

    test.each<[Omit<ResilienceRulesProps, 'app'>, Partial<PeerAuthenticationProps>, { [key: string]: string }]>([
      [{ ports: { '80': plain } }, { ports: { '8080': MtlsMode.DISABLE } }, {}],
      [{ ports: { '9000': plain } }, { ports: { '9000': MtlsMode.PERMISSIVE } }, {}],
      [plain, { namespace: 'elsewhere' }, {}],
      [plain, {}, { 'sidecar.istio.io/inject': 'false' }],
    ])('is not found where the two agree, or no sidecar is there: %#', (rules, server, podLabels) => {
      expect(disagree(rules, server, podLabels)).toEqual([]);
    });

    test('is no matter of who calls where the policy asks that on other ports', () => {
      const found = (port: number) =>
        inChart((chart) => {
          const db = new CanaryApp(chart, 'db', { image: 'db', ports, versions: { v1: {} } });
          cart(chart).calls(db, { port });
          new ResilienceRules(chart, 'rules', { app: db, ports: { '80': plain } });
        });
      expect(found(9000)).toEqual([]);
      expect(found(80)).toEqual([expect.stringContaining('show no identity on port 80, because client TLS is DISABLE')]);
    });
  });

  test('find a ServiceMonitor whose port no Service has', () => {
    const found = inChart((chart) => {
      cart(chart);
      add(
        chart,
        'ServiceMonitor',
        'cart',
        { selector: { matchLabels: { app: 'cart' } }, endpoints: [{ port: 'metrics' }] },
        'monitoring.coreos.com/v1',
      );
    });
    expect(found).toEqual([
      "unknown-port: port 'metrics' is called so by none of the Services it selects, so nothing is scraped; there are http",
    ]);
  });

  test('leave a ServiceMonitor alone that says a port of the pods by its number', () => {
    const found = inChart((chart) => {
      cart(chart);
      const spec = { selector: { matchLabels: { app: 'cart' } }, endpoints: [{ targetPort: 9090 }] };
      add(chart, 'ServiceMonitor', 'cart', spec, 'monitoring.coreos.com/v1');
    });
    expect(found).toEqual([]);
  });

  test('look at each alternative together with what is common, and at no two of them together', () => {
    const found = findings((app) => {
      cart(new Chart(app, 'shop', { namespace: 'shop' }));
      const steps = new Alternatives(app, 'steps');
      for (const subset of ['v1', 'v2', 'v3']) {
        const chart = new Chart(steps, subset, { namespace: 'shop' });
        add(chart, 'VirtualService', 'extra', {
          hosts: ['extra'],
          http: [{ route: [{ destination: { host: 'cart', subset } }] }],
        });
      }
    });
    expect(found).toEqual([
      `unknown-subset: http[0] leads to subset 'v3' of '${CART}', which no DestinationRule defines; there are v1, v2`,
    ]);
  });

  test('allow what is common to lead to what each alternative has', () => {
    const found = findings((app) => {
      const common = new Chart(app, 'common', { namespace: 'shop' });
      add(common, 'Service', 'cart', { selector: { app: 'cart' }, ports: [{ port: 80 }] }, 'v1');
      add(common, 'VirtualService', 'extra', { hosts: ['extra'], http: [toCart] });
      const steps = new Alternatives(app, 'steps');
      for (const step of ['first', 'second']) {
        const chart = new Chart(steps, step, { namespace: 'shop' });
        add(chart, 'DestinationRule', 'cart', { host: 'cart', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
      }
    });
    expect(found).toEqual([]);
  });

  test('find what one alternative lacks, though another has it', () => {
    const found = findings((app) => {
      const steps = new Alternatives(app, 'steps');
      const [old, next] = ['old', 'next'].map((step) => new Chart(steps, step, { namespace: 'shop' }));
      const props = { image: 'cart:1', ports: [AppPort.http(80)] };
      new CanaryApp(old, 'cart', { ...props, versions: { v1: {} } });
      new CanaryApp(next, 'cart', { ...props, versions: { v1: {}, v2: {} }, split: { v1: 90, v2: 10 } });
      const route = [{ destination: { host: 'cart', subset: 'v2' } }];
      add(old, 'VirtualService', 'extra', { hosts: ['extra'], http: [{ route }] });
      add(next, 'VirtualService', 'extra', { hosts: ['extra'], http: [{ route }] });
    });
    expect(found).toEqual([
      `unknown-subset: http[0] leads to subset 'v2' of '${CART}', which no DestinationRule defines; there are v1`,
    ]);
  });

  test.each([
    ['Service', 'v1'],
    ['Pod', 'v1'],
    ['Namespace', 'v1'],
    ['Deployment', 'apps/v1'],
    ['StatefulSet', 'apps/v1'],
    ['DaemonSet', 'apps/v1'],
    ['HorizontalPodAutoscaler', 'autoscaling/v2'],
    ['VirtualService', 'networking.istio.io/v1'],
    ['DestinationRule', 'networking.istio.io/v1'],
    ['Gateway', 'networking.istio.io/v1'],
    ['Sidecar', 'networking.istio.io/v1'],
    ['PeerAuthentication', 'security.istio.io/v1'],
    ['Canary', 'flagger.app/v1beta1'],
    ['ServiceMonitor', 'monitoring.coreos.com/v1'],
  ])('leave a %s alone of which next to nothing is said', (kind, apiVersion) => {
    const asked = (chart: Chart) => {
      add(chart, 'Service', 'db', { selector: { app: 'db' }, ports: [{ port: 80 }] }, 'v1');
      add(chart, 'DestinationRule', 'db', { host: 'db', subsets: [{ name: 'v1', labels: { version: 'v1' } }] });
    };
    for (const spec of [undefined, {}, { servers: [{}], http: [{ route: [{}] }], subsets: [{ name: 'v1' }], endpoints: [{}] }]) {
      const found = inChart((chart) => {
        asked(chart);
        new ApiObject(chart, 'own', { apiVersion, kind, metadata: { name: 'own' }, spec });
      });
      expect(found).toEqual([]);
    }
  });

  describe('where several rollouts are applied, each at one of its steps,', () => {
    const STEPS = [
      { v1: 80, v2: 20 },
      { v1: 0, v2: 100 },
    ];
    const rollOut = (scope: Construct, namespace: string, host: string) => {
      for (const { chart, split } of new Rollout(scope, namespace, { namespace, steps: STEPS }).steps) {
        const app = new CanaryApp(chart, 'cart', {
          image: 'cart:1',
          ports: [AppPort.http(80)],
          versions: { v1: {}, v2: {} },
          split,
        });
        MeshGateway.fromName(chart, 'gateway', { name: 'gateway', namespace: 'istio-system' }).expose(app, { host });
      }
    };

    test('find a host that two of them want', () => {
      const found = findings((app) => {
        rollOut(app, 'one', 'shop.example.com');
        rollOut(app, 'two', 'shop.example.com');
      });
      expect(new Set(found).size).toBe(1);
      expect(found[0]).toMatch(
        /^host-taken: host 'shop.example.com' at gateway 'istio-system\/gateway' belongs to \[one\/80-20\//,
      );
    });

    test('find nothing where each has its own', () => {
      const found = findings((app) => {
        rollOut(app, 'one', 'one.example.com');
        rollOut(app, 'two', 'two.example.com');
      });
      expect(found).toEqual([]);
    });

    test('find nothing where they are alternatives themselves', () => {
      const found = findings((app) => {
        const environments = new Alternatives(app, 'environments');
        rollOut(environments, 'one', 'shop.example.com');
        rollOut(environments, 'two', 'shop.example.com');
      });
      expect(found).toEqual([]);
    });
  });

  test('find two VirtualServices for one host in the mesh whatever they route, since Istio takes one', () => {
    const found = inChart((chart) => {
      const route = [{ destination: { host: 'db.data.svc.cluster.local' } }];
      add(chart, 'VirtualService', 'one', { hosts: ['db'], tcp: [{ route }] });
      add(chart, 'VirtualService', 'two', { hosts: ['db'], tls: [{ match: [{ sniHosts: ['db'] }], route }] });
    });
    expect(found).toEqual([
      "host-taken: host 'db.shop.svc.cluster.local' at the mesh belongs to [shop/VirtualService-one] already; write all its routes into one VirtualService",
    ]);
  });

  test('name the line that created the construct, not the call of synth()', () => {
    const app = new MeshApp({ quiet: true, outdir: 'never-written' });
    const chart = new Chart(app, 'shop', { namespace: 'shop' });
    const first = cart(chart);
    new ResilienceRules(chart, 'rules', { app: first, outlierDetection: {} });
    expect(() => app.synth()).toThrow(
      expect.objectContaining({
        code: ErrorCode.NEVER_EJECTS,
        cause: expect.objectContaining({ stack: expect.stringContaining('cart (') }),
      }),
    );
  });
});
