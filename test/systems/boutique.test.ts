import { carriedByNetwork, knownToProxies, letInByIdentity, type Party } from '../support/calls';
import { describePage } from '../support/pages';
import { ISTIO_VERSIONS, schemaMistakes } from '../support/schemas';
import { type Manifest, one, title } from '../support/synth';
import { changedLines, diffOfDist, synthFolders } from '../support/systems';

const SYSTEM = { name: 'microservicesDemo', file: 'systems/boutique/index.ts' };
const NAMESPACE = 'microservices-demo';
const folders = synthFolders(SYSTEM);
const ALL = [...folders.values()].flat();

/** The Services and the ports of their containers. */
const PORTS: Record<string, [number, number]> = {
  frontend: [80, 8080],
  adservice: [9555, 9555],
  cartservice: [7070, 7070],
  checkoutservice: [5050, 5050],
  currencyservice: [7000, 7000],
  emailservice: [5000, 8080],
  paymentservice: [50051, 50051],
  productcatalogservice: [3550, 3550],
  recommendationservice: [8080, 8080],
  shippingservice: [50051, 50051],
  'redis-cart': [6379, 6379],
};
const GRPC = Object.keys(PORTS).filter((name) => name !== 'frontend' && name !== 'redis-cart');
const IN_CHARTS = [...GRPC, 'frontend', 'loadgenerator'];

const CALLS = [
  'cartservice → redis-cart',
  'checkoutservice → cartservice',
  'checkoutservice → currencyservice',
  'checkoutservice → emailservice',
  'checkoutservice → paymentservice',
  'checkoutservice → productcatalogservice',
  'checkoutservice → shippingservice',
  'frontend → adservice',
  'frontend → cartservice',
  'frontend → checkoutservice',
  'frontend → currencyservice',
  'frontend → productcatalogservice',
  'frontend → recommendationservice',
  'frontend → shippingservice',
  'recommendationservice → productcatalogservice',
];

describePage({ name: 'microservices-demo', system: SYSTEM.name, file: SYSTEM.file });

function folder(name: string): Manifest[] {
  return folders.get(name) ?? [];
}

function names(manifests: readonly Manifest[], kind: string): string[] {
  return manifests
    .filter((manifest) => manifest.kind === kind)
    .map(({ metadata }) => metadata.name)
    .sort();
}

describe('microservices-demo', () => {
  test('is a folder for each step of the delivery, and two for the shop', () => {
    expect([...folders.keys()].sort()).toEqual(
      ['delivery', 'flagger', 'gateway', 'helm', 'istio-base', 'istiod', 'manifests'].map((name) => `microservices-demo-${name}`),
    );
  });

  test('is valid against the CRDs of Istio, Flux, Flagger and the Prometheus operator', () => {
    const sources = [...ISTIO_VERSIONS.map((version) => `istio/istio-${version}.yaml`), 'flux', 'flagger', 'prometheus-operator'];
    expect(schemaMistakes(ALL, sources)).toEqual([]);
  });
});

