import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../cluster/api';
import { type Mesh, pick } from '../cluster/mesh';
import type { PodProcess } from '../cluster/pod-process';
import { namespace } from '../cluster/stand-in';
import { synthesize } from '../manifests';
import type { Behaviour, HttpAnswer, HttpRequest, Received, Tally } from '../pod/protocol';
import {
  backoff,
  balancedPorts,
  detectedPorts,
  elsewhere,
  grpcPort,
  hostOf,
  httpPort,
  pooledPorts,
  resilience,
  retryPaths,
  shares,
  timeout,
} from '../systems/resilience';
import { whileTheyBehave } from './behaviour';
import type { Judgement, Mutant, Scenario, System } from './scenario';
import { describeWeights, measureSplit } from './split';

const wait = timeout.toMilliseconds();
/** What a busy machine may add to a time. */
const tolerance = 1000;

/** How the proxy of a caller protects it from an app that is slow, fails or has too much to do. */
export const resilienceSystem: System = {
  name: 'resilience',
  objects: () => synthesize(resilience),
  surroundings: async () => [namespace(elsewhere, 'enabled'), ...unreachable(), ...localities(), neighbour()],
  scenarios: async (mesh) => [
    ...timeoutAndRetries(mesh),
    ...faults(mesh),
    ...loadBalancers(mesh),
    ...connectionPools(mesh),
    ...outlierDetection(mesh),
    ...localityPreference(mesh),
    ...warmUp(mesh),
  ],
  mutants: mutants(),
};

function send(mesh: Mesh, app: string, path: string, port = httpPort, request: Omit<HttpRequest, 'url'> = {}) {
  return mesh.inside.call('http', { ...request, url: `http://${hostOf(app)}:${port}${path}` });
}

function podsOf(mesh: Mesh, app: string, version = 'v1'): Promise<PodProcess[]> {
  return mesh.pods('resilience', { app, version });
}

