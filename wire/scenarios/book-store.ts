import type { Manifest } from '../cluster/api';
import { type Mesh, pick } from '../cluster/mesh';
import type { PodProcess } from '../cluster/pod-process';
import { eventually } from '../cluster/program';
import { standIn } from '../cluster/stand-in';
import { fromDist } from '../manifests';
import type { Behaviour, HttpRequest } from '../pod/protocol';
import { answers, answersAfter, callStream, describeAnswer } from './answers';
import type { Caller } from './load';
import type { Mutant, Scenario, State, System } from './scenario';
import { describeWeights, measureSplit } from './split';

const half = { v1: 50, v2: 50 };
const inside = 'http://book-store.default.svc.cluster.local:8080';
const published = 'http://book-store.local';
const services = { store: 8480, order: 8380, warehouse: 8280, warranty: 8180 };
const addOns = { kiali: 20001, grafana: 3000, tracing: 80 };

const plainPostgres = 'Postgres is called in plain TCP';
const redirectedOnce = 'clients that ask for v2 again are redirected once';
const circuitOpens = 'a version that fails ten times gets no more requests';

/** Its advice is to name the port; a port that is named wrongly would open the add-ons to everybody. */
const acceptedMessages = { IST0133: 'what has no host is closed as well to those who may not reach an add-on' };

export const bookStore: System = {
  name: 'book-store',
  acceptedMessages,
  objects: () => fromDist('book-store'),
  scenarios: async (mesh) => {
    const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
    return [
      ...theCanary(mesh, address),
      postgres(mesh),
      ...insideTheMesh(mesh),
      ...publishedHosts(mesh, address),
      ...access(mesh, address),
    ];
  },
  mutants: [postgresInsists()],
  alternatives: [tenTimesFaster()],
  load: requestsOfAll,
  surroundings: async () =>
    Object.entries(addOns).flatMap(([name, port]) => standIn(name, 'istio-system', { name: 'http', port })),
};

async function requestsOfAll(mesh: Mesh): Promise<Caller[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  return [
    { client: mesh.inside, request: { url: `${inside}/` } },
    { client: mesh.outside, request: { url: `${published}/api/v1/books`, address } },
  ];
}

function theCanary(mesh: Mesh, address: string): Scenario[] {
  const expected = describeWeights(half);
  return [
    { name: 'the split inside the mesh', expected, measure: () => measureSplit(mesh.inside, { url: inside }, half) },
    { name: 'the split at the gateway', expected, measure: () => measureSplit(mesh.outside, { url: published, address }, half) },
    {
      name: redirectedOnce,
      expected: '301 to http://book-store.local/api/v2, 200 at /api/v2',
      measure: () => follow(mesh.outside, { url: `${published}/api/v1/books`, address, headers: { 'x-api-version': 'v2' } }),
    },
  ];
}

/** As `curl --location` does: it sends its headers again, and gives up at some time. */
async function follow(client: PodProcess, request: HttpRequest, redirects = 3): Promise<string> {
  const { status, headers, received } = await client.call('http', request);
  if (!headers.location) return `${status} at ${received?.path}`;
  const step = `${status} to ${headers.location}`;
  return redirects > 0 ? `${step}, ${await follow(client, { ...request, url: headers.location }, redirects - 1)}` : step;
}

function postgres(mesh: Mesh): Scenario {
  return {
    name: plainPostgres,
    expected: 'tcp to postgres-service v12, from the mesh and past it',
    measure: async () => {
      const [pod] = await mesh.pods('default', { app: 'postgres-service' });
      const request = { host: 'postgres-service.default.svc.cluster.local', port: 5432 };
      const fromMesh = await callStream(mesh.inside, request);
      const past = await callStream(mesh.outside, { ...request, address: pod.address });
      return fromMesh === past ? `${fromMesh}, from the mesh and past it` : `${fromMesh} from the mesh, ${past} past it`;
    },
  };
}

function insideTheMesh(mesh: Mesh): Scenario[] {
  return Object.entries(services).map(([name, port]) =>
    answers(`${name} answers inside the mesh`, `200 from ${name} v1 at /`, mesh.inside, {
      url: `http://${name}.default.svc.cluster.local:${port}/`,
    }),
  );
}

function publishedHosts(mesh: Mesh, address: string): Scenario[] {
  const get = (name: string, expected: string, url: string) => answers(name, expected, mesh.outside, { url, address });
  return [
    get('the store is published', '200 from store v1 at /', 'http://store.services.local/'),
    get('what is behind the store is not', '404', 'http://order.services.local/'),
    get('Kiali is entered at its own path', '301 to http://kiali.services.local/kiali', 'http://kiali.services.local/'),
  ];
}

