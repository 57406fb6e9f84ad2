import type { Fields, Manifest } from '../cluster/api';
import { CertificateAuthority } from '../cluster/certificates';
import { isKind, type Mesh } from '../cluster/mesh';
import { addAddress } from '../cluster/network';
import type { PodProcess } from '../cluster/pod-process';
import type { ClientTls } from '../pod/protocol';
import type { Mutant, Scenario } from './scenario';

const namespace = 'microservices-demo';

/** The services that speak gRPC: the port of each, and one of its methods. */
const services = {
  adservice: { port: 9555, method: 'hipstershop.AdService/GetAds' },
  cartservice: { port: 7070, method: 'hipstershop.CartService/GetCart' },
  checkoutservice: { port: 5050, method: 'hipstershop.CheckoutService/PlaceOrder' },
  currencyservice: { port: 7000, method: 'hipstershop.CurrencyService/Convert' },
  emailservice: { port: 5000, method: 'hipstershop.EmailService/SendOrderConfirmation' },
  paymentservice: { port: 50051, method: 'hipstershop.PaymentService/Charge' },
  productcatalogservice: { port: 3550, method: 'hipstershop.ProductCatalogService/ListProducts' },
  recommendationservice: { port: 8080, method: 'hipstershop.RecommendationService/ListRecommendations' },
  shippingservice: { port: 50051, method: 'hipstershop.ShippingService/GetQuote' },
};

type Service = keyof typeof services;
type Callee = Service | 'frontend' | 'redis-cart';
/** Beside the apps a pod of which nothing is said, and one in another namespace. */
type Caller = Callee | 'loadgenerator' | 'stranger' | 'outsider';

const callees: readonly Callee[] = [...(Object.keys(services) as Service[]), 'frontend', 'redis-cart'];
const insiders: readonly Caller[] = [...callees, 'loadgenerator', 'stranger'];
const everybody: readonly Caller[] = [...insiders, 'outsider'];

/** Who calls whom, as the shop means it. Nobody else calls anybody; the frontend is called by the gateway alone. */
const allowed: Partial<Record<Caller, readonly Callee[]>> = {
  cartservice: ['redis-cart'],
  checkoutservice: [
    'cartservice',
    'currencyservice',
    'emailservice',
    'paymentservice',
    'productcatalogservice',
    'shippingservice',
  ],
  frontend: [
    'adservice',
    'cartservice',
    'checkoutservice',
    'currencyservice',
    'productcatalogservice',
    'recommendationservice',
    'shippingservice',
  ],
  recommendationservice: ['productcatalogservice'],
};

/** What Google offers, and one more host outside. */
const googleHosts = ['accounts.google.com', 'storage.googleapis.com', 'metadata.google.internal'];
const outsideHosts = [...googleHosts, 'example.org'];
const metadataAddress = '169.254.169.254';
const withoutGoogle: readonly Caller[] = ['cartservice', 'redis-cart', 'loadgenerator', 'stranger'];

const whoCallsWhom = 'who calls whom';
const callersAlone = 'the same by the callers alone (Sidecar)';
const foreignMethods = 'methods of another service on the same port';

const unlistedPort = 9999;
/** A way to a port of the cart that is not on the list; without a Service the call would not even have an identity. */
const serviceOfUnlistedPort: Manifest = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'unlisted', namespace },
  spec: { selector: { app: 'cartservice' }, ports: [{ name: 'grpc', port: unlistedPort }] },
};

/** One request to try, and whether it is meant to be answered. */
interface Attempt {
  readonly caller: Caller;
  readonly to: string;
  readonly meant: boolean;
  readonly send: (from: PodProcess) => Promise<string>;
}

/** Who may refuse: a policy of the caller's, or of the callee's. A closed connection does not tell. */
type Refusing = 'caller' | 'callee';
const answered = 'answered';
const refusedBy = (refusing: Refusing) => `refused by the ${refusing}`;
const closed = 'closed';

/** The closed list of calls: what it lets through, and that each of its policies refuses all the rest. */
export async function callScenarios(mesh: Mesh, objects: Manifest[]): Promise<Scenario[]> {
  await mesh.startClient('stranger', { namespace });
  await mesh.outside.call('serve', [80, 443]);
  await addAddress(mesh.outside.network, metadataAddress);
  await mesh.settle([serviceOfUnlistedPort]);
  const plainCallsOutside = outsideHosts.flatMap((host) => callsTo(host, `http://${host}/`));
  return [
    attempting(mesh, whoCallsWhom, calls(everybody), ['caller', 'callee']),
    without(mesh, objects, 'AuthorizationPolicy', attempting(mesh, callersAlone, calls(insiders), ['caller'])),
    without(
      mesh,
      objects,
      'Sidecar',
      attempting(mesh, 'the same by the callees alone (AuthorizationPolicy)', calls(everybody), ['callee']),
    ),
    attempting(mesh, foreignMethods, foreignCalls(), ['callee']),
    without(mesh, objects, 'Sidecar', {
      name: 'a port of the cart that no call names',
      expected: refusedBy('callee'),
      measure: async () => {
        const [frontend, cart] = [await processOf(mesh, 'frontend'), await processOf(mesh, 'cartservice')];
        await cart.call('serve', [unlistedPort]);
        return callGrpc(frontend, serviceOfUnlistedPort.metadata.name, unlistedPort, services.cartservice.method);
      },
    }),
    attempting(mesh, 'hosts outside', plainCallsOutside, ['caller']),
    counting('hosts outside by TLS', plainCallsOutside, () => surprisesByTls(mesh)),
    ...grpcScenarios(mesh),
    ...entranceScenarios(mesh),
  ];
}

