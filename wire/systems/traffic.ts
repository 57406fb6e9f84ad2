import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  CorsOrigin,
  DirectResponse,
  HttpMethod,
  Injection,
  Listener,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  PathMatch,
  Redirect,
  RedirectCode,
  Rewrite,
  type RoutingRule,
} from 'cdk8s-istio';

export const catalogHost = 'catalog.traffic.svc.cluster.local';
export const streamHost = 'stream.traffic.svc.cluster.local';
export const publicHost = 'catalog.example.com';
export const grpcHost = 'grpc.example.com';
export const siteHost = 'site.example.com';
export const formerHost = 'former.example.com';
export const ports = { http: 8080, grpc: 9090, tcp: 7070, gatewayTcp: 3306 };
export const streamSplit = { v1: 95, v2: 5 };

/** What can happen to a request on its way to an app, each below a path of its own. */
const rules: RoutingRule[] = [
  ...[
    { when: PathMatch.prefix('/rewrite/path'), rewrite: Rewrite.path('/whole') },
    { when: PathMatch.template('/rewrite/template/{*}'), rewrite: Rewrite.path('/whole') },
    { when: PathMatch.prefix('/rewrite/prefix'), rewrite: Rewrite.prefix('/swapped') },
    { when: PathMatch.prefix('/rewrite/top/'), rewrite: Rewrite.prefix('/') },
    { when: PathMatch.below('/rewrite/folder'), rewrite: Rewrite.prefix('/') },
    { when: PathMatch.prefix('/rewrite/regex'), rewrite: Rewrite.regex('^/rewrite/regex/([^/]+)/(.*)$', '/\\2/\\1') },
    { when: PathMatch.prefix('/rewrite/host'), rewrite: Rewrite.authority('other.example.com') },
    { when: PathMatch.prefix('/rewrite/both'), rewrite: Rewrite.prefix('/a').withAuthority('other.example.com') },
  ].map((rule) => ({ ...rule, to: 'v1' })),

  { when: PathMatch.prefix('/redirect/path'), redirect: Redirect.path('/elsewhere') },
  { when: PathMatch.prefix('/redirect/prefix'), redirect: Redirect.prefix('/elsewhere', { code: RedirectCode.FOUND }) },
  {
    when: PathMatch.prefix('/redirect/host'),
    redirect: Redirect.authority('other.example.com', { code: RedirectCode.SEE_OTHER }),
  },
  {
    when: PathMatch.prefix('/redirect/https'),
    redirect: Redirect.https({ authority: 'other.example.com', code: RedirectCode.TEMPORARY_REDIRECT }),
  },
  {
    when: PathMatch.prefix('/redirect/port'),
    redirect: Redirect.path('/', { authority: 'other.example.com', port: 8443, code: RedirectCode.PERMANENT_REDIRECT }),
  },

  { when: PathMatch.exact('/direct/body'), directResponse: DirectResponse.of(418, 'short and stout') },
  { when: PathMatch.exact('/direct/empty'), directResponse: DirectResponse.of(404) },

  {
    when: PathMatch.exact('/headers/route'),
    to: 'v1',
    headers: {
      request: { set: { 'x-set': '100%%', 'x-new': '%PROTOCOL%' }, add: { 'x-add': 'second' }, remove: ['x-remove'] },
      response: { set: { 'x-set': 'set', 'content-type': 'text/plain' }, add: { 'x-add': 'added' }, remove: ['x-remove'] },
    },
  },
  {
    when: PathMatch.exact('/headers/destination'),
    split: { v1: 50, v2: 50 },
    destinationHeaders: {
      v1: { request: { set: { 'x-for': 'v1' } }, response: { set: { 'x-from': 'v1' } } },
      v2: { request: { set: { 'x-for': 'v2' } }, response: { set: { 'x-from': 'v2' } } },
    },
  },

  {
    when: PathMatch.exact('/cors'),
    to: 'v1',
    cors: {
      allowOrigins: [
        CorsOrigin.exact('https://shop.example.com'),
        CorsOrigin.prefix('https://dev-'),
        CorsOrigin.regex('https://[a-z]+\\.example\\.org'),
      ],
      allowMethods: [HttpMethod.GET, HttpMethod.PUT],
      allowHeaders: ['x-token'],
      exposeHeaders: ['x-total'],
      maxAge: Duration.hours(1),
      allowCredentials: true,
    },
  },

  { when: PathMatch.exact('/mirror'), to: 'v1', mirrors: [{ to: 'v2' }, { to: 'v3', percent: 10 }] },
  { when: PathMatch.exact('/split/two'), split: { v1: 99, v2: 1 } },
  { when: PathMatch.exact('/split/three'), split: { v1: 60, v2: 30, v3: 10 } },
];

export function traffic(app: MeshApp): void {
  const chart = new Chart(app, 'traffic', { namespace: 'traffic' });
  new MeshNamespace(chart, 'namespace', { injection: Injection.disabled() });

  const search = new CanaryApp(chart, 'search', {
    image: 'example.com/search',
    ports: [AppPort.http(ports.http)],
    replicas: 1,
    versions: { v1: {}, v2: {} },
    split: { v1: 100, v2: 0 },
    rules: [
      { when: PathMatch.prefix('/images/'), to: 'v2', rewrite: Rewrite.prefix('/pictures/') },
      { when: PathMatch.prefix('/old/'), redirect: Redirect.prefix('/new/') },
    ],
  });

  const catalog = new CanaryApp(chart, 'catalog', {
    image: 'example.com/catalog',
    ports: [AppPort.http(ports.http), AppPort.grpc(ports.grpc)],
    replicas: 1,
    versions: { v1: {}, v2: {}, v3: {} },
    split: { v1: 0, v2: 100, v3: 0 },
    rules: [
      ...rules,
      { when: PathMatch.prefix('/search/'), service: search, rewrite: Rewrite.prefix('/') },
      { when: PathMatch.grpc('shop.Catalog', 'List'), to: 'v3' },
    ],
  });

  const stream = new CanaryApp(chart, 'stream', {
    image: 'example.com/stream',
    ports: [AppPort.tcp(ports.tcp)],
    replicas: 1,
    versions: { v1: {}, v2: {} },
    split: streamSplit,
  });

  const gateway = new MeshGateway(chart, 'gateway', { listeners: [Listener.http(), Listener.tcp(ports.gatewayTcp)] });
  gateway.expose(catalog, { host: publicHost });
  gateway.expose(catalog, { host: grpcHost, port: ports.grpc });
  gateway.expose(search, { host: siteHost, paths: [PathMatch.prefix('/find/')], rewrite: Rewrite.prefix('/') });
  gateway.expose(catalog, { host: siteHost, paths: [PathMatch.exact('/about')], rewrite: Rewrite.path('/info') });
  gateway.redirect(formerHost, Redirect.authority(publicHost));
  gateway.tcp(stream);
}
