import { describePage } from '../support/pages';
import { schemaMistakes } from '../support/schemas';
import { type Manifest, one, title } from '../support/synth';
import { changedLines, diffOfDist, synthFolders } from '../support/systems';

const SYSTEM = { name: 'bookinfo', file: 'systems/bookinfo/index.ts' };
const folders = synthFolders(SYSTEM);
const AROUND = ['east-west', 'egress', 'monitoring', 'tcp-echo', 'telemetry'];
const variants = [...folders.keys()]
  .map((name) => name.replace(/^bookinfo-/, ''))
  .filter((name) => !AROUND.includes(name))
  .sort();
const JASON = [{ headers: { 'end-user': { exact: 'jason' } } }];

describePage({ name: 'bookinfo', system: SYSTEM.name, file: SYSTEM.file });

function folder(name: string): Manifest[] {
  return folders.get(`bookinfo-${name}`) ?? [];
}

// biome-ignore lint/suspicious/noExplicitAny: routes are data of any shape
function routes(name: string, app: string): any[] {
  return one(folder(name), 'VirtualService', app).spec.http;
}

/** The shares of the last route: those of everybody for whom no rule is made. */
function shares(name: string, app = 'reviews'): Record<string, number> {
  const { route } = routes(name, app).at(-1);
  return Object.fromEntries(
    route.map(({ destination, weight }: { destination: { subset: string }; weight: number }) => [destination.subset, weight]),
  );
}

/** The objects of a variant that are not the same with all requests at version 1. */
function differences(name: string): string[] {
  const plain = new Map(folder('all-v1').map((manifest) => [title(manifest), JSON.stringify(manifest)]));
  return folder(name)
    .filter((manifest) => plain.get(title(manifest)) !== JSON.stringify(manifest))
    .map(title);
}