export const callMutants: readonly Mutant[] = [
  {
    name: 'a policy names another caller',
    noticedBy: whoCallsWhom,
    change: (objects) => {
      const [rule] = specOf(objects, 'AuthorizationPolicy', 'cartservice').rules;
      rule.from[0].source.principals[0] = `cluster.local/ns/${namespace}/sa/adservice`;
    },
  },
  {
    name: 'a policy lets every method in',
    noticedBy: foreignMethods,
    change: (objects) => {
      for (const { to } of specOf(objects, 'AuthorizationPolicy', 'paymentservice').rules) delete to[0].operation.paths;
    },
  },
  {
    name: 'a proxy knows every host',
    noticedBy: callersAlone,
    change: (objects) => {
      specOf(objects, 'Sidecar', 'adservice').egress[0].hosts = ['*/*'];
    },
  },
];

function calls(callers: readonly Caller[]): Attempt[] {
  return callers.flatMap((caller) =>
    callees
      .filter((callee) => callee !== caller)
      .map((callee) => ({
        caller,
        to: callee,
        meant: allowed[caller]?.includes(callee) ?? false,
        send: (from) => call(from, callee),
      })),
  );
}

function foreignCalls(): Attempt[] {
  return calls(insiders)
    .filter(({ meant, to }) => meant && to in services)
    .map((attempt) => ({
      ...attempt,
      meant: false,
      send: (from) => callGrpc(from, attempt.to, services[attempt.to as Service].port, 'hipstershop.OtherService/Call'),
    }));
}

function callsTo(host: string, url: string, tls?: ClientTls): Attempt[] {
  return insiders.map((caller) => ({
    caller,
    to: host,
    meant: googleHosts.includes(host) && !withoutGoogle.includes(caller),
    send: (from) => callHttp(from, url, tls),
  }));
}

/** The pod outside stands for one host at a time: that whose certificate it presents. */
async function surprisesByTls(mesh: Mesh): Promise<string[]> {
  const surprises: string[] = [];
  const authority = await CertificateAuthority.create();
  for (const host of outsideHosts) {
    await mesh.outside.call('presentCertificate', await authority.issue(host));
    const attempts = callsTo(host, `https://${host}/`, { authority: authority.certificate });
    surprises.push(...(await findSurprises(mesh, attempts, ['caller'])));
  }
  return surprises;
}

function attempting(mesh: Mesh, name: string, attempts: readonly Attempt[], refusing: readonly Refusing[]): Scenario {
  return counting(name, attempts, () => findSurprises(mesh, attempts, refusing));
}

function counting(name: string, attempts: readonly Attempt[], find: () => Promise<string[]>): Scenario {
  const meant = attempts.filter((attempt) => attempt.meant).length;
  const expected = `${meant} answered, ${attempts.length - meant} refused`;
  return {
    name,
    expected,
    measure: async () => {
      const surprises = await find();
      return surprises.length > 0 ? surprises.join(', ') : expected;
    },
  };
}

/**
 * Each caller sends one request after the other, all callers at the same time. An open connection keeps to the policy it was opened
 * under until it is asked again, so only the second answer counts.
 */
async function findSurprises(mesh: Mesh, attempts: readonly Attempt[], refusing: readonly Refusing[]): Promise<string[]> {
  const refusals = [...refusing.map(refusedBy), closed];
  const surprises: string[] = [];
  const tryAll = async (caller: Caller) => {
    const process = await processOf(mesh, caller);
    for (const { to, meant, send } of attempts.filter((attempt) => attempt.caller === caller)) {
      await send(process);
      const outcome = await send(process);
      if (meant ? outcome !== answered : !refusals.includes(outcome)) surprises.push(`${caller} to ${to}: ${outcome}`);
    }
  };
  await Promise.all(everybody.map(tryAll));
  return surprises.sort();
}

async function processOf(mesh: Mesh, caller: Caller): Promise<PodProcess> {
  if (caller === 'outsider') return mesh.inside;
  // What is in use of the frontend is a copy of Flagger's.
  const [process] = await mesh.pods(namespace, { app: caller === 'frontend' ? 'frontend-primary' : caller });
  return process;
}

