import { once } from 'node:events';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import type { Manifest } from '../cluster/api';
import { trustedCertificate } from '../cluster/certificates';
import { type Mesh, pick } from '../cluster/mesh';
import { eventually } from '../cluster/program';
import { namespace, standIn } from '../cluster/stand-in';
import { fromDist } from '../manifests';
import { logs } from '../paths';
import type { Behaviour, HttpRequest } from '../pod/protocol';
import { answers, answersAfter, answersAlike, countAnswers, describeAnswer } from './answers';
import { balancing } from './balancing';
import { identities } from './identities';
import type { Mutant, Scenario, State, System } from './scenario';
import { describeWeights, measureSplit, measureTcpSplit, type Weights } from './split';

const around = ['egress', 'tcp-echo', 'telemetry', 'monitoring', 'east-west'].map((name) => `bookinfo-${name}`);
const apps = ['productpage', 'details', 'ratings', 'reviews'];
const reviews = to('reviews');
const ratings = to('ratings');

const envoyFilter = { IST0133: 'Istio has no other way to limit rates than an EnvoyFilter' };
const egressVerifies = 'egress speaks TLS with a host that it verifies';

/** Every variant beside all that surrounds it. */
export const bookinfo: System = {
  ...variant('all-v1', async (mesh) => [
    reviewsFrom(mesh, 'v1'),
    ...(await atTheGateway(mesh)),
    await tcpEcho(mesh),
    ...observability(mesh),
    egress(mesh),
    await eastWest(mesh),
  ]),
  name: 'bookinfo',
  mutants: [otherName()],
  alternatives: [
    variant('reviews-v1-v3', (mesh) => [split(mesh, { v1: 50, v3: 50 })]),
    variant('reviews-80-20', (mesh) => [split(mesh, { v1: 80, v2: 20 })]),
    variant('reviews-90-10', (mesh) => [split(mesh, { v1: 90, v2: 10 })]),
    variant('reviews-v2-v3', (mesh) => [split(mesh, { v2: 50, v3: 50 })]),
    variant('reviews-v3', (mesh) => [reviewsFrom(mesh, 'v3')]),
    variant('jason-v2-else-v1', (mesh) => [jason(mesh), reviewsFrom(mesh, 'v1')]),
    variant('jason-v2-else-v3', (mesh) => [jason(mesh), reviewsFrom(mesh, 'v3')]),
    variant('ratings-delay', delay),
    variant('ratings-abort', abort),
    variant('reviews-timeout', timeout),
    variant('random', (mesh) => [balancing(mesh, 'RANDOM', version('v1'), reviews)]),
    variant('least-request', (mesh) => [
      balancing(mesh, 'LEAST_REQUEST', version('v1'), reviews),
      balancing(mesh, 'ROUND_ROBIN', version('v3'), reviews),
    ]),
    variant('mutual-tls', mutualTls),
    { ...variant('local-rate-limit', localRateLimit), acceptedMessages: envoyFilter },
    { ...variant('global-rate-limit', globalRateLimit), acceptedMessages: envoyFilter },
    variant('acme', acme),
  ],
  load: async (mesh) => [{ client: mesh.inside, request: reviews }],
  surroundings,
};

async function surroundings(mesh: Mesh): Promise<Manifest[]> {
  // Whatever lies beyond the cluster is the client there, which ends TLS as this host.
  await mesh.outside.call('presentCertificate', await trustedCertificate('www.googleapis.com'));
  await mesh.outside.call('serve', [443]);
  return [
    namespace('bookinfo', 'enabled'),
    ...standIn('cm-acme-http-solver', 'bookinfo', { name: 'http', port: 8089 }),
    ...standIn('ratelimit', 'default', { name: 'grpc', port: 8081 }),
    ...standIn('zipkin', 'istio-system', { name: 'http', port: 9411 }),
  ];
}

function variant(name: string, scenarios: (mesh: Mesh) => Scenario[] | Promise<Scenario[]>): State {
  return { name, objects: () => fromDist(...around, `bookinfo-${name}`), scenarios: async (mesh) => scenarios(mesh) };
}

function to(app: string, path = '/'): HttpRequest {
  return { url: `http://${app}.bookinfo.svc.cluster.local:9080${path}` };
}

function asJason(request: HttpRequest): HttpRequest {
  return { ...request, headers: { 'end-user': 'jason' } };
}

function version(name: string) {
  return { namespace: 'bookinfo', app: 'reviews', version: name };
}

function split(mesh: Mesh, weights: Weights): Scenario {
  return {
    name: 'the shares of the reviews',
    expected: describeWeights(weights),
    measure: () => measureSplit(mesh.inside, reviews, weights),
  };
}