function timeoutAndRetries(mesh: Mesh): Scenario[] {
  /** What the app does, and what the caller sees after how many tries. */
  const cases: [path: string, app: string, behaviour: Behaviour, expected: string][] = [
    ['/timeout', 'is slow', { delayMilliseconds: 3 * wait }, '504 after 1'],
    ['/anything', 'is slow', { delayMilliseconds: 3 * wait }, '200 after 1'],
    ['/anything', 'answers 503', { status: 503 }, '503 after 1'],
    ['/anything', 'closes the connection', { reset: true }, '503 after 1'],
    ['/retries/none', 'answers 503', { status: 503 }, '503 after 1'],
    ['/retries/gateway-error', 'answers 503 twice', { status: 503, times: 2 }, '200 after 3'],
    ['/retries/gateway-error', 'answers 503', { status: 503 }, '503 after 4'],
    ['/retries/gateway-error', 'answers 500', { status: 500 }, '500 after 1'],
    ['/retries/server-error', 'answers 500 once', { status: 500, times: 1 }, '200 after 2'],
    ['/retries/server-error', 'closes the connection once', { reset: true, times: 1 }, '200 after 2'],
    ['/retries/server-error', 'answers 429', { status: 429 }, '429 after 1'],
    ['/retries/reset', 'closes the connection three times', { reset: true, times: 3 }, '200 after 4'],
    ['/retries/reset', 'answers 503', { status: 503 }, '503 after 1'],
    ['/retries/conflict', 'answers 409 once', { status: 409, times: 1 }, '200 after 2'],
    ['/retries/conflict', 'answers 404', { status: 404 }, '404 after 1'],
    ['/retries/status', 'answers 429 once', { status: 429, times: 1 }, '200 after 2'],
    ['/retries/status', 'answers 503', { status: 503 }, '503 after 1'],
    ['/retries/per-try', 'is slow twice', { delayMilliseconds: 3 * wait, times: 2 }, '200 after 3'],
  ];
  const grpcCases: typeof cases = [
    ['/shop.Cart/Get', 'is unavailable twice', { status: 14, times: 2 }, 'status 0 after 3'],
    ['/shop.Cart/Get', 'is unavailable', { status: 14 }, 'status 14 after 3'],
    ['/shop.Cart/Get', 'has an internal error', { status: 13 }, 'status 13 after 1'],
    ['/shop.Cart/Internal', 'has an internal error once', { status: 13, times: 1 }, 'status 0 after 2'],
  ];
  const scenario = ([path, does, behaviour, expected]: (typeof cases)[number], request: () => Promise<string>): Scenario => ({
    name: `${path} ${does}`,
    expected: `${expected} ${expected.endsWith(' 1') ? 'try' : 'tries'}`,
    measure: async () => {
      const [pod] = await podsOf(mesh, 'api');
      await pod.call('takeReceived');
      const status = await whileTheyBehave([pod], behaviour, request);
      const tries = (await pod.call('takeReceived')).filter((received) => received.path === path).length;
      return `${status} after ${tries} ${tries === 1 ? 'try' : 'tries'}`;
    },
  });
  /** One sick pod of three fails a third of all first tries, and of the retries that do not avoid it. */
  const retriesBesideASickPod = (name: string, path: string, expected: 'few' | 'many'): Scenario => ({
    name,
    expected: `${expected === 'few' ? 'less' : 'more'} than 4 % of the requests fail`,
    measure: async () => {
      const [sick] = await podsOf(mesh, 'balanced');
      const url = `http://${hostOf('balanced')}:${balancedPorts.random}${path}`;
      const tallies = await whileTheyBehave([sick], { status: 503 }, () =>
        mesh.inside.call('repeatHttp', { url, times: 300, concurrency: 8 }),
      );
      const failed = shareOf(tallies, ({ status }) => status === 503);
      return { text: `${(100 * failed).toFixed(1)} %`, holds: expected === 'few' ? failed < 0.04 : failed > 0.04 };
    },
  });
  return [
    ...cases.map((each) => scenario(each, async () => `${(await send(mesh, 'api', each[0])).status}`)),
    ...grpcCases.map((each) =>
      scenario(each, async () => {
        const { status } = await mesh.inside.call('grpc', { host: hostOf('api'), port: grpcPort, method: each[0] });
        return `status ${status}`;
      }),
    ),
    {
      name: 'a retry comes after a random pause, up to its backoff',
      expected: 'some of 40 before 500 ms, some after, all within 1000 ms or a little more',
      measure: async (): Promise<Judgement> => {
        const [pod] = await podsOf(mesh, 'api');
        await pod.call('takeReceived');
        await whileTheyBehave([pod], { status: 503 }, () => atOnce(mesh, 'api', httpPort, 40, '/retries/backoff'));
        const pauses = pausesOf(await pod.call('takeReceived'));
        const [shortest, longest] = [Math.min(...pauses), Math.max(...pauses)];
        const most = backoff.toMilliseconds();
        return {
          text: `${pauses.length} from ${shortest} to ${longest} ms`,
          holds: pauses.length === 40 && shortest < most / 2 && longest > most / 2 && longest < most + tolerance,
        };
      },
    },
    retriesBesideASickPod('a retry goes to another pod', retryPaths.anotherPod, 'few'),
    retriesBesideASickPod('a retry may go to the same pod', retryPaths.anyPod, 'many'),
    {
      name: 'a retry budget leaves requests without retries',
      expected: '10 times 500 after 11 to 16 tries',
      measure: async (): Promise<Judgement> => {
        const pods = await podsOf(mesh, 'thrifty', 'v2');
        await Promise.all(pods.map((pod) => pod.call('takeReceived')));
        const tallies = await whileTheyBehave(pods, { status: 500, delayMilliseconds: 200 }, () =>
          atOnce(mesh, 'thrifty', httpPort, 10),
        );
        const tries = (await Promise.all(pods.map((pod) => pod.call('takeReceived')))).flat().length;
        const text = describeTallies(tallies);
        return { text: `${text} after ${tries} tries`, holds: text === '10 times 500' && tries > 10 && tries <= 16 };
      },
    },
  ];
}

