import { setTimeout as sleep } from 'node:timers/promises';
import type { Fields } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import type { PodProcess } from '../cluster/pod-process';
import { synthesize } from '../manifests';
import type { HttpAnswer, HttpRequest } from '../pod/protocol';
import {
  catalogHost,
  formerHost,
  grpcHost,
  ports,
  publicHost,
  siteHost,
  streamHost,
  streamSplit,
  traffic,
} from '../systems/traffic';
import type { Mutant, Scenario, System } from './scenario';
import { describeWeights, measureShares, measureSplit, measureTcpSplit, type Weights } from './split';

/** What becomes of a request on its way to an app: rewritten, redirected, answered, copied, shared. */
export const trafficSystem: System = {
  name: 'traffic',
  objects: () => synthesize(traffic),
  scenarios: async (mesh) => {
    const ways = [inside(mesh), await atGateway(mesh)];
    return [
      ...ways.flatMap((way) => [...rewritesAndAnswers(way), ...headerOperations(mesh, way), ...cors(way), ...splits(way)]),
      ...mirrors(mesh, ways[0]),
      ...(await hostsOfTheGateway(mesh)),
      ...(await grpcAndTcp(mesh)),
    ];
  },
  mutants: mutants(),
};

/** From where requests come, and what they call the app. */
interface Way {
  readonly place: string;
  readonly host: string;
  readonly client: PodProcess;
  readonly address?: string;
}

function inside(mesh: Mesh): Way {
  return { place: 'inside', host: `${catalogHost}:${ports.http}`, client: mesh.inside };
}

async function atGateway(mesh: Mesh): Promise<Way> {
  return { place: 'gateway', host: publicHost, client: mesh.outside, address: await gatewayAddress(mesh) };
}

function gatewayAddress(mesh: Mesh): Promise<string> {
  return mesh.gatewayAddress({ istio: 'ingressgateway' });
}

function send(way: Way, path: string, request: Omit<HttpRequest, 'url'> = {}): Promise<HttpAnswer> {
  return way.client.call('http', { ...request, url: `http://${way.host}${path}`, address: way.address });
}

/** What the app saw, or how the proxy answered in its place; `{host}` is the one that was asked. */
function describe({ status, headers, body, received, error }: HttpAnswer, host: string): string {
  if (error) return error;
  if (received) return `${received.version} ${received.headers.host.replace(host, '{host}')}${received.path}`;
  return [status, headers.location?.replace(host, '{host}') ?? body].filter(Boolean).join(' ');
}

const rewrites: Record<string, string> = {
  '/rewrite/path/below?a=b': 'v1 {host}/whole?a=b',
  '/rewrite/path': 'v1 {host}/whole',
  '/rewrite/template/any?a=b': 'v1 {host}/whole?a=b',
  '/rewrite/prefix/below?a=b': 'v1 {host}/swapped/below?a=b',
  '/rewrite/prefix': 'v1 {host}/swapped',
  '/rewrite/top/below?a=b&c': 'v1 {host}/below?a=b&c',
  '/rewrite/folder/below?a=b': 'v1 {host}/below?a=b',
  '/rewrite/folder?a=b': 'v1 {host}/?a=b',
  '/rewrite/folders': 'v2 {host}/rewrite/folders',
  '/rewrite/regex/one/two/three?a=/rewrite/regex/b/c': 'v1 {host}/two/three/one?a=/rewrite/regex/b/c',
  '/rewrite/regex/one': 'v1 {host}/rewrite/regex/one',
  '/rewrite/host/below?a=b': 'v1 other.example.com/rewrite/host/below?a=b',
  '/rewrite/both/below?a=b': 'v1 other.example.com/a/below?a=b',
};

const answers: Record<string, string> = {
  '/redirect/path/below?a=b': '301 http://{host}/elsewhere?a=b',
  '/redirect/prefix/below?a=b': '302 http://{host}/elsewhere/below?a=b',
  '/redirect/host/below?a=b': '303 http://other.example.com/redirect/host/below?a=b',
  '/redirect/https/below?a=b': '307 https://other.example.com/redirect/https/below?a=b',
  '/redirect/port?a=b': '308 http://other.example.com:8443/?a=b',
  '/direct/body': '418 short and stout',
  '/direct/empty': '404',
};

const others: Record<string, string> = {
  '/search/images/cat?a=b': 'v1 {host}/images/cat?a=b',
  '/anything?a=b': 'v2 {host}/anything?a=b',
};