function reviewsFrom(mesh: Mesh, name: string): Scenario {
  return answersAlike(`everybody meets reviews ${name}`, `200 ${name}`, mesh.inside, reviews);
}

async function atTheGateway(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const get = (path: string, name: string, expected: string) =>
    answers(`${path} is ${name}`, expected, mesh.outside, { url: `http://any.example.com${path}`, address });
  const exposed = ['/productpage', '/productpage?u=test', '/login', '/logout', '/static/a.css', '/api/v1/products/0/reviews'];
  const hidden = ['/', '/productpage/1', '/api/v1/ratings', '/.well-known/acme-challenge/token'];
  return [
    ...exposed.map((path) => get(path, 'exposed', `200 from productpage v1 at ${path}`)),
    ...hidden.map((path) => get(path, 'not exposed', '404')),
  ];
}

async function tcpEcho(mesh: Mesh): Promise<Scenario> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const request = { host: 'tcp-echo', address, port: 31400, text: 'hello' };
  const weights = { v1: 80, v2: 20 };
  return {
    name: 'the shares of the connections to tcp-echo',
    expected: describeWeights(weights),
    measure: () => measureTcpSplit(mesh.outside, request, weights),
  };
}

function observability(mesh: Mesh): Scenario[] {
  return [
    {
      name: 'requests are logged',
      expected: 'GET /api/v1/products/logged',
      measure: async () => {
        await mesh.inside.call('http', to('productpage', '/api/v1/products/logged'));
        const [pod] = await mesh.pods('bookinfo', { app: 'productpage' });
        const log = path.join(logs, `proxy-bookinfo.${pod.name}.log`);
        const [line] = await eventually(
          'a line in the log',
          15,
          async () => /GET \/\S+logged/.exec(fs.readFileSync(log, 'utf8')) ?? false,
        );
        return line;
      },
    },
    {
      name: 'one request in ten is traced',
      expected: '50 to 150 of 1000',
      measure: async () => {
        const [zipkin] = await mesh.pods('istio-system', { app: 'zipkin' });
        await zipkin.call('takeReceived');
        await mesh.inside.call('repeatHttp', { ...to('productpage', '/traced'), times: 1000, concurrency: 4 });
        await sleep(500);
        const spans = (await zipkin.call('takeReceived')).flatMap(({ body }) => JSON.parse(body));
        return { text: `${spans.length} of 1000`, holds: spans.length >= 50 && spans.length <= 150 };
      },
    },
    {
      name: 'there are metrics where Prometheus is sent to',
      expected: '200, text/plain',
      measure: async () => {
        const [pod] = await mesh.pods('bookinfo', { app: 'productpage' });
        const { status, headers } = await mesh.outside.call('http', { url: `http://${pod.address}:15090/stats/prometheus` });
        return `${status}, ${headers['content-type']?.split(';')[0]}`;
      },
    },
  ];
}

function egress(mesh: Mesh): Scenario {
  return {
    name: egressVerifies,
    expected: '200, TLS for www.googleapis.com',
    measure: async () => {
      const { status, received } = await mesh.inside.call('http', { url: 'http://www.googleapis.com/discovery' });
      return `${status}, TLS for ${received?.serverName}`;
    },
  };
}