/** Between the first and the second try of each request. */
function pausesOf(received: Received[]): number[] {
  const arrivals = new Map<string, number[]>();
  for (const { headers, at } of received) {
    const id = headers['x-request-id'];
    arrivals.set(id, [...(arrivals.get(id) ?? []), at]);
  }
  return [...arrivals.values()].map(([first, second]) => second - first);
}

/** So many requests side by side, each once. */
function atOnce(mesh: Mesh, app: string, port: number, times: number, path = '/'): Promise<Tally[]> {
  return mesh.inside.call('repeatHttp', { url: `http://${hostOf(app)}:${port}${path}`, times, concurrency: times });
}

function shareOf(tallies: Tally[], belongs: (tally: Tally) => boolean): number {
  const sum = (some: Tally[]) => some.reduce((total, { count }) => total + count, 0);
  return sum(tallies.filter(belongs)) / sum(tallies);
}

function describeTallies(tallies: Tally[]): string {
  const byStatus = new Map<number, number>();
  for (const { status, count } of tallies) byStatus.set(status, (byStatus.get(status) ?? 0) + count);
  return [...byStatus]
    .sort()
    .map(([status, count]) => `${count} times ${status}`)
    .join(', ');
}

function faults(mesh: Mesh): Scenario[] {
  const timed = (name: string, path: string, expected: string, from: number): Scenario => ({
    name,
    expected: `${expected}, after ${from} ms or a little more`,
    measure: async () => {
      const answer = await send(mesh, 'api', path);
      const text = describeSource(answer);
      const { milliseconds } = answer;
      const holds = text === expected && milliseconds >= from - 5 && milliseconds < from + tolerance;
      return { text: `${text}, after ${milliseconds} ms`, holds };
    },
  });
  const some = { v1: 90, 'status 418': 10 };
  return [
    timed('a fault delays', '/fault/delay', '200 of the app', wait),
    timed('a fault aborts', '/fault/abort', '418 of the proxy', 0),
    timed('a fault delays and aborts', '/fault/both', '418 of the proxy', wait),
    timed('other requests meet no fault', '/anything', '200 of the app', 0),
    {
      name: 'a fault aborts some',
      expected: describeWeights(some),
      measure: () => measureSplit(mesh.inside, { url: `http://${hostOf('api')}:${httpPort}/fault/some` }, some),
    },
    {
      name: 'a fault aborts gRPC',
      expected: 'status 8',
      measure: async () => {
        const method = '/shop.Cart/Faulty';
        return `status ${(await mesh.inside.call('grpc', { host: hostOf('api'), port: grpcPort, method })).status}`;
      },
    },
  ];
}

function describeSource({ status, received, error }: HttpAnswer): string {
  return error ?? `${status} of the ${received ? 'app' : 'proxy'}`;
}

