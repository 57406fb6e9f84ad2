import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  LifecycleHandler,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  Metrics,
  MtlsMode,
  PathMatch,
  PeerAuthentication,
  Probe,
  Rewrite,
} from 'cdk8s-istio';

const CONFIG_FILE = '/home/ballerina/conf/Config.toml';

/** OTUS homework 4: two versions of one image, told apart by their configuration, share the traffic evenly. */
export function otus(app: MeshApp): void {
  const chart = new Chart(app, 'otus', { namespace: 'otus' });
  new MeshNamespace(chart, 'namespace');
  new PeerAuthentication(chart, 'mtls', { mode: MtlsMode.DISABLE });

  const hw4 = new CanaryApp(chart, 'hw4', {
    image: 'kkeker/hw4-whoiam:v1.2-x86_64',
    ports: [AppPort.http(8000)],
    metrics: Metrics.serviceMonitor(AppPort.http(9797, { name: 'prometheus' }), { labels: { release: 'prometheus-stack' } }),
    env: { BALCONFIGFILE: CONFIG_FILE },
    replicas: 1,
    rollingUpdate: { maxSurge: 1, maxUnavailable: 1 },
    liveness: Probe.tcp(8000, { initialDelay: Duration.seconds(10), period: Duration.seconds(5) }),
    readiness: Probe.tcp(8000, { initialDelay: Duration.seconds(3), period: Duration.seconds(1) }),
    lifecycle: { preStop: LifecycleHandler.exec(['sleep', '15']) },
    versions: {
      v1: { files: { [CONFIG_FILE]: config('v1') } },
      v2: { files: { [CONFIG_FILE]: config('v2') } },
    },
    split: { v1: 50, v2: 50 },
  });

  const gateway = new MeshGateway(chart, 'gateway');
  gateway.expose(hw4, {
    host: 'arch.homework',
    paths: [PathMatch.template('/otusapp/{*}/whoiam')],
    rewrite: Rewrite.path('/whoiam'),
  });
}

function config(version: string): string {
  return `[hw4_service_mesh]
ver="${version}"

[ballerina.observe]
metricsEnabled=true
tracingEnabled=true
`;
}
