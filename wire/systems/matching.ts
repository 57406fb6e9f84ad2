import { Chart } from 'cdk8s';
import { AppPort, CanaryApp, Injection, type MeshApp, MeshGateway, MeshNamespace, type RequestMatch } from 'cdk8s-istio';

export const finderHost = 'finder.matching.svc.cluster.local';
export const finderPorts = [8080, 8081];
export const finderDomain = 'finder.example.com';

/** What fulfils one of the conditions meets v2, all else v1: inside the mesh, and at a gateway for every host of a domain. */
export function matching(app: MeshApp, conditions: RequestMatch[]): void {
  const chart = new Chart(app, 'matching', { namespace: 'matching' });
  new MeshNamespace(chart, 'namespace', { injection: Injection.disabled() });
  const finder = new CanaryApp(chart, 'finder', {
    image: 'example.com/finder',
    ports: finderPorts.map((port) => AppPort.http(port, { name: `port-${port}` })),
    replicas: 1,
    versions: { v1: {}, v2: {} },
    split: { v1: 100, v2: 0 },
    rules: conditions.map((when) => ({ when, to: 'v2' })),
  });
  new MeshGateway(chart, 'gateway').expose(finder, { host: `*.${finderDomain}` });
}