function loadBalancers(mesh: Mesh): Scenario[] {
  const url = (name: string, path = '/') => `http://${hostOf('balanced')}:${balancedPorts[name]}${path}`;
  const podOf = async (name: string, user: string) => {
    const headers = { 'x-user': user, cookie: `user=${user}` };
    const { received, error } = await mesh.inside.call('http', { url: url(name, `/?user=${user}`), headers });
    return received?.pod ?? `${error}`;
  };
  const sequence = async (name: string) => {
    const pods: string[] = [];
    for (let i = 0; i < 30; i++) pods.push(await podOf(name, `user${i}`));
    const inTurn = pods.every((pod, i) => i < 3 || pod === pods[i - 3]);
    return `${new Set(pods).size} pods, ${inTurn ? 'in turn' : 'in no order'}`;
  };
  /** Of two pods chosen at random, one slow pod among three is both in a ninth of all cases, and one of them in five ninths. */
  const slowShare = async (name: string) => {
    const [slow] = await podsOf(mesh, 'balanced');
    const tallies = await whileTheyBehave([slow], { delayMilliseconds: 100 }, () =>
      mesh.inside.call('repeatHttp', { url: url(name), times: 600, concurrency: 8 }),
    );
    const share = shareOf(tallies, ({ pod }) => pod === slow.name);
    return { text: `${(100 * share).toFixed(1)} %`, share };
  };
  const sticky = (name: string): Scenario => ({
    name: `load balancer ${name}`,
    expected: 'each of 30 users has one of 3 pods',
    measure: async () => {
      const pods = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const met = new Set([await podOf(name, `user${i}`), await podOf(name, `user${i}`), await podOf(name, `user${i}`)]);
        if (met.size > 1) return `user${i} meets ${[...met].join(' and ')}`;
        pods.add([...met][0]);
      }
      return `each of 30 users has one of ${pods.size} pods`;
    },
  });
  return [
    { name: 'load balancer round-robin', expected: '3 pods, in turn', measure: () => sequence('round-robin') },
    { name: 'load balancer random', expected: '3 pods, in no order', measure: () => sequence('random') },
    {
      name: 'load balancer random, with a slow pod',
      expected: 'more than 22 % for the slow pod',
      measure: async () => slowShare('random').then(({ text, share }) => ({ text, holds: share > 0.22 })),
    },
    {
      name: 'load balancer least-request, with a slow pod',
      expected: 'less than 22 % for the slow pod',
      measure: async () => slowShare('least-request').then(({ text, share }) => ({ text, holds: share < 0.22 })),
    },
    {
      name: 'load balancer passthrough',
      expected: 'each of 3 pods answers where it is called',
      measure: async () => {
        const pods = await podsOf(mesh, 'balanced');
        for (const { name, address } of pods) {
          const { received, error, status, body } = await mesh.inside.call('http', { url: url('passthrough'), address });
          if (received?.pod !== name) return `${received?.pod ?? error ?? `${status} ${body}`} answers for ${name}`;
        }
        return `each of ${pods.length} pods answers where it is called`;
      },
    },
    ...['hash-header', 'hash-cookie', 'hash-query'].map(sticky),
    {
      name: 'load balancer hash-cookie, for a caller without one',
      expected: 'gets a cookie for 3600 s, and meets one pod with it',
      measure: async () => {
        const first = await mesh.inside.call('http', { url: url('hash-cookie') });
        const [, cookie, age] = /^(user="?[^";]+"?);.*Max-Age=(\d+)/i.exec(first.headers['set-cookie'] ?? '') ?? [];
        if (!cookie) return `gets ${first.headers['set-cookie']}`;
        const met = new Set([first.received?.pod]);
        for (let i = 0; i < 20; i++)
          met.add((await mesh.inside.call('http', { url: url('hash-cookie'), headers: { cookie } })).received?.pod);
        return `gets a cookie for ${age} s, and meets ${met.size === 1 ? 'one pod' : `${met.size} pods`} with it`;
      },
    },
    {
      name: 'load balancer hash-ip',
      expected: 'a caller has 1 of 3 pods',
      measure: async () => {
        const tallies = await mesh.inside.call('repeatHttp', { url: url('hash-ip'), times: 30 });
        return `a caller has ${new Set(tallies.map(({ pod }) => pod)).size} of ${(await podsOf(mesh, 'balanced')).length} pods`;
      },
    },
  ];
}