describe('Bookinfo', () => {
  test('is valid against the CRDs of all versions of Istio', () => {
    expect(folders.size).toBe(22);
    expect(schemaMistakes([...folders.values()].flat())).toEqual([]);
  });

  test.each(variants)('is whole in the variant %s: six Deployments, four identities, and the gateway', (name) => {
    const names = (kind: string) =>
      folder(name)
        .filter((manifest) => manifest.kind === kind)
        .map(({ metadata }) => metadata.name);
    expect(names('Deployment')).toEqual(['details-v1', 'productpage-v1', 'ratings-v1', 'reviews-v1', 'reviews-v2', 'reviews-v3']);
    expect(names('ServiceAccount')).toEqual(['bookinfo-details', 'bookinfo-productpage', 'bookinfo-ratings', 'bookinfo-reviews']);
    expect(one(folder(name), 'Gateway', 'bookinfo-gateway').spec).toEqual({
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http-80', protocol: 'HTTP' }, hosts: ['*'] }],
    });
  });

  test('runs the images of the sample on port 9080', () => {
    const { template } = one(folder('all-v1'), 'Deployment', 'reviews-v3').spec;
    expect(template.spec).toMatchObject({
      serviceAccountName: 'bookinfo-reviews',
      containers: [{ image: 'docker.io/istio/examples-bookinfo-reviews-v3:1.20.3', ports: [{ containerPort: 9080 }] }],
    });
  });

  test('lets in the paths of the page, and no others', () => {
    const [route, ...others] = routes('all-v1', 'bookinfo-gateway-any');
    expect(others).toEqual([]);
    expect(route.match).toEqual([
      { uri: { exact: '/productpage' } },
      { uri: { prefix: '/static' } },
      { uri: { exact: '/login' } },
      { uri: { exact: '/logout' } },
      { uri: { prefix: '/api/v1/products' } },
    ]);
  });

  test.each([
    ['all-v1', { v1: 100 }],
    ['reviews-v1-v3', { v1: 50, v3: 50 }],
    ['reviews-80-20', { v1: 80, v2: 20 }],
    ['reviews-90-10', { v1: 90, v2: 10 }],
    ['reviews-v2-v3', { v2: 50, v3: 50 }],
    ['reviews-v3', { v3: 100 }],
  ])('shares the reviews in %s, and changes nothing else', (name, expected) => {
    expect(shares(name)).toEqual(expected);
    expect(differences(name)).toEqual(name === 'all-v1' ? [] : ['VirtualService reviews']);
  });

  test.each([
    ['jason-v2-else-v1', { v1: 100 }],
    ['jason-v2-else-v3', { v3: 100 }],
  ])('shows jason version 2 of the reviews in %s', (name, others) => {
    expect(routes(name, 'reviews')[0]).toMatchObject({ match: JASON, route: [{ destination: { subset: 'v2' }, weight: 100 }] });
    expect(shares(name)).toEqual(others);
  });

  test.each([
    ['ratings-delay', { delay: { fixedDelay: '7s', percentage: { value: 100 } } }],
    ['ratings-abort', { abort: { httpStatus: 500, percentage: { value: 100 } } }],
  ])('breaks the ratings in %s for jason alone', (name, fault) => {
    const [jason, rest] = routes(name, 'ratings');
    expect(jason).toMatchObject({ match: JASON, fault });
    expect(rest).not.toHaveProperty('fault');
  });

  test('cuts reviews after half a second while ratings take two', () => {
    expect(routes('reviews-timeout', 'reviews')).toMatchObject([{ timeout: '500ms' }]);
    expect(routes('reviews-timeout', 'ratings')).toMatchObject([{ fault: { delay: { fixedDelay: '2s' } } }]);
    expect(routes('reviews-timeout', 'ratings')[0]).not.toHaveProperty('timeout');
  });

  test('balances reviews at random, or by fewest requests with one version in turn', () => {
    const random = one(folder('random'), 'DestinationRule', 'reviews').spec;
    const least = one(folder('least-request'), 'DestinationRule', 'reviews').spec;
    expect(random.trafficPolicy).toEqual({ loadBalancer: { simple: 'RANDOM' } });
    expect(least.trafficPolicy).toEqual({ loadBalancer: { simple: 'LEAST_REQUEST' } });
    expect(least.subsets[2]).toMatchObject({ name: 'v3', trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } });
  });

  test.each(['productpage', 'details', 'ratings', 'reviews'])('demands mutual TLS on both sides of %s', (name) => {
    expect(one(folder('mutual-tls'), 'DestinationRule', name).spec.trafficPolicy).toEqual({ tls: { mode: 'ISTIO_MUTUAL' } });
    expect(one(folder('mutual-tls'), 'PeerAuthentication', name).spec).toEqual({
      selector: { matchLabels: { app: name } },
      mtls: { mode: 'STRICT' },
    });
  });

  test.each([
    ['local-rate-limit', 10],
    ['global-rate-limit', 20],
  ])('puts the filter of %s beside the pods of the page, with a priority, on the port of its Service', (name, priority) => {
    const { metadata, spec } = one(folder(name), 'EnvoyFilter', `productpage-${name}`);
    const service = one(folder(name), 'Service', 'productpage').spec.ports[0];
    expect(metadata.namespace).toBe('bookinfo');
    expect(spec.priority).toBe(priority);
    expect(one(folder(name), 'Deployment', 'productpage-v1').spec.template.metadata.labels).toMatchObject(
      spec.workloadSelector.labels,
    );
    expect(spec.configPatches[1].match.routeConfiguration.vhost.name).toBe(`inbound|http|${service.port}`);
    expect(differences(name)).toEqual([`EnvoyFilter productpage-${name}`]);
  });

  test('takes 100 requests a minute and pod, 10 of them for the page itself', () => {
    const [, virtualHost] = one(folder('local-rate-limit'), 'EnvoyFilter').spec.configPatches;
    const limit = virtualHost.patch.value.typed_per_filter_config['envoy.filters.http.local_ratelimit'];
    const minute = (tokens: number) => ({ max_tokens: tokens, tokens_per_fill: tokens, fill_interval: '60s' });
    expect(limit.token_bucket).toEqual(minute(100));
    expect(limit.descriptors).toEqual([{ entries: [{ key: 'header_match', value: '/productpage' }], token_bucket: minute(10) }]);
    expect(limit.response_headers_to_add[0].header).toEqual({ key: 'x-local-rate-limit', value: 'true' });
  });

  test('asks the rate limit service for 10 s, and refuses when it is silent', () => {
    const [filter] = one(folder('global-rate-limit'), 'EnvoyFilter').spec.configPatches;
    expect(filter.patch.value.typed_config).toMatchObject({
      domain: 'productpage-ratelimit',
      failure_mode_deny: true,
      timeout: '10s',
      rate_limit_service: {
        grpc_service: { envoy_grpc: { cluster_name: 'outbound|8081||ratelimit.default.svc.cluster.local' } },
      },
    });
  });

  test('leads a certificate authority to the solver', () => {
    expect(routes('acme', 'bookinfo-gateway-any').at(-1)).toMatchObject({
      match: [{ uri: { prefix: '/.well-known/acme-challenge/' } }],
      route: [{ destination: { host: 'cm-acme-http-solver.bookinfo.svc.cluster.local', port: { number: 8089 } } }],
    });
  });
});

