import { Chart, Duration } from 'cdk8s';
import {
  Alternatives,
  AppPort,
  type CallOptions,
  CanaryApp,
  CanaryMetric,
  Client,
  ClientDeployment,
  ClientPod,
  DefaultDeny,
  DeploymentRef,
  ExternalNetworks,
  ExternalService,
  FlaggerCanary,
  GlobalRateLimit,
  HeaderMatch,
  HttpMethod,
  Listener,
  MeshGateway,
  MeshService,
  MethodMatch,
  Metrics,
  PathMatch,
  Rewrite,
  type VersionProps,
} from 'cdk8s-istio';
import fc from 'fast-check';
import { carriedByNetwork, knownToProxies, letInByIdentity, type Party } from '../support/calls';
import { schemaMistakes } from '../support/schemas';
import { chart, type Manifest, one, refusal, synth, title } from '../support/synth';

const KINDS = ['Sidecar', 'AuthorizationPolicy', 'NetworkPolicy'];

function service(scope: Chart, name: string, port = AppPort.grpc(7070)): CanaryApp {
  return new CanaryApp(scope, name, { image: 'shop/app:1', ports: [port], versions: { v1: {} } });
}

function policies(manifests: readonly Manifest[]): string[] {
  return manifests.filter(({ kind }) => KINDS.includes(kind)).map(title);
}

/** Without what every proxy needs: names, istiod, and Prometheus. */
function callsOf(rules: { to?: unknown; from?: unknown; ports: { port: number }[] }[]): unknown[] {
  return rules.filter(({ ports }) => !ports.some(({ port }) => [53, 15012, 15020].includes(port)));
}

function inNamespace(namespace: string, labels?: Record<string, string>): unknown {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    ...(labels && { podSelector: { matchLabels: labels } }),
  };
}

const SHOP = synth((scope) => {
  const cart = service(scope, 'cart');
  const frontend = service(scope, 'frontend', AppPort.http(80, { targetPort: 8080 }));
  const options: Required<CallOptions> = {
    port: 7070,
    paths: [PathMatch.grpc('shop.CartService', 'GetCart'), PathMatch.grpc('shop.Health'), PathMatch.below('/admin')],
  };
  frontend.calls(cart, options);
  new MeshGateway(scope, 'gateway', { workloadServiceAccount: 'ingress' }).expose(frontend, { host: 'shop.example.com' });
});