function call(from: PodProcess, callee: Callee): Promise<string> {
  if (callee === 'frontend') return callHttp(from, `http://${hostOf(callee)}/`);
  if (callee === 'redis-cart') return callTcp(from, callee, 6379);
  return callGrpc(from, callee, services[callee].port, services[callee].method);
}

async function callGrpc(from: PodProcess, callee: string, port: number, method: string): Promise<string> {
  const { status, details } = await from.call('grpc', { host: hostOf(callee), port, method: `/${method}` });
  if (status === 0) return answered;
  if (status === 7) return refusedBy('callee');
  return status === 14 ? refusedBy('caller') : `gRPC status ${status} ${details}`;
}

async function callHttp(from: PodProcess, url: string, tls?: ClientTls): Promise<string> {
  const { status, error } = await from.call('http', { url, tls, freshConnection: true });
  if (status === 200) return answered;
  if (status === 403) return refusedBy('callee');
  if (status === 502 || error === 'ECONNRESET') return refusedBy('caller');
  return error ?? `status ${status}`;
}

async function callTcp(from: PodProcess, callee: Callee, port: number): Promise<string> {
  const { received, error = 'ECONNRESET' } = await from.call('tcp', { host: hostOf(callee), port, text: 'PING\r\n' });
  if (received) return answered;
  return error === 'ECONNRESET' ? closed : error;
}

function hostOf(app: string): string {
  return `${app}.${namespace}.svc.cluster.local`;
}

/** Measures while there are no objects of a kind. */
function without(mesh: Mesh, objects: Manifest[], kind: string, scenario: Scenario): Scenario {
  return {
    ...scenario,
    measure: async () => {
      const removed = objects.filter(isKind(kind));
      await mesh.remove(removed);
      try {
        return await scenario.measure();
      } finally {
        await mesh.settle(removed);
      }
    },
  };
}

function grpcScenarios(mesh: Mesh): Scenario[] {
  const frontendAsks = async () => {
    const frontend = await processOf(mesh, 'frontend');
    return frontend.call('grpc', { host: hostOf('cartservice'), port: 7070, method: '/hipstershop.CartService/GetCart' });
  };
  const attemptsAt = async (status: number) => {
    const cart = await processOf(mesh, 'cartservice');
    await cart.call('behave', { status, times: 1 });
    await cart.call('takeReceived');
    const answer = await frontendAsks();
    const { length } = await cart.call('takeReceived');
    await cart.call('behave', {});
    return `status ${answer.status} after ${length === 1 ? '1 attempt' : `${length} attempts`}`;
  };
  return [
    {
      name: 'the frontend asks for the cart by gRPC',
      expected: 'grpc /hipstershop.CartService/GetCart from frontend',
      measure: async () => {
        const { received } = await frontendAsks();
        const [, caller] = /URI=[^;,]*\/sa\/([^;,]+)/.exec(received?.headers['x-forwarded-client-cert'] ?? '') ?? [];
        return `${received?.protocol} ${received?.path} from ${caller}`;
      },
    },
    { name: 'UNAVAILABLE is tried again', expected: 'status 0 after 2 attempts', measure: () => attemptsAt(14) },
    { name: 'INTERNAL is not', expected: 'status 13 after 1 attempt', measure: () => attemptsAt(13) },
  ];
}

function entranceScenarios(mesh: Mesh): Scenario[] {
  const past = async (path: string) => {
    const { address } = await processOf(mesh, 'frontend');
    const { status } = await mesh.outside.call('http', { url: `http://${address}:8080${path}` });
    return `${status}`;
  };
  return [
    {
      name: 'the load comes through the gateway',
      expected: answered,
      measure: async () => {
        const load = await processOf(mesh, 'loadgenerator');
        return callHttp(load, 'http://istio-ingressgateway.istio-system.svc.cluster.local/');
      },
    },
    {
      name: 'a gateway error is tried again, three times',
      expected: 'status 200 after 4 attempts',
      measure: async () => {
        const [frontend, load] = [await processOf(mesh, 'frontend'), await processOf(mesh, 'loadgenerator')];
        await frontend.call('takeReceived');
        await frontend.call('behave', { status: 503, times: 3 });
        const { status } = await load.call('http', { url: 'http://istio-ingressgateway.istio-system.svc.cluster.local/' });
        return `status ${status} after ${(await frontend.call('takeReceived')).length} attempts`;
      },
    },
    { name: 'past the gateway nobody enters', expected: '403', measure: () => past('/') },
    { name: 'but Prometheus reads the metrics', expected: '200', measure: () => past('/metrics') },
  ];
}

function specOf(objects: Manifest[], kind: string, name: string): Fields {
  return objects.filter(isKind(kind)).find(({ metadata }) => metadata.name === name)?.spec;
}
