import { Chart } from 'cdk8s';
import {
  Access,
  Alternatives,
  AppPort,
  CanaryApp,
  type CanaryAppProps,
  ClientDeployment,
  ClientPod,
  Cookie,
  HeaderMatch,
  LoadBalancer,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  MeshService,
  Metrics,
  PathMatch,
  PortProtocol,
  ResilienceRules,
  Rewrite,
  Rollout,
} from 'cdk8s-istio';

const NAMESPACE = 'staging';
const COMMON = {
  ports: [AppPort.http(80)],
  metrics: Metrics.serviceMonitor(AppPort.http(8000, { name: 'metrics' })),
};

/**
 * A front over two services and a database. beth shows three ways to try a version, of which one folder at a time is applied,
 * and aleph goes from one version to the next, a folder for each step.
 */
export function workshop(app: MeshApp): void {
  const chart = new Chart(app, 'workshop', { namespace: NAMESPACE });
  new MeshNamespace(chart, 'namespace');
  new CanaryApp(chart, 'mongo', { image: 'mongo:7', ports: [AppPort.of(PortProtocol.MONGO, 27017)], versions: { v7: {} } });
  addEntrance(chart);
  addClients(chart);

  const variants = new Alternatives(app, 'workshop-beth');
  addBeth(variants, 'dark-launch', { split: { v01: 100 }, rules: [{ when: Cookie.equals('user', 'developer'), to: 'v03' }] });
  addBeth(variants, 'mirror', { split: { v01: 100 }, mirrors: [{ to: 'v03' }] });
  addBeth(variants, 'canary', { split: { v01: 99, v03: 1 } });

  rollOutAleph(app);
}

function addEntrance(chart: Chart): void {
  const gateway = new MeshGateway(chart, 'gateway');
  const front = new CanaryApp(chart, 'front', {
    ...COMMON,
    image: 'localhost:32000/front:0.1',
    versions: { v01: {} },
    rules: [
      {
        when: PathMatch.prefix('/wpcatalog').or(PathMatch.prefix('/consumercatalog')),
        to: 'v01',
        rewrite: Rewrite.prefix('/newcatalog'),
      },
    ],
  });
  gateway.expose(front, { host: 'front.local' });

  const inProd = { namespace: 'prod', ports: [AppPort.http(80)] };
  const promotions = MeshService.fromName(chart, 'promotions', inProd);
  const mobile = MeshService.fromName(chart, 'promotions-mobile', inProd);
  const published = { host: 'promotions.local', access: Access.public() };
  const fromMobile = HeaderMatch.contains('User-Agent', 'Mobile').and(PathMatch.prefix('/promotions/mobile'));
  gateway.expose(mobile, { ...published, when: fromMobile });
  gateway.expose(promotions, published);
}

function addClients(chart: Chart): void {
  const image = 'otomato/alpine-curl';
  new ClientPod(chart, 'curl', { image, command: ['sleep', '100000'] });
  new ClientDeployment(chart, 'loader', {
    image,
    command: ['sh', '-c', 'while true; do curl --silent http://front; sleep 1; done'],
  });
}

function addBeth(scope: Alternatives, variant: string, routing: Pick<CanaryAppProps, 'split' | 'rules' | 'mirrors'>): void {
  const chart = new Chart(scope, variant, { namespace: NAMESPACE });
  const beth = new CanaryApp(chart, 'beth', {
    ...COMMON,
    versions: { v01: { image: 'localhost:32000/beth:0.1' }, v03: { image: 'localhost:32000/beth:0.3' } },
    ...routing,
  });
  new ResilienceRules(chart, 'load-balancing', {
    app: beth,
    loadBalancer: LoadBalancer.leastRequest(),
    versions: { v03: { loadBalancer: LoadBalancer.roundRobin() } },
  });
}

function rollOutAleph(app: MeshApp): void {
  const rollout = new Rollout(app, 'workshop-aleph', {
    namespace: NAMESPACE,
    steps: [
      { production: 80, canary: 20 },
      { production: 60, canary: 40 },
      { production: 40, canary: 60 },
      { production: 20, canary: 80 },
      { production: 0, canary: 100 },
    ],
  });
  for (const { chart, split } of rollout.steps) {
    new CanaryApp(chart, 'aleph', {
      ...COMMON,
      versions: {
        production: { versionLabel: 'v01', image: 'localhost:32000/aleph:0.1' },
        canary: { versionLabel: 'v02', image: 'localhost:32000/aleph:0.2' },
      },
      split,
    });
  }
}