describe('a call between two apps', () => {
  test('gives each of them three policies', () => {
    expect(policies(SHOP).sort()).toEqual(KINDS.flatMap((kind) => [`${kind} cart`, `${kind} frontend`]).sort());
  });

  test('is written as a reviewer reads it', () => {
    expect(SHOP.filter(({ kind }) => KINDS.includes(kind))).toMatchSnapshot();
  });

  test('is valid against the CRDs of all versions of Istio', () => {
    expect(schemaMistakes(SHOP)).toEqual([]);
  });

  test('is known to the proxy of the caller, and nothing else is', () => {
    expect(one(SHOP, 'Sidecar', 'frontend').spec).toEqual({
      workloadSelector: { labels: { app: 'frontend' } },
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [{ hosts: ['istio-system/*', 'shop/cart.shop.svc.cluster.local'] }],
    });
    expect(one(SHOP, 'Sidecar', 'cart').spec.egress).toEqual([{ hosts: ['istio-system/*'] }]);
  });

  test('is let in by identity, path and the port of the pod', () => {
    expect(one(SHOP, 'AuthorizationPolicy', 'cart').spec.rules).toEqual([
      {
        from: [{ source: { principals: ['cluster.local/ns/shop/sa/frontend'] } }],
        to: [{ operation: { ports: ['7070'], paths: ['/shop.CartService/GetCart', '/shop.Health/*', '/admin', '/admin/*'] } }],
      },
    ]);
  });

  test('is carried by the network, at both ends', () => {
    expect(callsOf(one(SHOP, 'NetworkPolicy', 'frontend').spec.egress)).toEqual([
      { to: [inNamespace('shop', { app: 'cart' })], ports: [{ protocol: 'TCP', port: 7070 }] },
    ]);
    expect(callsOf(one(SHOP, 'NetworkPolicy', 'cart').spec.ingress)).toEqual([
      { from: [inNamespace('shop', { app: 'frontend' })], ports: [{ protocol: 'TCP', port: 7070 }] },
    ]);
  });

  test('leaves the way from the gateway open, to the port of the pod', () => {
    expect(one(SHOP, 'AuthorizationPolicy', 'frontend').spec.rules).toEqual([
      {
        from: [{ source: { principals: ['cluster.local/ns/istio-system/sa/ingress'] } }],
        to: [{ operation: { ports: ['8080'] } }],
      },
    ]);
    expect(callsOf(one(SHOP, 'NetworkPolicy', 'frontend').spec.ingress)).toEqual([
      { from: [inNamespace('istio-system', { istio: 'ingressgateway' })], ports: [{ protocol: 'TCP', port: 8080 }] },
    ]);
  });

  test('leaves open what every proxy needs', () => {
    const { ingress, egress } = one(SHOP, 'NetworkPolicy', 'cart').spec;
    expect(egress).toEqual([
      {
        to: [inNamespace('kube-system')],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
      { to: [inNamespace('istio-system', { app: 'istiod' })], ports: [{ protocol: 'TCP', port: 15012 }] },
    ]);
    expect(ingress).toContainEqual({
      from: [{ namespaceSelector: {} }],
      ports: [
        { protocol: 'TCP', port: 15020 },
        { protocol: 'TCP', port: 15090 },
      ],
    });
  });
});

describe('who is called', () => {
  test('without any caller lets nobody in', () => {
    const manifests = synth((scope) => {
      const curl = new ClientPod(scope, 'curl', { image: 'curl' });
      curl.calls(service(scope, 'cart'));
    });
    expect(one(manifests, 'AuthorizationPolicy', 'curl').spec).toEqual({
      selector: { matchLabels: { app: 'curl' } },
      action: 'ALLOW',
    });
  });

  test('is scraped by Prometheus, which has no identity, and by GET of the metrics alone', () => {
    const manifests = synth((scope) => {
      const cart = new CanaryApp(scope, 'cart', {
        image: 'cart',
        ports: [AppPort.grpc(7070)],
        metrics: Metrics.podMonitor(AppPort.http(9090, { name: 'metrics' }), { path: '/stats' }),
        versions: { v1: {} },
      });
      service(scope, 'frontend').calls(cart);
    });
    expect(one(manifests, 'AuthorizationPolicy', 'cart').spec.rules).toEqual([
      expect.objectContaining({ to: [{ operation: { ports: ['7070'] } }] }),
      { to: [{ operation: { ports: ['9090'], methods: ['GET'], paths: ['/stats'] } }] },
    ]);
    expect(one(manifests, 'NetworkPolicy', 'cart').spec.ingress).toContainEqual({
      from: [{ namespaceSelector: {} }],
      ports: [9090, 15020, 15090].map((port) => ({ protocol: 'TCP', port })),
    });
  });

  test('may stand in another namespace or chart', () => {
    const manifests = synth((scope) => {
      const bank = new Chart(Chart.of(scope).node.scope as Chart, 'bank', { namespace: 'bank' });
      service(scope, 'frontend').calls(service(bank, 'payment'));
    });
    expect(one(manifests, 'Sidecar', 'frontend').spec.egress[0].hosts).toEqual([
      'istio-system/*',
      'bank/payment.bank.svc.cluster.local',
    ]);
    expect(one(manifests, 'AuthorizationPolicy', 'payment').metadata.namespace).toBe('bank');
    expect(callsOf(one(manifests, 'NetworkPolicy', 'payment').spec.ingress)).toEqual([
      { from: [inNamespace('shop', { app: 'frontend' })], ports: [{ protocol: 'TCP', port: 7070 }] },
    ]);
  });

  test('may belong to somebody else: all pods of its namespace answer', () => {
    const manifests = synth((scope) => {
      const kiali = MeshService.fromName(scope, 'kiali', {
        namespace: 'istio-system',
        ports: [AppPort.http(80, { targetPort: 20001 })],
      });
      service(scope, 'frontend').calls(kiali);
    });
    expect(policies(manifests)).toHaveLength(3);
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toEqual([
      { to: [inNamespace('istio-system')], ports: [{ protocol: 'TCP', port: 20001 }] },
    ]);
  });

  test('is known to the proxy once where all of its namespace is: istioctl analyze warns of a host that is there twice', () => {
    const manifests = synth((scope) => {
      const kiali = MeshService.fromName(scope, 'kiali', { namespace: 'istio-system', ports: [AppPort.http(80)] });
      service(scope, 'frontend').calls(kiali);
    });
    expect(one(manifests, 'Sidecar', 'frontend').spec.egress).toEqual([{ hosts: ['istio-system/*'] }]);
  });

  test('may be outside: at its own addresses, in networks that are said, or at any public address', () => {
    const manifests = synth((scope) => {
      const ports = [AppPort.https(443)];
      const frontend = service(scope, 'frontend');
      const networks = ExternalNetworks.of(['203.0.113.0/24', '2001:db8::/32']);
      const anywhere = ExternalNetworks.anyPublic();
      frontend.calls(
        new ExternalService(scope, 'metadata', { host: 'metadata.internal', ports, endpoints: ['169.254.169.254', '::1'] }),
      );
      frontend.calls(new ExternalService(scope, 'apis', { host: '*.googleapis.com', ports, networks: anywhere }));
      frontend.calls(new ExternalService(scope, 'origin', { host: 'api.example.com', tlsOrigination: {}, networks }));
    });
    expect(one(manifests, 'Sidecar', 'frontend').spec.egress[0].hosts).toEqual([
      'istio-system/*',
      'shop/metadata.internal',
      'shop/*.googleapis.com',
      'shop/api.example.com',
    ]);
    const https = [{ protocol: 'TCP', port: 443 }];
    const blocks = (...cidrs: string[]) => cidrs.map((cidr) => ({ ipBlock: { cidr } }));
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toEqual([
      { to: blocks('169.254.169.254/32', '::1/128'), ports: https },
      {
        to: [
          {
            ipBlock: {
              cidr: '0.0.0.0/0',
              except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
            },
          },
          { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
        ],
        ports: https,
      },
      // It is called on this port, once its proxy has encrypted what came on port 80.
      { to: blocks('203.0.113.0/24', '2001:db8::/32'), ports: https },
    ]);
  });

  test.each(['by a call', 'by a rule of the app that is called'])('is not let out to an unknown place %s', (way) => {
    const scope = chart();
    const outside = new ExternalService(scope, 'outside', { host: 'api.example.com', ports: [AppPort.http(80)] });
    const rules = [{ when: PathMatch.exact('/a'), service: outside }];
    const page = new CanaryApp(scope, 'page', { image: 'page', ports: [AppPort.http(80)], rules, versions: { v1: {} } });
    const frontend = service(scope, 'frontend');
    expect(refusal(() => frontend.calls(way === 'by a call' ? outside : page))).toBe(
      "[system/outside] host 'api.example.com' is called by pods with policies of their own, and in which networks it is nobody said; say it: networks: ExternalNetworks.of(['…']) or ExternalNetworks.anyPublic() (missing-networks)",
    );
    expect(frontend.node.tryFindChild('Calls')).toBeUndefined();
  });

  test('is found in both versions when Flagger rolls it out', () => {
    const manifests = synth((scope) => {
      const cart = service(scope, 'cart');
      service(scope, 'frontend').calls(cart);
      new FlaggerCanary(scope, 'rollout', {
        app: cart,
        analysis: { interval: Duration.seconds(30), threshold: 5, stepWeight: 5, metrics: [CanaryMetric.successRate(99)] },
      });
    });
    const pods = { 'app.kubernetes.io/name': 'cart' };
    expect(one(manifests, 'Sidecar', 'cart').spec.workloadSelector.labels).toEqual(pods);
    expect(one(manifests, 'AuthorizationPolicy', 'cart').spec.selector.matchLabels).toEqual(pods);
    expect(one(manifests, 'NetworkPolicy', 'cart').spec.podSelector.matchLabels).toEqual(pods);
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toMatchObject([{ to: [inNamespace('shop', pods)] }]);
  });

  test('is found in both versions when Flagger rolls out pods of which only the label app is known', () => {
    const manifests = synth((scope) => {
      const cart = new CanaryApp(scope, 'cart', {
        service: MeshService.fromName(scope, 'cart-service', { name: 'cart', ports: [AppPort.grpc(7070)] }),
        serviceAccount: 'cart',
        versions: { v1: { deployment: DeploymentRef.fromName('cart') } },
      });
      service(scope, 'frontend').calls(cart);
      new FlaggerCanary(scope, 'rollout', {
        app: cart,
        analysis: { interval: Duration.seconds(30), threshold: 5, stepWeight: 5, metrics: [CanaryMetric.successRate(99)] },
      });
      cart.calls(service(scope, 'redis', AppPort.tcp(6379)));
    });
    for (const name of ['cart', 'cart-primary']) {
      expect(one(manifests, 'Sidecar', name).spec.workloadSelector.labels).toEqual({ app: name });
      expect(one(manifests, 'AuthorizationPolicy', name).spec.selector.matchLabels).toEqual({ app: name });
    }
    const { rules } = one(manifests, 'AuthorizationPolicy', 'cart').spec;
    expect(rules).toHaveLength(1);
    expect(one(manifests, 'AuthorizationPolicy', 'cart-primary').spec.rules).toEqual(rules);
    expect(one(manifests, 'Sidecar', 'cart-primary').spec.egress).toEqual(one(manifests, 'Sidecar', 'cart').spec.egress);
    expect(one(manifests, 'NetworkPolicy', 'cart').spec.podSelector).toEqual({
      matchExpressions: [{ key: 'app', operator: 'In', values: ['cart', 'cart-primary'] }],
    });
    const both = ['cart', 'cart-primary'].map((app) => inNamespace('shop', { app }));
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toMatchObject([{ to: both }]);
    expect(callsOf(one(manifests, 'NetworkPolicy', 'redis').spec.ingress)).toMatchObject([{ from: both }]);
  });

  test('may be run by somebody else, and so may the caller', () => {
    const manifests = synth((scope) => {
      const cart = new CanaryApp(scope, 'cart', {
        service: MeshService.fromName(scope, 'cart-service', { name: 'cart', ports: [AppPort.grpc(7070)] }),
        serviceAccount: 'carts',
        versions: { v1: { deployment: DeploymentRef.fromName('cart') } },
      });
      Client.fromName(scope, 'load', { name: 'loader', serviceAccount: 'load' }).calls(cart);
      cart.calls(cart);
    });
    expect(manifests.map(title).filter((name) => /^(Service|ServiceAccount|Deployment) /.test(name))).toEqual([]);
    const { rules } = one(manifests, 'AuthorizationPolicy', 'cart').spec;
    expect(rules.map(({ from }: { from: unknown }) => from)).toEqual(
      ['load', 'carts'].map((account) => [{ source: { principals: [`cluster.local/ns/shop/sa/${account}`] } }]),
    );
  });
});

describe('the gateway that exposes an app', () => {
  test('is let in by its namespace where its identity is not said', () => {
    const manifests = synth((scope) => {
      const frontend = service(scope, 'frontend');
      frontend.calls(service(scope, 'cart'));
      const gateway = new MeshGateway(scope, 'gateway', { workloadNamespace: 'edge', selector: { istio: 'edge' } });
      gateway.expose(frontend, { host: 'a.example.com' });
      gateway.expose(frontend, { host: 'b.example.com' });
    });
    expect(one(manifests, 'AuthorizationPolicy', 'frontend').spec.rules).toEqual([
      { from: [{ source: { namespaces: ['edge'] } }], to: [{ operation: { ports: ['7070'] } }] },
    ]);
  });
});

describe('a closed namespace', () => {
  const gatewayRule = (port: string) => ({
    from: [{ source: { principals: ['cluster.local/ns/istio-system/sa/ingress'] } }],
    to: [{ operation: { ports: [port] } }],
  });
  const expose = (scope: Chart, app: MeshService) =>
    new MeshGateway(scope, 'gateway', { workloadServiceAccount: 'ingress' }).expose(app, { host: 'shop.example.com' });

  test.each(['before', 'after'])('lets the gateway in to an app that calls nobody, exposed %s it is closed', (order) => {
    const manifests = synth((scope) => {
      const page = service(scope, 'page', AppPort.http(80, { targetPort: 8080 }));
      const steps = [() => expose(scope, page), () => new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' })];
      for (const step of order === 'before' ? steps : steps.reverse()) {
        step();
      }
    });
    expect(one(manifests, 'AuthorizationPolicy', 'page').spec.rules).toEqual([gatewayRule('8080')]);
    expect(callsOf(one(manifests, 'NetworkPolicy', 'page').spec.ingress)).toEqual([
      { from: [inNamespace('istio-system', { istio: 'ingressgateway' })], ports: [{ protocol: 'TCP', port: 8080 }] },
    ]);
    expect(one(manifests, 'Sidecar', 'page').spec.egress).toEqual([{ hosts: ['istio-system/*'] }]);
  });

  test('lets the gateway in by TCP too', () => {
    const manifests = synth((scope) => {
      new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' });
      const redis = service(scope, 'redis', AppPort.tcp(6379));
      new MeshGateway(scope, 'gateway', { workloadServiceAccount: 'ingress', listeners: [Listener.tcp(6379)] }).tcp(redis);
    });
    expect(one(manifests, 'AuthorizationPolicy', 'redis').spec.rules).toEqual([gatewayRule('6379')]);
  });

  test('lets Prometheus in to an app that nobody calls', () => {
    const manifests = synth((scope) => {
      new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' });
      const metrics = Metrics.serviceMonitor(AppPort.http(9090, { name: 'metrics' }));
      new CanaryApp(scope, 'batch', { image: 'batch', ports: [AppPort.grpc(7070)], metrics, versions: { v1: {} } });
    });
    expect(one(manifests, 'AuthorizationPolicy', 'batch').spec.rules).toEqual([
      { to: [{ operation: { ports: ['9090'], methods: ['GET'], paths: ['/metrics'] } }] },
    ]);
  });

  test('lets Prometheus in by the port alone where it speaks no HTTP', () => {
    const manifests = synth((scope) => {
      new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' });
      const metrics = Metrics.serviceMonitor(AppPort.tcp(9090, { name: 'metrics' }));
      new CanaryApp(scope, 'batch', { image: 'batch', ports: [AppPort.grpc(7070)], metrics, versions: { v1: {} } });
    });
    expect(one(manifests, 'AuthorizationPolicy', 'batch').spec.rules).toEqual([{ to: [{ operation: { ports: ['9090'] } }] }]);
  });

  test.each(['before', 'after'])('lets Prometheus in from its own namespace alone, to apps that are written %s', (order) => {
    const manifests = synth((scope) => {
      const steps = [
        () => service(scope, 'frontend').calls(service(scope, 'cart')),
        () => new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' }),
      ];
      for (const step of order === 'before' ? steps : steps.reverse()) {
        step();
      }
    });
    for (const name of ['cart', 'frontend', 'default-deny']) {
      expect(one(manifests, 'NetworkPolicy', name).spec.ingress.at(-1)).toEqual({
        from: [inNamespace('monitoring')],
        ports: [15020, 15090].map((port) => ({ protocol: 'TCP', port })),
      });
    }
  });

  test('gives no policy to an app that nobody reaches', () => {
    const manifests = synth((scope) => {
      new DefaultDeny(scope, 'deny', { prometheusNamespace: 'monitoring' });
      service(scope, 'page');
    });
    expect(policies(manifests).sort()).toEqual([
      'AuthorizationPolicy default-deny',
      'NetworkPolicy default-deny',
      'Sidecar default-deny',
    ]);
  });

  test.each(['before', 'after'])('closes no other namespace, and none that is applied in its place, said %s it', (order) => {
    const manifests = synth((scope) => {
      const app = scope.node.scope as Chart;
      const variants = new Alternatives(app, 'variants');
      const open = new Chart(variants, 'open', { namespace: 'shop' });
      const steps = [
        () => {
          new DefaultDeny(new Chart(app, 'bank', { namespace: 'bank' }), 'deny', { prometheusNamespace: 'monitoring' });
          new DefaultDeny(new Chart(variants, 'closed', { namespace: 'shop' }), 'deny', { prometheusNamespace: 'monitoring' });
        },
        () => expose(open, service(open, 'page')),
      ];
      for (const step of order === 'before' ? steps : steps.reverse()) {
        step();
      }
    });
    expect(policies(manifests).filter((name) => name.endsWith(' page'))).toEqual([]);
  });

  test('is not needed for an app to be exposed: without it the app gets no policy', () => {
    expect(policies(synth((scope) => expose(scope, service(scope, 'page'))))).toEqual([]);
  });
});

describe('a rule that leads to another Service', () => {
  const shop = (scope: Chart, rewrite?: Rewrite) => {
    const mobile = service(scope, 'mobile', AppPort.http(80, { targetPort: 9090 }));
    const page = new CanaryApp(scope, 'page', {
      image: 'page',
      ports: [AppPort.http(80, { targetPort: 8080 }), AppPort.tcp(6379)],
      rules: [{ when: PathMatch.prefix('/mobile/'), service: mobile, rewrite }],
      versions: { v1: {} },
    });
    return { mobile, page };
  };
  const fromFrontend = { source: { principals: ['cluster.local/ns/shop/sa/frontend'] } };

  test('is followed: who calls the app calls the other one too, by all three policies', () => {
    const manifests = synth((scope) => service(scope, 'frontend').calls(shop(scope).page));
    expect(one(manifests, 'Sidecar', 'frontend').spec.egress[0].hosts).toEqual([
      'istio-system/*',
      'shop/page.shop.svc.cluster.local',
      'shop/mobile.shop.svc.cluster.local',
    ]);
    expect(one(manifests, 'AuthorizationPolicy', 'mobile').spec.rules).toEqual([
      { from: [fromFrontend], to: [{ operation: { ports: ['9090'] } }] },
    ]);
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toContainEqual({
      to: [inNamespace('shop', { app: 'mobile' })],
      ports: [{ protocol: 'TCP', port: 9090 }],
    });
    expect(callsOf(one(manifests, 'NetworkPolicy', 'mobile').spec.ingress)).toEqual([
      { from: [inNamespace('shop', { app: 'frontend' })], ports: [{ protocol: 'TCP', port: 9090 }] },
    ]);
  });

  test('is not followed from a port without HTTP, to which no rule applies', () => {
    const manifests = synth((scope) => service(scope, 'frontend').calls(shop(scope).page, { port: 6379 }));
    expect(policies(manifests).filter((name) => name.endsWith(' mobile'))).toEqual([]);
  });

  test.each([
    ['as they are called', undefined, ['/mobile/*', '/info']],
    ['as one rewritten path', Rewrite.path('/all'), ['/all']],
    ['below the rewritten prefix', Rewrite.prefix('/m/'), ['/m/*']],
    ['every one after an expression', Rewrite.regex('^/mobile/(.*)$', '/\\1'), undefined],
  ])('lets paths pass %s', (_, rewrite, paths) => {
    const manifests = synth((scope) =>
      service(scope, 'frontend').calls(shop(scope, rewrite).page, {
        port: 80,
        paths: [PathMatch.prefix('/mobile/'), PathMatch.exact('/info')],
      }),
    );
    expect(one(manifests, 'AuthorizationPolicy', 'mobile').spec.rules[0].to).toEqual([
      { operation: { ports: ['9090'], ...(paths && { paths }) } },
    ]);
  });

  test('lets the gateway of the app in to the other one', () => {
    const manifests = synth((scope) => {
      const { page, mobile } = shop(scope);
      new MeshGateway(scope, 'gateway', { workloadServiceAccount: 'ingress' }).expose(page, { host: 'shop.example.com' });
      service(scope, 'frontend').calls(mobile);
    });
    expect(one(manifests, 'AuthorizationPolicy', 'mobile').spec.rules).toContainEqual({
      from: [{ source: { principals: ['cluster.local/ns/istio-system/sa/ingress'] } }],
      to: [{ operation: { ports: ['9090'] } }],
    });
    expect(one(manifests, 'NetworkPolicy', 'mobile').spec.ingress).toContainEqual({
      from: [inNamespace('istio-system', { istio: 'ingressgateway' })],
      ports: [{ protocol: 'TCP', port: 9090 }],
    });
  });

  test('may lead to somebody else’s, which the caller’s own policies then name', () => {
    const manifests = synth((scope) => {
      const legacy = MeshService.fromName(scope, 'legacy', { namespace: 'old', ports: [AppPort.http(80, { targetPort: 8000 })] });
      const rules = [{ when: PathMatch.exact('/old'), service: legacy }];
      const page = new CanaryApp(scope, 'page', { image: 'page', ports: [AppPort.http(80)], rules, versions: { v1: {} } });
      service(scope, 'frontend').calls(page);
    });
    expect(one(manifests, 'Sidecar', 'frontend').spec.egress[0].hosts).toContain('old/legacy.old.svc.cluster.local');
    expect(callsOf(one(manifests, 'NetworkPolicy', 'frontend').spec.egress)).toContainEqual({
      to: [inNamespace('old')],
      ports: [{ protocol: 'TCP', port: 8000 }],
    });
  });
});

test('the proxy of an app with a global limit may ask the service that counts', () => {
  const manifests = synth((scope) => {
    const limits = service(scope, 'limits', AppPort.grpc(8081));
    const page = service(scope, 'page', AppPort.http(80));
    new GlobalRateLimit(scope, 'limit', { app: page, service: limits, domain: 'page' });
    service(scope, 'frontend').calls(page);
    service(scope, 'admin').calls(limits);
  });
  expect(one(manifests, 'Sidecar', 'page').spec.egress[0].hosts).toEqual([
    'istio-system/*',
    'shop/limits.shop.svc.cluster.local',
  ]);
  expect(one(manifests, 'AuthorizationPolicy', 'limits').spec.rules).toContainEqual({
    from: [{ source: { principals: ['cluster.local/ns/shop/sa/page'] } }],
    to: [{ operation: { ports: ['8081'] } }],
  });
});

test('a global limit alone closes nothing', () => {
  const manifests = synth((scope) => {
    const limits = service(scope, 'limits', AppPort.grpc(8081));
    new GlobalRateLimit(scope, 'limit', { app: service(scope, 'page', AppPort.http(80)), service: limits, domain: 'page' });
  });
  expect(policies(manifests)).toEqual([]);
});

test('the order in which calls are said changes nothing for the pods they concern', () => {
  const build = (first: string, second: string) =>
    synth((scope) => {
      const apps = new Map(['a', 'b', 'c'].map((name) => [name, service(scope, name)]));
      for (const name of [first, second]) {
        apps.get(name)?.calls(apps.get('c') as CanaryApp);
      }
    });
  const [forth, back] = [build('a', 'b'), build('b', 'a')];
  for (const kind of KINDS) {
    expect(one(forth, kind, 'a')).toEqual(one(back, kind, 'a'));
  }
});

describe('the three policies', () => {
  const NAMES = ['a', 'b', 'c', 'd', 'e'];
  const someCalls = fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES, 'client'), fc.constantFrom(...NAMES)), {
    minLength: 1,
    selector: (call) => call.join(),
  });

  /** For each app the one before it to which a rule of its own leads some requests; -1 for none. */
  const someDetours = fc.tuple(...NAMES.map((_, index) => fc.integer({ min: -1, max: index - 1 })));

  interface Graph {
    readonly calls: [string, string][];
    readonly detours: number[];
    readonly rolledOut?: string;
    /** Whether somebody else runs the pods. */
    readonly foreign: boolean;
  }

  function build(scope: Chart, { calls, detours, rolledOut, foreign }: Graph): void {
    const apps = new Map<string, CanaryApp>();
    for (const [index, name] of NAMES.entries()) {
      const target = apps.get(NAMES[detours[index]]);
      const app = new CanaryApp(scope, name, {
        ports: [AppPort.grpc(80, { targetPort: 8080 + index })],
        rules: target && [{ when: HeaderMatch.present('x'), service: target }],
        serviceAccount: name,
        versions: { v1: foreign ? { deployment: DeploymentRef.fromName(name) } : { image: 'shop/app:1' } },
      });
      apps.set(name, app);
      if (name === rolledOut && target === undefined) {
        const metrics = [CanaryMetric.successRate(99)];
        const analysis = { interval: Duration.seconds(30), threshold: 1, stepWeight: 5, metrics };
        new FlaggerCanary(scope, 'rollout', { app, analysis });
      }
    }
    const client = new ClientDeployment(scope, 'client', { image: 'client' });
    for (const [caller, callee] of calls) {
      (apps.get(caller) ?? client).calls(apps.get(callee) as CanaryApp);
    }
  }

  test('allow the same calls, whatever they are: those that are said, and where rules lead them', () => {
    const someGraph = fc.record({
      calls: someCalls,
      detours: someDetours,
      rolledOut: fc.constantFrom(...NAMES, undefined),
      foreign: fc.boolean(),
    });
    fc.assert(
      fc.property(someGraph, (graph) => {
        const { calls, detours, rolledOut, foreign } = graph;
        const manifests = synth((scope) => build(scope, graph));
        const led = calls.flatMap(([caller, callee]): [string, string][] => {
          const target = NAMES[detours[NAMES.indexOf(callee)]];
          return target === undefined ? [] : [[caller, target]];
        });
        const all = [...calls, ...led];
        const isRolledOut = (name: string) => name === rolledOut && detours[NAMES.indexOf(name)] < 0;
        const parties = [...new Set(all.flat())].sort().map((name): Party => {
          const isApp = NAMES.includes(name);
          const app = isRolledOut(name) ? `${name}-primary` : name;
          return {
            name,
            namespace: 'shop',
            serviceAccount: name,
            labels: foreign && isApp ? { app } : { app, 'app.kubernetes.io/name': name },
            host: isApp ? `${name}.shop.svc.cluster.local` : undefined,
            port: isApp ? 8080 + NAMES.indexOf(name) : undefined,
          };
        });
        const said = [...new Set(all.map(([caller, callee]) => `${caller} → ${callee}`))].sort();
        expect(knownToProxies(manifests, parties).sort()).toEqual(said);
        expect(letInByIdentity(manifests, parties).sort()).toEqual(said);
        expect(carriedByNetwork(manifests, parties).sort()).toEqual(said);
      }),
      { numRuns: 60 },
    );
  });
});