function connectionPools(mesh: Mesh): Scenario[] {
  const tenAtOnce = (name: string, expected: string): Scenario => ({
    name: `connection pool ${name}, 10 requests at once`,
    expected,
    measure: async () => {
      await send(mesh, 'pooled', '/', pooledPorts[name]);
      const tallies = await whileTheyBehave(await podsOf(mesh, 'pooled'), { delayMilliseconds: 200 }, () =>
        atOnce(mesh, 'pooled', pooledPorts[name], 10),
      );
      return describeTallies(tallies);
    },
  });
  const oneByOne = (name: string, pause: number, expected: string): Scenario => ({
    name: `connection pool ${name}, 6 requests ${pause} ms apart`,
    expected,
    measure: async () => {
      const connections = new Set<number | undefined>();
      for (let i = 0; i < 6; i++) {
        if (i > 0) await sleep(pause);
        connections.add((await send(mesh, 'pooled', '/', pooledPorts[name])).received?.remotePort);
      }
      return `on ${connections.size} ${connections.size === 1 ? 'connection' : 'connections'}`;
    },
  });
  const protocol = (name: string, expected: string): Scenario => ({
    name: `connection pool ${name}, its protocol`,
    expected,
    measure: async () => (await send(mesh, 'pooled', '/', pooledPorts[name])).received?.protocol ?? 'no answer',
  });
  return [
    tenAtOnce('unlimited', '10 times 200'),
    tenAtOnce('connections', '3 times 200, 7 times 503'),
    tenAtOnce('requests', '4 times 200, 6 times 503'),
    oneByOne('unlimited', 400, 'on 1 connection'),
    oneByOne('per-connection', 0, 'on 3 connections'),
    oneByOne('idle', 400, 'on 6 connections'),
    oneByOne('duration', 400, 'on 6 connections'),
    protocol('unlimited', 'http/1.1'),
    protocol('http2', 'http/2'),
    {
      name: 'connection pool, time to connect',
      expected: '503 after 300 ms or a little more',
      measure: async () => {
        const { status, milliseconds } = await mesh.inside.call('http', {
          url: `http://${hostOf('unreachable', elsewhere)}:${httpPort}/`,
        });
        return {
          text: `${status} after ${milliseconds} ms`,
          holds: status === 503 && milliseconds >= 295 && milliseconds < 300 + tolerance,
        };
      },
    },
  ];
}

function outlierDetection(mesh: Mesh): Scenario[] {
  /** The pods that answer the next requests, as seen by the caller. */
  const answering = async (name: string) => {
    const url = `http://${hostOf('detected')}:${detectedPorts[name]}/`;
    const tallies = await mesh.inside.call('repeatHttp', { url, times: 40 });
    return new Set(tallies.map(({ status, pod }) => (status === 200 ? pod : `${status}`)));
  };
  const whileFailing = async (name: string, status: number) => {
    const [sick] = await podsOf(mesh, 'detected');
    return whileTheyBehave([sick], { status }, async () => {
      await answering(name);
      const seen = await answering(name);
      return seen.has(`${status}`) || seen.has(sick.name) ? 'stays' : 'is ejected';
    });
  };
  const returns = async (name: string) => {
    const started = Date.now();
    while (Date.now() - started < 5000) {
      if ((await answering(name)).size === 2) return ', and returns';
      await sleep(100);
    }
    return ', and never returns';
  };
  const ejection = (name: string, status: number, expected: string): Scenario => ({
    name: `outlier detection ${name}, a pod answers ${status}`,
    expected,
    measure: async () => (await whileFailing(name, status)) + (await returns(name)),
  });
  return [
    ejection('5xx', 500, 'is ejected, and returns'),
    ejection('gateway', 500, 'stays, and returns'),
    ejection('gateway', 503, 'is ejected, and returns'),
  ];
}

