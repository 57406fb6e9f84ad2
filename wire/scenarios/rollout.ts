import type { Fields, Manifest } from '../cluster/api';
import type { Flagger } from '../cluster/flagger';
import { isKind, type Mesh } from '../cluster/mesh';
import { eventually } from '../cluster/program';
import { fromDist } from '../manifests';
import type { Caller } from './load';
import type { Judgement } from './scenario';
import { measureShares } from './split';

/** What Prometheus would say of the next version. */
export interface Metrics {
  readonly successPercent: number;
  readonly latencyMilliseconds: number;
}

export const goodMetrics: Metrics = { successPercent: 99.5, latencyMilliseconds: 120 };

/** One app in the hands of Flagger, whose checks follow each other at once instead of at their interval. */
export class Rollout {
  private readonly canaryPath: string;
  private readonly routePath: string;
  private readonly deploymentPath: string;
  private readonly primaryPath: string;

  /** Lets Flagger take the app into use. */
  static async start(mesh: Mesh, namespace: string, app: string): Promise<Rollout> {
    const [{ spec }] = fromDist('microservices-demo-flagger').filter(isKind('HelmRelease'));
    // By one name its values know Prometheus, by the other the MetricTemplates.
    const flagger = await mesh.startFlagger(spec.values, ['prometheus', 'prometheus.istio-system']);
    const rollout = new Rollout(mesh, flagger, namespace, app);
    await rollout.reach('Initialized');
    // What it took over waits for the next version without pods.
    await eventually(`no pod of ${app} itself is left`, 60, async () => {
      const pods = await mesh.api.get(`/api/v1/namespaces/${namespace}/pods?labelSelector=app%3D${app}`);
      return pods.items.length === 0;
    });
    return rollout;
  }

  private constructor(
    private readonly mesh: Mesh,
    private readonly flagger: Flagger,
    private readonly namespace: string,
    private readonly app: string,
  ) {
    this.canaryPath = `/apis/flagger.app/v1beta1/namespaces/${namespace}/canaries/${app}`;
    this.routePath = `/apis/networking.istio.io/v1/namespaces/${namespace}/virtualservices/${app}`;
    this.deploymentPath = `/apis/apps/v1/namespaces/${namespace}/deployments/${app}`;
    this.primaryPath = `${this.deploymentPath}-primary`;
  }

  /** From now on the metrics of the next version are these. */
  setMetrics({ successPercent, latencyMilliseconds }: Metrics): void {
    const about = `\\{.*namespace="${this.namespace}".*workload=~"${this.app}"`;
    this.flagger.measure([
      { query: new RegExp(`istio_requests_total${about}`), value: successPercent },
      { query: new RegExp(`istio_request_duration_milliseconds_bucket${about}`), value: latencyMilliseconds },
    ]);
  }

  reach(phase: string): Promise<void> {
    return this.flagger.checkUntil(`the rollout is ${phase}`, async () => (await this.status()).phase === phase);
  }

  reachFailedChecks(count: number): Promise<void> {
    return this.flagger.checkUntil(`${count} checks failed`, async () => (await this.status()).failedChecks === count);
  }

  async reachWeight(percent: number): Promise<void> {
    await this.flagger.checkUntil(`the next version has ${percent} %`, async () => {
      const { spec } = await this.mesh.api.get(this.routePath);
      return spec.http[0].route[1].weight === percent;
    });
  }

  /** How far it is, and the tag of the image in use. */
  async state(): Promise<string> {
    const { spec } = await this.mesh.api.get(this.primaryPath);
    const { image } = spec.template.spec.containers[0];
    return `${(await this.status()).phase}, ${image.replace(/.*:/, '')} in use`;
  }

  /** Whether the next version gets so many percent of somebody's requests, once the proxies know. */
  async judgeShare({ client, request }: Caller, percent: number): Promise<Judgement> {
    await this.mesh.settled([await this.mesh.api.get(this.routePath)]);
    const weights = { primary: 100 - percent, canary: percent };
    const role = (pod: string) => (pod.startsWith(`${this.app}-primary-`) ? 'primary' : 'canary');
    return measureShares(async (times) => {
      const tallies = await client.call('repeatHttp', { ...request, times, concurrency: 16 });
      return tallies.map((tally) => ({ ...tally, version: tally.pod && role(tally.pod) }));
    }, weights);
  }

  /** Acts, and says what it has changed of that which Flagger makes of the Canary and its Deployment. */
  async changesOfOwned(act: () => Promise<void>): Promise<string> {
    const before = await this.owned();
    await act();
    const after = await this.owned();
    const changed = [...before.keys()].filter((path) => before.get(path) !== after.get(path));
    return changed.length > 0 ? `changed: ${changed.join(', ')}` : 'nothing of Flagger has changed';
  }

  /** What the ServiceMonitor among these objects selects of the Services that Flagger makes. */
  async monitored(objects: Manifest[]): Promise<string> {
    const [{ spec }] = objects.filter(isKind('ServiceMonitor'));
    const [{ key, values }] = spec.selector.matchExpressions;
    const [{ port }] = spec.endpoints;
    const selector = encodeURIComponent(`${key} in (${values})`);
    const { items } = await this.mesh.api.get(`/api/v1/namespaces/${this.namespace}/services?labelSelector=${selector}`);
    return items
      .filter((service: Manifest) => service.spec.ports.some(({ name }: Fields) => name === port))
      .map((service: Manifest) => `port ${port} of ${service.metadata.name}`)
      .join(', ');
  }

  private async owned(): Promise<Map<string, string>> {
    const rule = this.routePath.replace('virtualservices', 'destinationrules');
    const service = `/api/v1/namespaces/${this.namespace}/services/${this.app}`;
    const paths = [
      this.routePath,
      this.deploymentPath,
      this.primaryPath,
      `${rule}-primary`,
      `${rule}-canary`,
      service,
      `${service}-primary`,
      `${service}-canary`,
    ];
    const specs = paths.map(async (path) => [path, JSON.stringify((await this.mesh.api.get(path)).spec)] as const);
    return new Map(await Promise.all(specs));
  }

  private async status(): Promise<Fields> {
    return (await this.mesh.api.get(this.canaryPath)).status ?? {};
  }
}
