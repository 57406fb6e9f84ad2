import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Chart, Duration } from 'cdk8s';
import {
  Access,
  AppPort,
  AuthorityMatch,
  CanaryApp,
  type CanaryAppProps,
  CanaryMetric,
  DeploymentRef,
  ErrorCode,
  FlaggerCanary,
  HeaderMatch,
  Listener,
  MeshError,
  MeshGateway,
  MeshService,
  MethodMatch,
  PathMatch,
  QueryMatch,
  Redirect,
  ResilienceRules,
  Rewrite,
} from 'cdk8s-istio';
import { chart, meshApp, refusal } from './support/synth';

const lib = join(__dirname, '../lib');

const app = (props: Partial<CanaryAppProps> = {}, scope = chart()) =>
  new CanaryApp(scope, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} }, ...props });
const rules = (...all: object[]) => {
  const cart = app({ replicas: 1 });
  all.forEach((one, index) => {
    new ResilienceRules(Chart.of(cart), `rules-${index}`, { app: cart, ...one });
  });
};
const exposed = (...apps: string[]) => {
  const scope = chart();
  const gateway = new MeshGateway(scope, 'gateway');
  for (const id of apps) {
    const service = MeshService.fromName(scope, id, { ports: [AppPort.http(80)] });
    gateway.expose(service, { host: 'shop.example.com', access: Access.public() });
  }
};
const rule = (said: object) => app({ rules: [{ when: PathMatch.prefix('/a'), ...said }] });

/** What provokes each code: the shortest mistake. */
const MISTAKES: { [code: string]: () => unknown } = {
  INVALID_NAME: () => app({ name: 'Cart' }),
  MISSING_NAMESPACE: () => app({}, new Chart(meshApp(), 'system')),
  INVALID_HOST: () => AuthorityMatch.exact('*'),
  BYPASSED_SPLIT: () => {
    const scope = chart();
    const service = MeshService.fromName(scope, 'cart-service', { name: 'cart', ports: [AppPort.http(80)] });
    app({ ports: undefined, service }, scope);
    new MeshGateway(scope, 'gateway').expose(service, { host: 'shop.example.com', access: Access.public() });
  },
  INVALID_PATH: () => PathMatch.exact('a'),
  INVALID_HEADER: () => HeaderMatch.present(''),
  INVALID_QUERY: () => QueryMatch.present(''),
  INVALID_REGEX: () => PathMatch.regex('('),
  OUT_OF_RANGE: () => AppPort.http(0),
  UNSUPPORTED_BY_ROLLOUT: () => {
    const cart = app();
    const interval = Duration.seconds(30);
    const metrics = [CanaryMetric.successRate(99, { interval })];
    const analysis = { interval, threshold: 5, maxWeight: 30, stepWeight: 5, metrics };
    new FlaggerCanary(Chart.of(cart), 'canary', { app: cart, analysis });
    return cart.virtualService;
  },
  UNSUPPORTED_MATCH: () => PathMatch.regex('/a.*').and(PathMatch.regex('/.*b')),
  IMPOSSIBLE_MATCH: () => MethodMatch.oneOf(),
  UNSUPPORTED_REWRITE: () => app({ rewrite: Rewrite.prefix('/') }),
  REDIRECT_LOOP: () => rule({ redirect: Redirect.path('/a') }),
  UNREACHABLE_ROUTE: () => app({ rules: [1, 2].map(() => ({ when: PathMatch.prefix('/a'), to: 'v1' })) }),
  UNKNOWN_VERSION: () => app({ split: { v2: 100 } }),
  NO_VERSIONS: () => app({ versions: {} }),
  INVALID_SPLIT: () => app({ split: { v1: 99 } }),
  INVALID_RULE: () => rule({}),
  DUPLICATE_PORT: () => app({ ports: [AppPort.http(80), AppPort.tcp(80)] }),
  UNKNOWN_PORT: () => rules({ ports: { '81': {} } }),
  NO_PORTS: () => app({ ports: [] }),
  HOST_TAKEN: () => exposed('a', 'b'),
  INVALID_WORKLOAD: () => app({ image: '' }),
  INVALID_LISTENER: () => Listener.https({ credential: '' }),
  CONFLICTING_RULES: () => rules({ timeout: Duration.seconds(1) }, { timeout: Duration.seconds(1) }),
  RETRIES_EXCEED_TIMEOUT: () =>
    rules({ timeout: Duration.seconds(1), retries: { attempts: 1, perTryTimeout: Duration.seconds(1) } }),
  FAULT_WITH_TIMEOUT: () => rules({ timeout: Duration.seconds(1), fault: { abort: { httpStatus: 500 } } }),
  NEVER_EJECTS: () => rules({ outlierDetection: {} }),
  INVALID_RESILIENCE: () => rules({ connectionPool: {} }),
  MISSING_IDENTITY: () =>
    app({ image: undefined, versions: { v1: { deployment: DeploymentRef.fromName('cart') } } }).serviceAccountName,
  MISSING_ACCESS: () => {
    const scope = chart();
    new MeshGateway(scope, 'gateway').expose(MeshService.fromName(scope, 'a', { ports: [AppPort.http(80)] }), { host: 'a' });
  },
};

/** The codes that the constructs and value objects themselves may throw. */
function codesInUse(): string[] {
  const folders = ['routing', 'resilience', 'workload'].flatMap((folder) =>
    readdirSync(join(lib, folder)).map((file) => join(folder, file)),
  );
  const constructs = [
    'app-port',
    'canary-app',
    'limits',
    'listener',
    'mesh-gateway',
    'mesh-namespace',
    'mesh-service',
    'metrics',
    'peer-authentication',
    'resilience-rules',
  ];
  const texts = [...folders, ...constructs.map((name) => `${name}.ts`)].map((file) => readFileSync(join(lib, file), 'utf8'));
  const codes = texts.flatMap((text) => [...text.matchAll(/ErrorCode\.([A-Z0-9_]+)/g)].map(([, code]) => code));
  return [...new Set(codes)].sort();
}

test('every code that a construct may throw is provoked here', () => {
  expect(Object.keys(MISTAKES).sort()).toEqual(codesInUse());
});

test.each(Object.entries(MISTAKES))('%s stands at the end of the message, and on the error', (name, mistake) => {
  const code = ErrorCode[name as keyof typeof ErrorCode];
  expect(refusal(mistake)).toMatch(new RegExp(` \\(${code}\\)$`));
  expect(mistake).toThrow(expect.objectContaining({ name: 'MeshError', code }));
});

describe('an error', () => {
  test('says where, what and which, without a full stop', () => {
    const error = new MeshError(ErrorCode.NO_PORTS, 'ports is empty', new Chart(meshApp(), 'system'));
    expect(error.message).toBe('[system] ports is empty (no-ports)');
    expect(new MeshError(ErrorCode.NO_PORTS, 'ports is empty').message).toBe('ports is empty (no-ports)');
  });

  test('has a code of its own: lower case, with dashes', () => {
    const codes = Object.values(ErrorCode);
    expect(new Set(codes).size).toBe(codes.length);
    expect(Object.entries(ErrorCode).filter(([name, code]) => code !== name.toLowerCase().replaceAll('_', '-'))).toEqual([]);
  });
});