describe('around Bookinfo', () => {
  test('calls www.googleapis.com with TLS, and verifies whom it meets', () => {
    expect(one(folder('egress'), 'ServiceEntry').spec).toEqual({
      hosts: ['www.googleapis.com'],
      location: 'MESH_EXTERNAL',
      resolution: 'DNS',
      ports: [{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 443 }],
    });
    expect(one(folder('egress'), 'DestinationRule').spec).toEqual({
      host: 'www.googleapis.com',
      trafficPolicy: {
        portLevelSettings: [
          {
            port: { number: 80 },
            tls: {
              mode: 'SIMPLE',
              sni: 'www.googleapis.com',
              subjectAltNames: ['www.googleapis.com'],
              caCertificates: 'system',
            },
          },
        ],
      },
    });
  });

  test('shares TCP connections 80/20, at the gateway and inside the mesh', () => {
    for (const name of ['tcp-echo', 'tcp-echo-gateway-tcp-31400']) {
      const [{ route }] = one(folder('tcp-echo'), 'VirtualService', name).spec.tcp;
      expect(route).toMatchObject([
        { destination: { subset: 'v1' }, weight: 80 },
        { destination: { subset: 'v2' }, weight: 20 },
      ]);
    }
    expect(one(folder('tcp-echo'), 'Gateway').spec.servers[0].port).toMatchObject({ number: 31400, protocol: 'TCP' });
  });

  test('traces every tenth request, and logs all', () => {
    expect(one(folder('telemetry'), 'Telemetry').spec).toEqual({
      tracing: [{ providers: [{ name: 'zipkin' }], randomSamplingPercentage: 10 }],
      accessLogging: [{ providers: [{ name: 'envoy' }] }],
    });
  });

  test('lets Prometheus read every Envoy, and istiod', () => {
    expect(one(folder('monitoring'), 'PodMonitor').spec.podMetricsEndpoints).toEqual([
      { port: 'http-envoy-prom', path: '/stats/prometheus', interval: '15s' },
    ]);
    expect(one(folder('monitoring'), 'ServiceMonitor').spec.selector).toEqual({ matchLabels: { istio: 'pilot' } });
  });

  test('lets other clusters in by the name of each Service', () => {
    expect(one(folder('east-west'), 'Gateway').spec).toEqual({
      selector: { istio: 'eastwestgateway' },
      servers: [
        { port: { number: 15443, name: 'tls-15443', protocol: 'TLS' }, tls: { mode: 'AUTO_PASSTHROUGH' }, hosts: ['*.local'] },
      ],
    });
  });
});

test('a change of a weight of Bookinfo moves two lines in one folder', () => {
  const diff = diffOfDist({ ...SYSTEM, from: 'v1: 80, v2: 20 } });', to: 'v1: 70, v2: 30 } });' });
  expect(diff.match(/^\+\+\+ .*/gm)).toEqual(['+++ dist/bookinfo-reviews-80-20/VirtualService.reviews.k8s.yaml']);
  expect(changedLines(diff)).toHaveLength(4);
});