describe.each(['manifests', 'helm'])('the shop of microservices-demo-%s', (variant) => {
  const shop = folder(`microservices-demo-${variant}`);

  // Flagger gives the pods of the version in use another label.
  test.each(['frontend', 'frontend-primary'])(
    'lets call whom somebody must call, by each of the three policies alone, and nobody else, with the pods of %s',
    (frontend) => {
      const party = (name: string, app = name): Party => {
        const port = PORTS[name]?.[1];
        const host = port === undefined ? undefined : `${name}.${NAMESPACE}.svc.cluster.local`;
        // The charts know no other label than `app`.
        const labels: Record<string, string> = variant === 'helm' ? { app } : { app, 'app.kubernetes.io/name': name };
        return { name, namespace: NAMESPACE, labels, serviceAccount: name, host, port };
      };
      const others = [...Object.keys(PORTS), 'loadgenerator'].filter((name) => name !== 'frontend').map((name) => party(name));
      const parties = [...others, party('frontend', frontend)];
      expect(parties).toHaveLength(12);
      expect(knownToProxies(shop, parties).sort()).toEqual(CALLS);
      expect(letInByIdentity(shop, parties).sort()).toEqual(CALLS);
      expect(carriedByNetwork(shop, parties).sort()).toEqual(CALLS);
    },
  );

  test('asks of each call for the gRPC service by its name', () => {
    const rules = GRPC.flatMap((name) => one(shop, 'AuthorizationPolicy', name).spec.rules);
    expect(rules).toHaveLength(CALLS.length - 1);
    for (const { to } of rules) {
      expect(to[0].operation.paths).toEqual([expect.stringMatching(/^\/hipstershop\.[A-Z][A-Za-z]+Service\/\*$/)]);
    }
  });

  test('is closed to whoever is not named', () => {
    expect(one(shop, 'AuthorizationPolicy', 'default-deny').spec).toEqual({});
    expect(one(shop, 'NetworkPolicy', 'default-deny').spec.podSelector).toEqual({});
    expect(one(shop, 'Sidecar', 'default-deny').spec.egress).toEqual([{ hosts: ['istio-system/*'] }]);
    expect(one(shop, 'AuthorizationPolicy', 'loadgenerator').spec.rules).toBeUndefined();
  });

  test('is entered through the gateway, whose identity the frontend knows', () => {
    expect(one(shop, 'Gateway').spec).toMatchObject({ selector: { istio: 'ingressgateway' }, servers: [{ hosts: ['*'] }] });
    expect(one(shop, 'AuthorizationPolicy', 'frontend').spec.rules[0]).toEqual({
      from: [{ source: { principals: ['cluster.local/ns/istio-system/sa/istio-ingressgateway'] } }],
      to: [{ operation: { ports: ['8080'] } }],
    });
    expect(one(shop, 'Sidecar', 'loadgenerator').spec.egress).toEqual([{ hosts: ['istio-system/*'] }]);
  });

  test('knows three hosts of Google, and reaches them from who needs them', () => {
    const entries = shop.filter(({ kind }) => kind === 'ServiceEntry').map(({ spec }) => spec);
    expect(entries.map(({ hosts, resolution }) => [hosts[0], resolution])).toEqual([
      ['accounts.google.com', 'DNS'],
      ['*.googleapis.com', 'NONE'],
      ['metadata.google.internal', 'STATIC'],
    ]);
    expect(entries[2].endpoints).toEqual([{ address: '169.254.169.254' }]);
    for (const { ports } of entries) {
      expect(ports.map(({ number, protocol }: { number: number; protocol: string }) => [number, protocol])).toEqual([
        [80, 'HTTP'],
        [443, 'HTTPS'],
      ]);
    }
    const callers = names(shop, 'Sidecar').filter((name) =>
      one(shop, 'Sidecar', name).spec.egress[0].hosts.includes(`${NAMESPACE}/*.googleapis.com`),
    );
    const frontends = variant === 'helm' ? ['frontend', 'frontend-primary'] : ['frontend'];
    expect(callers).toEqual([...GRPC.filter((name) => name !== 'cartservice'), ...frontends].sort());
  });

  test('lets Flagger roll out the frontend, and leaves to it what it generates', () => {
    expect(one(shop, 'Canary').spec).toEqual({
      targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'frontend' },
      progressDeadlineSeconds: 60,
      service: {
        name: 'frontend',
        port: 80,
        targetPort: 8080,
        portName: 'http',
        appProtocol: 'http',
        gateways: [`${NAMESPACE}/frontend-gateway`],
        hosts: ['*'],
        retries: { attempts: 3, perTryTimeout: '1s', retryOn: 'gateway-error,connect-failure,refused-stream' },
      },
      analysis: {
        interval: '30s',
        threshold: 5,
        maxWeight: 30,
        stepWeight: 5,
        metrics: [
          { name: 'request-success-rate', interval: '30s', thresholdRange: { min: 99 } },
          {
            name: 'latency',
            interval: '30s',
            thresholdRange: { max: 500 },
            templateRef: { name: 'latency', namespace: NAMESPACE },
          },
        ],
      },
    });
    const generated = ['VirtualService', 'Service', 'DestinationRule', 'Deployment'].flatMap((kind) =>
      shop.filter((manifest) => manifest.kind === kind && /^frontend-|^frontend$/.test(manifest.metadata.name)).map(title),
    );
    expect(generated).toEqual(variant === 'manifests' ? ['Deployment frontend'] : []);
  });

  test('shows Prometheus the frontend in both versions, by the port that the Canary names', () => {
    const { endpoints, selector } = one(shop, 'ServiceMonitor').spec;
    expect(endpoints).toEqual([{ port: one(shop, 'Canary').spec.service.portName }]);
    expect(selector.matchExpressions[0].values).toEqual(['frontend-primary', 'frontend-canary']);
  });

  test('routes every other service itself', () => {
    expect(names(shop, 'VirtualService')).toEqual([...GRPC, 'redis-cart'].sort());
    expect(names(shop, 'DestinationRule')).toEqual([...GRPC, 'redis-cart'].sort());
  });
});