/** Another cluster names the Service in the TLS handshake, and meets its pods. */
async function eastWest(mesh: Mesh): Promise<Scenario> {
  const host = await mesh.gatewayAddress({ istio: 'eastwestgateway' });
  const servername = 'outbound_.9080_._.reviews.bookinfo.svc.cluster.local';
  return {
    name: 'the east-west gateway leads to a Service by its name',
    expected: 'URI:spiffe://cluster.local/ns/bookinfo/sa/bookinfo-reviews',
    measure: async () => {
      const socket = tls.connect({ host, port: 15443, servername, ALPNProtocols: ['istio'], rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { subjectaltname } = socket.getPeerCertificate();
      socket.destroy();
      return `${subjectaltname}`;
    },
  };
}

function otherName(): Mutant {
  return {
    name: 'the host must prove another name',
    noticedBy: egressVerifies,
    change: (objects) => {
      const { spec } = pick(objects, 'DestinationRule', 'googleapis');
      spec.trafficPolicy.portLevelSettings[0].tls.subjectAltNames = ['example.com'];
    },
  };
}

function jason(mesh: Mesh): Scenario {
  return answersAlike('jason meets reviews v2', '200 v2', mesh.inside, asJason(reviews));
}

function delay(mesh: Mesh): Scenario[] {
  return [
    jason(mesh),
    answersAfter('jason waits for ratings', 7, '200', mesh.inside, asJason(ratings)),
    answersAfter('everybody else does not', 0, '200', mesh.inside, ratings),
  ];
}

function abort(mesh: Mesh): Scenario[] {
  return [
    jason(mesh),
    answersAlike('jason gets no ratings', '500', mesh.inside, asJason(ratings)),
    answersAlike('everybody else does', '200 v1', mesh.inside, ratings),
  ];
}

function timeout(mesh: Mesh): Scenario[] {
  const reviewsThatAsk = answersAfter('reviews that ask for ratings are cut', 0.5, '504', mesh.inside, reviews);
  return [
    answersAfter('ratings are slow', 2, '200', mesh.inside, ratings),
    {
      ...reviewsThatAsk,
      measure: async () => {
        const [pod] = await mesh.pods('bookinfo', { app: 'reviews', version: 'v2' });
        await pod.call('behave', { asks: ratings, times: 1 });
        return reviewsThatAsk.measure();
      },
    },
  ];
}

function mutualTls(mesh: Mesh): Scenario[] {
  const asked = async (ask: (app: string) => Promise<string>) => (await Promise.all(apps.map(ask))).join(', ');
  return [
    {
      name: 'all are called with mutual TLS',
      expected: apps.map((app) => `spiffe://cluster.local/ns/bookinfo/sa/bookinfo-${app}`).join(', '),
      measure: () => asked(async (app) => identities((await mesh.inside.call('http', to(app))).received?.headers).split(' ')[0]),
    },
    {
      name: 'all refuse plain text',
      expected: apps.map(() => 'ECONNRESET').join(', '),
      measure: () =>
        asked(async (app) => {
          const [pod] = await mesh.pods('bookinfo', { app });
          const request = { url: `http://${pod.address}:9080/`, freshConnection: true };
          return describeAnswer(await mesh.outside.call('http', request));
        }),
    },
  ];
}

function localRateLimit(mesh: Mesh): Scenario[] {
  return [
    {
      name: 'ten requests a minute for the page',
      expected: '10 × 200 v1, 20 × 429',
      measure: () => countAnswers(mesh.inside, to('productpage', '/productpage?u=test'), 30),
    },
    {
      name: 'a hundred a minute for all',
      expected: '90 × 200 v1, 30 × 429',
      measure: () => countAnswers(mesh.inside, to('productpage', '/login'), 120),
    },
    {
      name: 'who is limited can see it',
      expected: '429, x-local-rate-limit: true',
      measure: async () => {
        const { status, headers } = await mesh.inside.call('http', to('productpage', '/productpage'));
        return `${status}, x-local-rate-limit: ${headers['x-local-rate-limit']}`;
      },
    },
    answersAlike('nobody else is limited', '200 v1', mesh.inside, to('details')),
  ];
}

/** The stand-in for the service answers every question with the same bytes: field 1 of the message is the verdict. */
async function globalRateLimit(mesh: Mesh): Promise<Scenario[]> {
  // A connection that was there before the move ends with its next request, and only then is the limit met.
  await mesh.inside.call('http', to('productpage'));
  const [service] = await mesh.pods('default', { app: 'ratelimit' });
  const whileItSays = async (behaviour: Behaviour) => {
    await service.call('behave', behaviour);
    const { status } = await mesh.inside.call('http', to('productpage', '/productpage'));
    await service.call('behave', {});
    return `${status}`;
  };
  return [
    {
      name: 'the service is asked about the path',
      expected: '200, productpage-ratelimit PATH /productpage',
      measure: async () => {
        await service.call('takeReceived');
        const status = await whileItSays({ message: [0x08, 0x01] });
        const [question] = await service.call('takeReceived');
        return `${status}, ${question?.body.match(/[\w/-]{4,}/g)?.join(' ')}`;
      },
    },
    { name: 'over the limit', expected: '429', measure: () => whileItSays({ message: [0x08, 0x02] }) },
    { name: 'denied while the service fails', expected: '500', measure: () => whileItSays({ status: 14 }) },
  ];
}

async function acme(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const get = (name: string, expected: string, path: string) =>
    answers(name, expected, mesh.outside, { url: `http://any.example.com${path}`, address });
  const challenge = '/.well-known/acme-challenge/token';
  return [
    get('the challenge goes to the solver', `200 from cm-acme-http-solver at ${challenge}`, challenge),
    get('the page stays where it was', '200 from productpage v1 at /productpage', '/productpage'),
    get('all else is not exposed', '404', '/.well-known/other'),
  ];
}
