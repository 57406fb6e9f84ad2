import { bookStore } from '../../systems/book-store';
import { describePage } from '../support/pages';
import { schemaMistakes } from '../support/schemas';
import { meshApp, one } from '../support/synth';
import { changedLines, diffOfDist, synthFolders } from '../support/systems';

const SYSTEM = { name: 'bookStore', file: 'systems/book-store.ts' };
const manifests = synthFolders(SYSTEM).get('book-store') ?? [];
const HOST = 'book-store.default.svc.cluster.local';

describePage({ name: 'book-store', system: SYSTEM.name, file: SYSTEM.file });

describe('the book store', () => {
  test('is valid against the CRDs of all versions of Istio', () => {
    expect(manifests.length).toBeGreaterThan(40);
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('calls Postgres in plain text, and its pods accept that', () => {
    const rule = one(manifests, 'DestinationRule', 'postgres-service');
    const server = one(manifests, 'PeerAuthentication');
    const pods = one(manifests, 'Deployment', 'postgres-service-v12').spec.template.metadata.labels;
    expect(rule.spec.trafficPolicy.tls).toEqual({ mode: 'DISABLE' });
    expect(server.spec.mtls).toEqual({ mode: 'DISABLE' });
    expect(pods).toMatchObject(server.spec.selector.matchLabels);
  });

  test('gives Postgres its first SQL, and its password from a Secret', () => {
    const [container] = one(manifests, 'Deployment', 'postgres-service-v12').spec.template.spec.containers;
    expect(one(manifests, 'ConfigMap').data?.['init.sql']).toContain('CREATE DATABASE "order";');
    expect(container.volumeMounts[0].mountPath).toBe('/docker-entrypoint-initdb.d/init.sql');
    expect(container.env).toEqual([
      { name: 'POSTGRES_PASSWORD', valueFrom: { secretKeyRef: { name: 'postgres-credentials', key: 'password' } } },
    ]);
    expect(one(manifests, 'Service', 'postgres-service').spec.ports).toEqual([
      { name: 'tcp', appProtocol: 'tcp', port: 5432, targetPort: 5432 },
    ]);
  });

  test.each([
    ['store', 8480],
    ['order', 8380],
    ['warehouse', 8280],
    ['warranty', 8180],
  ])('runs %s on port %d with its Spring profile', (name, port) => {
    const [container] = one(manifests, 'Deployment', `${name}-v1`).spec.template.spec.containers;
    expect(container).toMatchObject({
      image: `romanowalex/${name}-service:v1.0`,
      env: [{ name: 'SPRING_PROFILES_ACTIVE', value: 'kubernetes' }],
      ports: [{ containerPort: port }],
    });
    expect(one(manifests, 'Service', name).spec.ports[0].port).toBe(port);
  });

  test('publishes the store, and none of the services behind it', () => {
    const gatewayRoutes = manifests.filter(({ kind, spec }) => kind === 'VirtualService' && spec.gateways !== undefined);
    expect(gatewayRoutes.flatMap(({ spec }) => spec.hosts).sort()).toEqual([
      'book-store.local',
      'grafana.services.local',
      'kiali.services.local',
      'store.services.local',
      'tracing.services.local',
    ]);
  });

  test('sends v1 clients that ask for v2 there once: the path they are sent to does not match again', () => {
    for (const name of ['book-store', 'gateway-book-store.local']) {
      const [first] = one(manifests, 'VirtualService', name).spec.http;
      expect(first).toEqual({
        match: [{ headers: { 'x-api-version': { exact: 'v2' } }, uri: { prefix: '/api/v1' } }],
        redirect: { uri: '/api/v2', redirectCode: 301 },
      });
      expect(first.redirect.uri.startsWith(first.match[0].uri.prefix)).toBe(false);
    }
  });

  test('cuts requests for books after 15 s, and no others', () => {
    const [, books, rest] = one(manifests, 'VirtualService', 'gateway-book-store.local').spec.http;
    expect(books).toMatchObject({ match: [{ uri: { prefix: '/api/v1/books' } }], timeout: '15s' });
    expect(rest).not.toHaveProperty('timeout');
    expect(rest).not.toHaveProperty('match');
  });

  test('shares requests evenly between two versions, at the gateway and inside the mesh', () => {
    for (const name of ['book-store', 'gateway-book-store.local']) {
      for (const { route } of one(manifests, 'VirtualService', name).spec.http.slice(1)) {
        expect(route).toMatchObject([
          { destination: { host: HOST, subset: 'v1' }, weight: 50 },
          { destination: { host: HOST, subset: 'v2' }, weight: 50 },
        ]);
      }
    }
  });

  test('leaves a pod out for 30 s after ten errors, though it is the only one of its version', () => {
    expect(one(manifests, 'DestinationRule', 'book-store').spec.trafficPolicy.outlierDetection).toEqual({
      consecutive5xxErrors: 10,
      interval: '10s',
      baseEjectionTime: '30s',
      maxEjectionPercent: 100,
    });
    expect(one(manifests, 'Deployment', 'book-store-v1').spec.replicas).toBe(1);
  });

  test.each([
    ['kiali', 20001],
    ['grafana', 3000],
    ['tracing', 80],
  ])('publishes %s for private networks alone, in plain text since it has no sidecar', (name, port) => {
    const host = `${name}.services.local`;
    const routes = one(manifests, 'VirtualService', `gateway-${host}`).spec.http;
    expect(routes.at(-1).route).toEqual([
      { destination: { host: `${name}.istio-system.svc.cluster.local`, port: { number: port } } },
    ]);
    const policy = one(manifests, 'AuthorizationPolicy', `default-gateway-${host}`);
    expect(policy.metadata.namespace).toBe('istio-system');
    expect(policy.spec).toEqual({
      selector: { matchLabels: { istio: 'ingressgateway' } },
      action: 'DENY',
      rules: [
        {
          from: [{ source: { notRemoteIpBlocks: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] } }],
          to: [{ operation: { hosts: [host, `${host}:*`] } }],
        },
      ],
    });
    const rule = one(manifests, 'DestinationRule', name);
    expect(rule.metadata.namespace).toBe('istio-system');
    expect(rule.spec.trafficPolicy.tls).toEqual({ mode: 'DISABLE' });
  });

  test('sends clients from the root of Kiali to where it lives', () => {
    expect(one(manifests, 'VirtualService', 'gateway-kiali.services.local').spec.http[0]).toEqual({
      match: [{ uri: { exact: '/' } }],
      redirect: { uri: '/kiali', redirectCode: 301 },
    });
  });
});

describe('a change of the book store', () => {
  test('of the weights moves the weights', () => {
    const diff = diffOfDist({ ...SYSTEM, from: 'split: { v1: 50, v2: 50 }', to: 'split: { v1: 90, v2: 10 }' });
    expect(new Set(changedLines(diff).map((line) => line.replace(/ +/, ' ')))).toEqual(
      new Set(['- weight: 50', '+ weight: 90', '+ weight: 10']),
    );
  });

  test('of the timeout moves it at the gateway and inside the mesh', () => {
    const diff = diffOfDist({ ...SYSTEM, from: 'Duration.seconds(15)', to: 'Duration.seconds(20)' });
    expect(changedLines(diff)).toEqual([
      '-      timeout: 15s',
      '+      timeout: 20s',
      '-      timeout: 15s',
      '+      timeout: 20s',
    ]);
  });

  test('of an image moves its line', () => {
    const diff = diffOfDist({ ...SYSTEM, from: 'v1.2-break-ping', to: 'v1.3' });
    expect(changedLines(diff)).toEqual([
      '-        - image: romanowalex/book-store:v1.2-break-ping',
      '+        - image: romanowalex/book-store:v1.3',
    ]);
  });

  test('to a third version without traffic adds its Deployment and its subset, and moves nothing', () => {
    const from = "v2: { image: 'romanowalex/book-store:v1.2-break-ping' },";
    const diff = diffOfDist({ ...SYSTEM, from, to: `${from} v3: { image: 'romanowalex/book-store:v1.3' },` });
    expect(changedLines(diff).filter((line) => line.startsWith('-'))).toEqual([]);
    expect(diff.match(/^\+\+\+ .*/gm)).toEqual([
      '+++ dist/book-store/Deployment.book-store-v3.k8s.yaml',
      '+++ dist/book-store/DestinationRule.book-store.k8s.yaml',
    ]);
  });

  test('of a host moves the host everywhere: its route, its Gateway and who may reach it', () => {
    const diff = diffOfDist({ ...SYSTEM, from: "{ host: 'book-store.local' }", to: "{ host: 'books.local' }" });
    expect(diff).toContain('+++ dist/book-store/Gateway.gateway.k8s.yaml');
    expect(diff).toContain('+++ dist/book-store/VirtualService.gateway-books.local.k8s.yaml');
  });
});

test('the hosts file of the book store lists what its gateway serves', () => {
  const gateway = one(manifests, 'Gateway');
  expect(bookStore(meshApp())).toEqual(gateway.spec.servers[0].hosts);
});