function localityPreference(mesh: Mesh): Scenario[] {
  const url = `http://${hostOf('distributed', elsewhere)}:${httpPort}/`;
  const byNeighbour = async (app: string, path: string, times: number) => {
    const [caller] = await mesh.pods(elsewhere, { app: 'neighbour' });
    const tallies = await caller.call('repeatHttp', { url: `http://${hostOf(app, elsewhere)}:${httpPort}${path}`, times });
    return [...new Set(tallies.map(({ status, version }) => `${version} ${status}`))].sort().join(', ');
  };
  const nearest = () => byNeighbour('nearest', '/', 30);
  const whileNearFail = async (app: string, measure: () => Promise<string>) =>
    whileTheyBehave(await mesh.pods(elsewhere, { app, version: 'v1' }), { status: 503 }, measure);
  return [
    {
      name: 'shares of localities',
      expected: describeWeights(shares),
      measure: () => measureSplit(mesh.inside, { url }, shares),
    },
    {
      name: 'a caller in zone a, while pods of both zones are healthy',
      expected: 'v1 200',
      measure: nearest,
    },
    {
      name: 'a caller in zone a, while its pods fail',
      expected: 'v2 200',
      measure: () =>
        whileNearFail('nearest', async () => {
          await nearest();
          return nearest();
        }),
    },
    {
      name: 'its retries stay in zone a',
      expected: 'v1 503',
      measure: () => whileNearFail('remote', () => byNeighbour('remote', '/', 10)),
    },
    {
      name: 'its retries go to other localities where they may',
      expected: 'v2 200',
      measure: () => whileNearFail('remote', () => byNeighbour('remote', retryPaths.anotherLocality, 10)),
    },
  ];
}

/** Last, when the pod that was there first is warm. */
function warmUp(mesh: Mesh): Scenario[] {
  const scale = (replicas: number) => mesh.scale('resilience', 'warming', 'v1', replicas);
  return [
    {
      name: 'a new pod warms up',
      expected: 'less than 35 % for it',
      measure: async () => {
        const [warm] = await podsOf(mesh, 'warming');
        await scale(2);
        try {
          const url = `http://${hostOf('warming')}:${httpPort}/`;
          const tallies = await mesh.inside.call('repeatHttp', { url, times: 200 });
          const share = shareOf(tallies, ({ pod }) => pod !== warm.name);
          return { text: `${(100 * share).toFixed(1)} %`, holds: share > 0 && share < 0.35 };
        } finally {
          await scale(1);
        }
      },
    },
  ];
}

/** A Service with an address that nobody has. */
function unreachable(): Manifest[] {
  const metadata = { name: 'unreachable', namespace: elsewhere };
  const port = { name: 'http', port: httpPort };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [port] } },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': metadata.name } },
      addressType: 'IPv4',
      ports: [port],
      endpoints: [{ addresses: ['10.77.255.254'] }],
    },
  ];
}

/** Services without versions, each with pods in two places. */
function localities(): Manifest[] {
  return ['distributed', 'nearest', 'remote'].flatMap((name) => [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: elsewhere },
      spec: { selector: { app: name }, ports: [{ name: 'http', port: httpPort }] },
    },
    deployment(name, 'v1', { zone: 'a', 'istio-locality': 'europe.a', 'sidecar.istio.io/inject': 'false' }),
    deployment(name, 'v2', { zone: 'b', 'istio-locality': 'asia.b', 'sidecar.istio.io/inject': 'false' }),
  ]);
}

function neighbour(): Manifest {
  return deployment('neighbour', 'v1', { zone: 'a' });
}

function deployment(app: string, version: string, podLabels: Record<string, string>): Manifest {
  const matchLabels = { app, version };
  const containers = [{ name: app, image: app, ports: [{ containerPort: httpPort }] }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: `${app}-${version}`, namespace: elsewhere },
    spec: {
      selector: { matchLabels },
      template: { metadata: { labels: { ...matchLabels, ...podLabels } }, spec: { containers } },
    },
  };
}

function mutants(): Mutant[] {
  return [
    {
      name: 'one try more',
      noticedBy: '/retries/gateway-error answers 503',
      change: (objects) => {
        for (const { retries } of pick(objects, 'VirtualService', 'api').spec.http)
          if (retries?.retryOn === 'gateway-error') retries.attempts += 1;
      },
    },
    {
      name: 'a pod must fail more often',
      noticedBy: 'outlier detection 5xx, a pod answers 500',
      change: (objects) => {
        const { trafficPolicy } = pick(objects, 'DestinationRule', 'detected').spec;
        trafficPolicy.portLevelSettings[0].outlierDetection.consecutive5xxErrors = 1000;
      },
    },
  ];
}