function rewritesAndAnswers(way: Way): Scenario[] {
  return Object.entries({ ...rewrites, ...answers, ...others }).map(([path, expected]) => ({
    name: `${way.place}: ${path}`,
    expected,
    measure: async () => describe(await send(way, path), way.host),
  }));
}

function headerOperations(mesh: Mesh, way: Way): Scenario[] {
  const pick = (headers: Record<string, string> = {}, ...names: string[]) =>
    names.map((name) => `${name}: ${headers[name] ?? 'none'}`).join(', ');
  return [
    {
      name: `${way.place}: headers that a route changes`,
      expected:
        'request x-set: 100%, x-new: HTTP/1.1, x-add: first, second, x-remove: none; ' +
        'answer x-set: set, x-add: first, added, x-remove: none, content-type: text/plain',
      measure: async () => {
        const sent = { 'x-set': 'former', 'x-add': 'first', 'x-remove': 'here' };
        const pods = await mesh.pods('traffic', { app: 'catalog' });
        await Promise.all(pods.map((pod) => pod.call('behave', { headers: sent, times: 1 })));
        const { headers, received } = await send(way, '/headers/route', { headers: sent });
        return `request ${pick(received?.headers, 'x-set', 'x-new', 'x-add', 'x-remove')}; answer ${pick(headers, 'x-set', 'x-add', 'x-remove', 'content-type')}`;
      },
    },
    {
      name: `${way.place}: headers that a destination changes`,
      expected: 'v1 x-for: v1 x-from: v1, v2 x-for: v2 x-from: v2',
      measure: async () => {
        const seen = new Set<string>();
        for (let i = 0; i < 50; i++) {
          const { headers, received } = await send(way, '/headers/destination');
          seen.add(`${received?.version} ${pick(received?.headers, 'x-for')} ${pick(headers, 'x-from')}`);
        }
        return [...seen].sort().join(', ');
      },
    },
  ];
}

function cors(way: Way): Scenario[] {
  const describeCors = ({ status, headers, received }: HttpAnswer) => {
    const said = Object.entries(headers).filter(([name]) => name.startsWith('access-control-'));
    const fields = said.map(([name, value]) => `${name.replace('access-control-', '')} ${value}`).sort();
    return [`${received ? 'app' : 'proxy'} ${status}`, ...fields].join('; ');
  };
  const preflight = (origin: string) => ({
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PUT', 'access-control-request-headers': 'x-token' },
  });
  const toPreflight = (origin: string) =>
    `proxy 200; allow-credentials true; allow-headers x-token; allow-methods GET,PUT; allow-origin ${origin}; expose-headers x-total; max-age 3600`;
  const toSimple = (origin: string) => `app 200; allow-credentials true; allow-origin ${origin}; expose-headers x-total`;
  const asked: Record<string, [Omit<HttpRequest, 'url'>, string]> = {
    'preflight from an exact origin': [preflight('https://shop.example.com'), toPreflight('https://shop.example.com')],
    'preflight from an origin by prefix': [preflight('https://dev-7.example.com'), toPreflight('https://dev-7.example.com')],
    'preflight from an origin by expression': [preflight('https://a.example.org'), toPreflight('https://a.example.org')],
    'preflight from another origin': [preflight('https://a.example.net'), 'app 200'],
    'request from an allowed origin': [{ headers: { origin: 'https://shop.example.com' } }, toSimple('https://shop.example.com')],
    'request from another origin': [{ headers: { origin: 'https://shop.example.com.evil.example' } }, 'app 200'],
  };
  return Object.entries(asked).map(([name, [request, expected]]) => ({
    name: `${way.place}: CORS, ${name}`,
    expected,
    measure: async () => describeCors(await send(way, '/cors', request)),
  }));
}

function splits(way: Way): Scenario[] {
  const byPath: Record<string, Weights> = { '/split/two': { v1: 99, v2: 1 }, '/split/three': { v1: 60, v2: 30, v3: 10 } };
  return Object.entries(byPath).map(([path, weights]) => ({
    name: `${way.place}: ${path}`,
    expected: describeWeights(weights),
    measure: () => measureSplit(way.client, { url: `http://${way.host}${path}`, address: way.address }, weights),
  }));
}