describe('the pods of the shop', () => {
  const own = folder('microservices-demo-manifests');
  const helm = folder('microservices-demo-helm');

  test('have the ports that the table of the system says', () => {
    const services = own.filter(({ kind }) => kind === 'Service');
    const ports = services.map(({ metadata, spec }) => [metadata.name, [spec.ports[0].port, spec.ports[0].targetPort]]);
    const { frontend: _, ...others } = PORTS;
    expect(Object.fromEntries(ports)).toEqual(others);
  });

  test('are asked by gRPC whether they are well, and the frontend with a cookie', () => {
    for (const name of GRPC) {
      const [{ readinessProbe, livenessProbe }] = one(own, 'Deployment', `${name}-v1`).spec.template.spec.containers;
      expect([readinessProbe, livenessProbe]).toEqual(Array(2).fill({ grpc: { port: PORTS[name][1] } }));
    }
    const [{ readinessProbe, livenessProbe }] = one(own, 'Deployment', 'frontend').spec.template.spec.containers;
    expect([readinessProbe, livenessProbe].map(({ httpGet }) => [httpGet.path, httpGet.port, httpGet.httpHeaders[0]])).toEqual([
      ['/_healthz', 8080, { name: 'Cookie', value: 'shop_session-id=x-readiness-probe' }],
      ['/_healthz', 8080, { name: 'Cookie', value: 'shop_session-id=x-liveness-probe' }],
    ]);
  });

  test('find each other by the addresses of the Services that they may call', () => {
    const caller = (name: string) => (name === 'frontend' || name === 'loadgenerator' ? name : `${name}-v1`);
    for (const call of CALLS) {
      const [from, to] = call.split(' → ');
      const { env } = one(own, 'Deployment', caller(from)).spec.template.spec.containers[0];
      expect(env.map(({ value }: { value: string }) => value)).toContain(`${to}:${PORTS[to][0]}`);
    }
    expect(one(own, 'Deployment', 'loadgenerator').spec.template.spec.containers[0].env).toContainEqual({
      name: 'FRONTEND_ADDR',
      value: 'istio-ingressgateway.istio-system.svc.cluster.local:80',
    });
  });

  test('come from charts in the other folder, which then holds nothing that a chart makes', () => {
    expect(names(helm, 'HelmRelease')).toEqual([...IN_CHARTS, 'dashboards'].sort());
    expect(names(helm, 'Deployment')).toEqual(['redis-cart-v8']);
    expect(names(helm, 'Service')).toEqual(['redis-cart']);
    expect(names(helm, 'ServiceAccount')).toEqual(['redis-cart']);
  });

  test.each(IN_CHARTS)('of %s get their image from values that Flux keeps up to date', (name) => {
    const { chart, install, upgrade, driftDetection, values } = one(helm, 'HelmRelease', name).spec;
    expect(chart.spec).toEqual({
      chart: `./deploy/charts/${name}`,
      sourceRef: { kind: 'GitRepository', name: 'microservices-demo', namespace: 'flux-system' },
    });
    expect(install).toEqual({ crds: 'CreateReplace', remediation: { retries: 3 } });
    expect(upgrade).toEqual(install);
    expect(driftDetection.mode).toBe('enabled');
    expect(values.image).toEqual({ repository: `registry.example.com/microservices-demo/${name}`, tag: 'v0.0.1' });
    const delivery = folder('microservices-demo-delivery');
    expect(one(delivery, 'ImageRepository', name).spec.image).toBe(values.image.repository);
    expect(one(delivery, 'ImagePolicy', name).spec.policy).toEqual({ semver: { range: '~0.0' } });
  });

  test('of the frontend leave their Service and their number to Flagger, and no drift is seen in that', () => {
    const { values, driftDetection } = one(helm, 'HelmRelease', 'frontend').spec;
    expect(values.service).toEqual({ create: false });
    expect(driftDetection.ignore).toEqual([{ paths: ['/spec/replicas'], target: { kind: 'Deployment', name: 'frontend' } }]);
    expect(one(folder('microservices-demo-manifests'), 'Deployment', 'frontend').spec.replicas).toBeUndefined();
  });
});

