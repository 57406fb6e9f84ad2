import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  ClientTls,
  GrpcStatus,
  H2UpgradePolicy,
  HashAlgorithm,
  HashKey,
  Injection,
  LoadBalancer,
  type MeshApp,
  MeshNamespace,
  MeshService,
  PathMatch,
  type PortTrafficPolicy,
  ResilienceRules,
  type ResilienceRulesProps,
  RetryOn,
  type RetryPolicy,
} from 'cdk8s-istio';

/** The namespace of Services that somebody else owns. */
export const elsewhere = 'elsewhere';
export const hostOf = (app: string, namespace = 'resilience'): string => `${app}.${namespace}.svc.cluster.local`;
export const httpPort = 8080;
export const grpcPort = 9090;
export const timeout = Duration.millis(500);
export const backoff = Duration.seconds(1);
/** The paths whose retries go to another pod, to any pod, and to another locality too. */
export const retryPaths = { anotherPod: '/another-pod', anyPod: '/any-pod', anotherLocality: '/another-locality' };
export const shares = { v1: 90, v2: 10 };

const seconds = Duration.seconds;
const millis = Duration.millis;

/** What holds for the requests of one path of `api`; for all others nothing is said. */
const byPath: Record<string, Omit<ResilienceRulesProps, 'app'>> = {
  '/timeout': { timeout },
  '/retries/none': { retries: { attempts: 0 } },
  '/retries/gateway-error': { retries: { attempts: 3, retryOn: [RetryOn.GATEWAY_ERROR] } },
  '/retries/server-error': { retries: { attempts: 3, retryOn: [RetryOn.SERVER_ERROR] } },
  '/retries/reset': { retries: { attempts: 3, retryOn: [RetryOn.RESET] } },
  '/retries/conflict': { retries: { attempts: 3, retryOn: [RetryOn.RETRIABLE_4XX] } },
  '/retries/status': { retries: { attempts: 3, retryOnStatus: [429, 500] } },
  '/retries/per-try': {
    timeout: seconds(5),
    retries: { attempts: 2, perTryTimeout: timeout, retryOn: [RetryOn.SERVER_ERROR] },
  },
  '/retries/backoff': { retries: { attempts: 1, retryOn: [RetryOn.SERVER_ERROR], backoff } },
  '/fault/delay': { fault: { delay: { fixedDelay: timeout } } },
  '/fault/abort': { fault: { abort: { httpStatus: 418 } } },
  '/fault/some': { fault: { abort: { httpStatus: 418, percent: 10 } } },
  '/fault/both': { fault: { delay: { fixedDelay: timeout }, abort: { httpStatus: 418 } } },
  '/shop.Cart/Faulty': { fault: { abort: { grpcStatus: GrpcStatus.RESOURCE_EXHAUSTED } } },
  '/shop.Cart/Internal': { retries: { attempts: 3, retryOn: [RetryOn.INTERNAL] } },
};

const detection = { interval: millis(250), baseEjectionTime: seconds(1), maxEjectionPercent: 50 };

/** The name of a port, and what is particular to it. */
const loadBalancers: Record<string, PortTrafficPolicy> = {
  'round-robin': { loadBalancer: LoadBalancer.roundRobin() },
  random: { loadBalancer: LoadBalancer.random() },
  'least-request': { loadBalancer: LoadBalancer.leastRequest() },
  passthrough: { loadBalancer: LoadBalancer.passthrough(), clientTls: ClientTls.disable() },
  'hash-header': { loadBalancer: LoadBalancer.consistentHash(HashKey.header('x-user')) },
  'hash-cookie': { loadBalancer: LoadBalancer.consistentHash(HashKey.cookie('user', { ttl: Duration.hours(1) })) },
  'hash-query': {
    loadBalancer: LoadBalancer.consistentHash(HashKey.queryParameter('user'), { algorithm: HashAlgorithm.maglev(251) }),
  },
  'hash-ip': { loadBalancer: LoadBalancer.consistentHash(HashKey.sourceIp(), { algorithm: HashAlgorithm.ringHash(64) }) },
};

const pools: Record<string, PortTrafficPolicy> = {
  unlimited: { connectionPool: { tcp: { connectTimeout: seconds(1) } } },
  connections: { connectionPool: { tcp: { maxConnections: 1 }, http: { http1MaxPendingRequests: 2 } } },
  requests: { connectionPool: { http: { http2MaxRequests: 4 } } },
  'per-connection': { connectionPool: { http: { maxRequestsPerConnection: 2 } } },
  idle: { connectionPool: { http: { idleTimeout: millis(200) } } },
  duration: { connectionPool: { tcp: { maxConnectionDuration: millis(200) } } },
  http2: { connectionPool: { http: { h2UpgradePolicy: H2UpgradePolicy.UPGRADE } } },
};

const detections: Record<string, PortTrafficPolicy> = {
  '5xx': { outlierDetection: { ...detection, consecutive5xxErrors: 3 } },
  gateway: { outlierDetection: { ...detection, consecutive5xxErrors: 0, consecutiveGatewayErrors: 3 } },
};