/** A pod of the lab calls from a private address, or from its public one. */
function access(mesh: Mesh, address: string): Scenario[] {
  const names = Object.keys(addOns);
  const ask = (from?: string) =>
    Promise.all(names.map((name) => mesh.outside.call('http', { url: `http://${name}.services.local/kiali`, address, from })));
  const describe = async (from?: string) => (await ask(from)).map(describeAnswer).join(', ');
  return [
    {
      name: 'add-ons are open to private networks',
      expected: names.map((name) => `200 from ${name} at /kiali`).join(', '),
      measure: () => describe(),
    },
    {
      name: 'add-ons are closed to all others',
      expected: names.map(() => '403').join(', '),
      measure: () => describe(mesh.outside.publicAddress),
    },
    {
      name: 'the store is open to all others',
      expected: '200 from store v1 at /',
      measure: async () => {
        const request = { url: 'http://store.services.local/', address, from: mesh.outside.publicAddress };
        return describeAnswer(await mesh.outside.call('http', request));
      },
    },
  ];
}

/** The same YAML with every duration a tenth as long, so that nobody has to wait for a minute: 15 s are 1.5 s. */
function tenTimesFaster(): State {
  return {
    name: 'ten times faster',
    acceptedMessages,
    objects: () => fromDist('book-store').map(hasten),
    scenarios: async (mesh) => {
      const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
      return [...timeouts(mesh, address), circuitBreaker(mesh)];
    },
    mutants: [ejectionIsBounded()],
  };
}

function hasten(object: Manifest): Manifest {
  const tenth = (text: string) => text.replace(/"(\d+)s"/g, (_, seconds) => `"${Number(seconds) * 100}ms"`);
  return JSON.parse(tenth(JSON.stringify(object)));
}

function timeouts(mesh: Mesh, address: string): Scenario[] {
  const slowly = ({ measure, ...scenario }: Scenario): Scenario => ({
    ...scenario,
    measure: async () => {
      const pods = await mesh.pods('default', { app: 'book-store' });
      const behave = (behaviour: Behaviour) => Promise.all(pods.map((pod) => pod.call('behave', behaviour)));
      await behave({ delayMilliseconds: 2500 });
      return measure().finally(() => behave({}));
    },
  });
  const books = '/api/v1/books/7';
  return [
    answersAfter('slow books are cut inside the mesh', 1.5, '504', mesh.inside, { url: `${inside}${books}` }),
    answersAfter('slow books are cut at the gateway', 1.5, '504', mesh.outside, { url: `${published}${books}`, address }),
    answersAfter('others are not', 2.5, '200', mesh.outside, { url: `${published}/api/v1/authors`, address }),
  ].map(slowly);
}

function circuitBreaker(mesh: Mesh): Scenario {
  return {
    name: circuitOpens,
    expected: '10 × 500, then 503 no healthy upstream, healed after 3 s',
    measure: async () => {
      const [pod] = await mesh.pods('default', { app: 'book-store', version: 'v1' });
      // Errors in a row are meant: an answer ends the row that a request without one, cut by its timeout, has begun.
      await failuresAmong(mesh.inside, 20);
      await pod.call('behave', { status: 500 });
      const failures = await failuresAmong(mesh.inside, 100);
      await pod.call('behave', {});
      const started = performance.now();
      await eventually('healed', 10, async () => (await failuresAmong(mesh.inside, 20)).length === 0);
      const seconds = (performance.now() - started) / 1000;

      const opened = failures.lastIndexOf('500') + 1;
      const text = `${opened} × 500, then ${[...new Set(failures.slice(opened))].join(', ')}, healed after ${seconds.toFixed(1)} s`;
      return { text, holds: text.startsWith('10 × 500, then 503 no healthy upstream,') && seconds > 2 && seconds < 5 };
    },
  };
}

async function failuresAmong(client: PodProcess, requests: number): Promise<string[]> {
  const failures: string[] = [];
  for (let count = 0; count < requests; count += 1) {
    const { status, body, received } = await client.call('http', { url: inside });
    if (status !== 200) failures.push(received ? `${status}` : `${status} ${body}`);
  }
  return failures;
}

function postgresInsists(): Mutant {
  return {
    name: 'Postgres insists on mutual TLS',
    noticedBy: plainPostgres,
    change: (objects) => {
      pick(objects, 'PeerAuthentication', 'postgres-service').spec.mtls.mode = 'STRICT';
    },
  };
}

/** Ten percent of a single pod are none. */
function ejectionIsBounded(): Mutant {
  return {
    name: 'at most 10 % of the pods are ejected',
    noticedBy: circuitOpens,
    change: (objects) => {
      pick(objects, 'DestinationRule', 'book-store').spec.trafficPolicy.outlierDetection.maxEjectionPercent = 10;
    },
  };
}