describe('the delivery', () => {
  const delivery = folder('microservices-demo-delivery');

  test('looks at the repository each minute', () => {
    expect(one(delivery, 'GitRepository').spec).toMatchObject({ interval: '60s', ref: { branch: 'main' } });
  });

  test('applies one folder of dist/ after the other, each when the one before is ready', () => {
    const steps = ['istio-base', 'istiod', 'gateway', 'flagger', 'helm'].map((name) => `microservices-demo-${name}`);
    expect(names(delivery, 'Kustomization')).toEqual([...steps].sort());
    for (const [index, step] of steps.entries()) {
      const { path, prune, wait, timeout, dependsOn } = one(delivery, 'Kustomization', step).spec;
      expect({ path, prune, wait, timeout }).toEqual({ path: `./dist/${step}`, prune: true, wait: true, timeout: '300s' });
      expect(folders.has(step)).toBe(true);
      expect(dependsOn).toEqual(index === 0 ? undefined : [{ name: steps[index - 1], namespace: 'flux-system' }]);
    }
  });

  test('writes new tags into the folder that it applies, on a branch of their own', () => {
    expect(one(delivery, 'ImageUpdateAutomation').spec).toMatchObject({
      git: { push: { branch: 'new-images' } },
      update: { strategy: 'Setters', path: './dist/microservices-demo-helm' },
    });
  });

  test('installs the entrance by the name that its Gateway and policies know it by', () => {
    const { metadata } = one(folder('microservices-demo-gateway'), 'HelmRelease');
    const shop = folder('microservices-demo-helm');
    // The chart's labels and names: https://github.com/istio/istio/blob/master/manifests/charts/gateway/templates/_helpers.tpl
    expect(one(shop, 'Gateway').spec.selector).toEqual({ istio: metadata.name.replace(/^istio-/, '') });
    expect(one(shop, 'AuthorizationPolicy', 'frontend').spec.rules[0].from).toEqual([
      { source: { principals: [`cluster.local/ns/${metadata.namespace}/sa/${metadata.name}`] } },
    ]);
    expect(one(shop, 'NetworkPolicy', 'loadgenerator').spec.egress[0].ports).toEqual([{ protocol: 'TCP', port: 80 }]);
  });

  test.each(['istio-base', 'istiod'])('sees no drift in the webhooks of %s, which istiod completes', (name) => {
    const { driftDetection } = one(folder(`microservices-demo-${name}`), 'HelmRelease').spec;
    expect(driftDetection.mode).toBe('enabled');
    expect(driftDetection.ignore).toContainEqual({ paths: ['/webhooks'], target: { kind: 'ValidatingWebhookConfiguration' } });
  });

  test('installs Flagger for Istio, beside its Prometheus', () => {
    const { metadata, spec } = one(folder('microservices-demo-flagger'), 'HelmRelease', 'flagger');
    expect(metadata.namespace).toBe('istio-system');
    expect(spec.values).toEqual({ meshProvider: 'istio', metricsServer: 'http://prometheus:9090' });
    expect(spec.chart.spec).toMatchObject({ chart: 'flagger', sourceRef: { kind: 'HelmRepository', name: 'flagger' } });
  });
});

describe('a change of microservices-demo moves only the lines it should:', () => {
  test('a larger share', () => {
    const diff = diffOfDist({ ...SYSTEM, from: 'maxWeight: 30', to: 'maxWeight: 50' });
    expect(changedLines(diff)).toEqual(Array(2).fill(['-    maxWeight: 30', '+    maxWeight: 50']).flat());
  });

  test('a new image, with the marker behind its tag', () => {
    const diff = diffOfDist({ ...SYSTEM, from: "TAG = 'v0.0.1'", to: "TAG = 'v0.0.2'" });
    const changed = changedLines(diff);
    const added = changed.filter((line) => line.startsWith('+')).map((line) => line.replace(/^\+[ -]+/, ''));
    const marked = IN_CHARTS.map((name) => `tag: v0.0.2 # {"$imagepolicy": "flux-system:${name}:tag"}`);
    const images = IN_CHARTS.map((name) => `image: registry.example.com/microservices-demo/${name}:v0.0.2`);
    expect(added.sort()).toEqual([...marked, ...images].sort());
    expect(changed).toHaveLength(2 * 2 * IN_CHARTS.length);
  });

  test('a call that is no longer made, in the policies of both sides', () => {
    const diff = diffOfDist({ ...SYSTEM, from: "    frontend.calls(ads, rpc('AdService'));\n", to: '' });
    const files = [...diff.matchAll(/^\+\+\+ dist\/(.*)\.k8s\.yaml$/gm)].map(([, file]) => file);
    const both = ['AuthorizationPolicy.adservice', 'NetworkPolicy.adservice', 'NetworkPolicy.frontend', 'Sidecar.frontend'];
    expect(files.sort()).toEqual(
      [
        ...['helm', 'manifests'].flatMap((variant) => both.map((file) => `microservices-demo-${variant}/${file}`)),
        'microservices-demo-helm/Sidecar.frontend-primary',
      ].sort(),
    );
  });
});