/** One port after another from 8001 on, by name. */
const portsFrom = (policies: Record<string, PortTrafficPolicy>): Record<string, number> =>
  Object.fromEntries(Object.keys(policies).map((name, index) => [name, 8001 + index]));

export const balancedPorts = portsFrom(loadBalancers);
export const pooledPorts = portsFrom(pools);
export const detectedPorts = portsFrom(detections);

/** How callers are protected. The apps have no proxies: all of it happens in the proxy of the caller. */
export function resilience(app: MeshApp): void {
  const chart = new Chart(app, 'resilience', { namespace: 'resilience' });
  new MeshNamespace(chart, 'namespace', { injection: Injection.disabled() });

  const api = new CanaryApp(chart, 'api', {
    image: 'example.com/api',
    ports: [AppPort.http(httpPort), AppPort.grpc(grpcPort)],
    replicas: 1,
    versions: { v1: {} },
  });
  for (const [path, rules] of Object.entries(byPath)) {
    new ResilienceRules(chart, `api${path}`.replaceAll('/', '-'), { app: api, when: PathMatch.exact(path), ...rules });
  }

  const byPort = (id: string, replicas: number, policies: Record<string, PortTrafficPolicy>) => {
    const ports = portsFrom(policies);
    const app = new CanaryApp(chart, id, {
      image: `example.com/${id}`,
      ports: Object.entries(ports).map(([name, port]) => AppPort.http(port, { name })),
      replicas,
      versions: { v1: {} },
    });
    const byNumber = Object.entries(policies).map(([name, policy]) => [String(ports[name]), policy]);
    new ResilienceRules(chart, `${id}-rules`, { app, ports: Object.fromEntries(byNumber) });
    return app;
  };
  const balanced = byPort('balanced', 3, loadBalancers);
  byPort('pooled', 1, pools);
  byPort('detected', 2, detections);

  const retriesAt = (app: MeshService, path: string, options: Partial<RetryPolicy>) => {
    const retries = { attempts: 1, retryOn: [RetryOn.GATEWAY_ERROR], ...options };
    new ResilienceRules(chart, `retries${path}`.replace('/', '-'), { app, when: PathMatch.exact(path), retries });
  };
  retriesAt(balanced, retryPaths.anotherPod, { retryIgnorePreviousHosts: true });
  retriesAt(balanced, retryPaths.anyPod, { retryIgnorePreviousHosts: false });

  const warming = new CanaryApp(chart, 'warming', {
    image: 'example.com/warming',
    ports: [AppPort.http(httpPort)],
    replicas: 1,
    versions: { v1: {} },
  });
  const warmup = { duration: seconds(20), minimumPercent: 10 };
  new ResilienceRules(chart, 'warming-rules', { app: warming, loadBalancer: LoadBalancer.roundRobin({ warmup }) });

  const thrifty = new CanaryApp(chart, 'thrifty', {
    image: 'example.com/thrifty',
    ports: [AppPort.http(httpPort)],
    replicas: 1,
    versions: { v1: {}, v2: {} },
    split: { v1: 0, v2: 100 },
  });
  new ResilienceRules(chart, 'thrifty-rules', {
    app: thrifty,
    retries: { attempts: 3, retryOn: [RetryOn.SERVER_ERROR] },
    connectionPool: { http: { http2MaxRequests: 3 } },
    versions: { v2: { retryBudget: { percent: 1, minRetryConcurrency: 1 }, connectionPool: { http: { http2MaxRequests: 20 } } } },
  });

  const somebodyElses = { namespace: elsewhere, ports: [AppPort.http(httpPort)] };
  new ResilienceRules(chart, 'unreachable-rules', {
    app: MeshService.fromName(chart, 'unreachable', somebodyElses),
    retries: { attempts: 0 },
    connectionPool: { tcp: { connectTimeout: millis(300) } },
  });
  new ResilienceRules(chart, 'distributed-rules', {
    app: MeshService.fromName(chart, 'distributed', somebodyElses),
    loadBalancer: LoadBalancer.roundRobin({
      locality: { distribute: [{ from: '*', to: { 'europe/*': shares.v1, 'asia/*': shares.v2 } }] },
    }),
  });
  new ResilienceRules(chart, 'nearest-rules', {
    app: MeshService.fromName(chart, 'nearest', somebodyElses),
    outlierDetection: { ...detection, consecutive5xxErrors: 3, maxEjectionPercent: 100 },
    loadBalancer: LoadBalancer.roundRobin({ locality: { failoverPriority: ['zone'] } }),
  });

  const remote = MeshService.fromName(chart, 'remote', somebodyElses);
  new ResilienceRules(chart, 'remote-rules', {
    app: remote,
    retries: { attempts: 2, retryOn: [RetryOn.GATEWAY_ERROR] },
    outlierDetection: { ...detection, consecutive5xxErrors: 1000, maxEjectionPercent: 100 },
    loadBalancer: LoadBalancer.roundRobin({ locality: { failoverPriority: ['zone'] } }),
  });
  retriesAt(remote, retryPaths.anotherLocality, { attempts: 2, retryRemoteLocalities: true });
}