function mirrors(mesh: Mesh, { client, host }: Way): Scenario[] {
  const weights = { copied: 10, 'not copied': 90 };
  const copies = async (version: string) => {
    const pods = await mesh.pods('traffic', { app: 'catalog', version });
    const received = (await Promise.all(pods.map((pod) => pod.call('takeReceived')))).flat();
    return received.filter(({ path }) => path === '/mirror').length;
  };
  return [
    {
      name: 'mirrors get copies, and the app alone answers',
      expected: 'all answers of v1, all copied to v2, 10 % to v3',
      measure: async () => {
        const versions = new Set<string>();
        let notCopied = 0;
        const { text, holds } = await measureShares(async (times) => {
          await Promise.all(['v2', 'v3'].map(copies));
          const answers = await client.call('repeatHttp', { url: `http://${host}/mirror`, times, concurrency: 8 });
          for (const { version } of answers) versions.add(version);
          // A copy may arrive after the answer.
          await sleep(100);
          notCopied += times - (await copies('v2'));
          const copied = await copies('v3');
          const tally = (version: string, count: number) => ({ status: 200, pod: '', version, count });
          return [tally('copied', copied), tally('not copied', times - copied)];
        }, weights);
        return {
          text: `answers of ${[...versions].join(', ')}, ${notCopied} not copied to v2, to v3 ${text}`,
          holds: holds && notCopied === 0 && [...versions].join() === 'v1',
        };
      },
    },
  ];
}

async function hostsOfTheGateway(mesh: Mesh): Promise<Scenario[]> {
  const address = await gatewayAddress(mesh);
  const asked: Record<string, string> = {
    [`${siteHost}/find/cat?a=b`]: 'v1 {host}/cat?a=b',
    [`${siteHost}/find/images/cat?a=b`]: 'v2 {host}/pictures/cat?a=b',
    [`${siteHost}/find/old/cat?a=b`]: '301 http://{host}/find/new/cat?a=b',
    [`${siteHost}/about?a=b`]: 'v2 {host}/info?a=b',
    [`${siteHost}/elsewhere`]: '404',
    [`${formerHost}/a?b=c`]: `301 http://${publicHost}/a?b=c`,
    'unknown.example.com/': '404',
  };
  return Object.entries(asked).map(([url, expected]) => ({
    name: `gateway: ${url}`,
    expected,
    measure: async () =>
      describe(await mesh.outside.call('http', { url: `http://${url}`, address }), url.slice(0, url.indexOf('/'))),
  }));
}

async function grpcAndTcp(mesh: Mesh): Promise<Scenario[]> {
  const address = await gatewayAddress(mesh);
  const grpc = { '/shop.Catalog/List': 'status 0 by v3 grpc', '/shop.Catalog/Get': 'status 0 by v2 grpc' };
  const tcp = { text: 'HELLO' };
  return [
    ...Object.entries(grpc).flatMap(([method, expected]) => [
      {
        name: `inside: gRPC ${method}`,
        expected,
        measure: async () => {
          const answer = await mesh.inside.call('grpc', { host: catalogHost, port: ports.grpc, method });
          return `status ${answer.status} by ${answer.received?.version} ${answer.received?.protocol}`;
        },
      },
      {
        name: `gateway: gRPC ${method}`,
        expected,
        measure: async () => {
          const answer = await mesh.outside.call('grpc', { host: grpcHost, address, port: 80, method });
          return `status ${answer.status} by ${answer.received?.version} ${answer.received?.protocol}`;
        },
      },
    ]),
    {
      name: 'inside: connections of a TCP stream',
      expected: describeWeights(streamSplit),
      measure: () => measureTcpSplit(mesh.inside, { ...tcp, host: streamHost, port: ports.tcp }, streamSplit),
    },
    {
      name: 'gateway: connections of a TCP stream',
      expected: describeWeights(streamSplit),
      measure: () => measureTcpSplit(mesh.outside, { ...tcp, host: address, port: ports.gatewayTcp }, streamSplit),
    },
  ];
}

function mutants(): Mutant[] {
  return [
    {
      name: 'a prefix is rewritten to another',
      noticedBy: 'inside: /rewrite/prefix/below?a=b',
      change: (objects) => {
        const routes: Fields[] = objects.filter(isKind('VirtualService')).flatMap(({ spec }) => spec.http ?? []);
        for (const { rewrite } of routes) if (rewrite?.uri === '/swapped') rewrite.uri = '/swapped/';
      },
    },
  ];
}