describe('pods that somebody else runs', () => {
  const adopted = (scope: Chart, name: string, own: Record<string, VersionProps> = {}) =>
    new CanaryApp(scope, name, {
      image: 'shop/cart:1',
      ports: [AppPort.grpc(7070)],
      versions: { v1: { deployment: DeploymentRef.fromName(`legacy-${name}`) }, ...own },
      split: { v1: 100 },
    });
  const missing =
    "[system/frontend] somebody else owns the Deployment 'legacy-frontend' of version 'v1', and the ServiceAccount of its pods is not said; say it: serviceAccount: '…' (missing-identity)";

  test('call nobody’s pods as long as their identity is a guess', () => {
    const scope = chart();
    expect(refusal(() => adopted(scope, 'frontend').calls(service(scope, 'cart')))).toBe(missing);
  });

  test('call nobody’s pods even when others of the app are its own', () => {
    const scope = chart();
    expect(refusal(() => adopted(scope, 'frontend', { v2: {} }).calls(service(scope, 'cart')))).toBe(missing);
  });

  test('have no name of their ServiceAccount to read', () => {
    expect(refusal(() => adopted(chart(), 'frontend').serviceAccountName)).toBe(missing);
  });

  test('may be called, and may call what knows no identities', () => {
    const manifests = synth((scope) => {
      const cart = adopted(scope, 'cart');
      service(scope, 'frontend').calls(cart);
      cart.calls(MeshService.fromName(scope, 'redis', { ports: [AppPort.tcp(6379)] }));
    });
    expect(one(manifests, 'AuthorizationPolicy', 'cart').spec.rules).toHaveLength(1);
    expect(one(manifests, 'Sidecar', 'cart').spec.egress[0].hosts).toEqual([
      'istio-system/*',
      'shop/redis.shop.svc.cluster.local',
    ]);
  });

  test('are known by the ServiceAccount that is said for a client', () => {
    const manifests = synth((scope) => {
      Client.fromName(scope, 'load', { name: 'loader', serviceAccount: 'robot' }).calls(service(scope, 'cart'));
    });
    expect(one(manifests, 'AuthorizationPolicy', 'cart').spec.rules[0].from).toEqual([
      { source: { principals: ['cluster.local/ns/shop/sa/robot'] } },
    ]);
    expect(one(manifests, 'Sidecar', 'loader').spec.workloadSelector.labels).toEqual({ app: 'loader' });
  });

  test('of a client need a name that Kubernetes takes', () => {
    expect(refusal(() => Client.fromName(chart(), 'load', { serviceAccount: 'Robot' }))).toBe(
      "[system/load] serviceAccount is 'Robot'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    );
  });
});

describe('a call is refused', () => {
  const message = (callee: (scope: Chart) => MeshService, options: CallOptions) => {
    const scope = chart();
    return refusal(() => service(scope, 'frontend').calls(callee(scope), options));
  };
  const cart = (scope: Chart) => service(scope, 'cart');
  const redis = (scope: Chart) => service(scope, 'redis', AppPort.tcp(6379));

  test('to a port that the Service lacks', () => {
    expect(message(cart, { port: 80 })).toBe("[system/cart] port 80 is none of the Service's; it has 7070 (unknown-port)");
  });

  test('by paths where there are none', () => {
    expect(message(redis, { paths: [PathMatch.prefix('/')] })).toBe(
      "[system/frontend] paths are said for port 6379 of 'system/redis', which speaks tcp; leave them out or name a port for HTTP or gRPC (invalid-call)",
    );
    expect(message(cart, { paths: [] })).toBe(
      '[system/frontend] paths is empty, so nothing could be called; name one or leave it out (invalid-call)',
    );
  });

  test.each([
    ['an expression', PathMatch.regex('/a.*')],
    ['a template', PathMatch.template('/a/{*}')],
    ['a path in any case', PathMatch.prefix('/a', { ignoreCase: true })],
    ['a path with a star, which would stand for more', PathMatch.exact('/a*')],
  ])('by %s, which no policy says', (_, path) => {
    expect(message(cart, { paths: [path] })).toContain(
      "which no AuthorizationPolicy says; allowed are PathMatch.grpc, PathMatch.exact, PathMatch.prefix, PathMatch.below without '*', in one case (invalid-call)",
    );
  });
});

test('a path of gRPC matches a service or one of its methods, in routes too', () => {
  expect(PathMatch.grpc('shop.Cart')._toMatches()).toEqual([{ uri: { prefix: '/shop.Cart/' } }]);
  expect(PathMatch.grpc('Cart', 'Get')._toMatches()).toEqual([{ uri: { exact: '/Cart/Get' } }]);
  expect(PathMatch.grpc('Cart').and(MethodMatch.oneOf(HttpMethod.POST))._toMatches()).toHaveLength(1);
});

test.each([
  ['', undefined],
  ['shop.', undefined],
  ['/shop.Cart', undefined],
  ['shop.Cart', ''],
  ['shop.Cart', 'Get/Cart'],
  ['shöp.Cart', undefined],
])('a path of gRPC is refused for the service "%s" and the method "%s"', (service, method) => {
  expect(refusal(() => PathMatch.grpc(service, method))).toContain(
    "allowed are names such as 'shop.CartService' and 'GetCart' (invalid-path)",
  );
});
