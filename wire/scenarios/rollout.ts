import type { Fields, Manifest } from '../cluster/api';
import type { Flagger, Measurement } from '../cluster/flagger';
import { isKind, type Mesh } from '../cluster/mesh';
import { fromDist } from '../manifests';
import { type Caller, underLoad } from './load';
import type { Judgement, Scenario } from './scenario';
import { describeWeights, judgeSplit, sampleSize } from './split';

const namespace = '/namespaces/microservices-demo';
const canaryPath = `/apis/flagger.app/v1beta1${namespace}/canaries/frontend`;
const routePath = `/apis/networking.istio.io/v1${namespace}/virtualservices/frontend`;
const deploymentPath = `/apis/apps/v1${namespace}/deployments/frontend`;
const primaryPath = `${deploymentPath}-primary`;

/** All that Flagger makes of the Canary and its Deployment, and nobody else may touch. */
const ownedPaths = [
  routePath,
  deploymentPath,
  primaryPath,
  ...['primary', 'canary'].map((role) => `/apis/networking.istio.io/v1${namespace}/destinationrules/frontend-${role}`),
  ...['', '-primary', '-canary'].map((suffix) => `/api/v1${namespace}/services/frontend${suffix}`),
];

const successRate = /istio_requests_total\{.*namespace="microservices-demo".*workload=~"frontend"/;
const latency = /istio_request_duration_milliseconds_bucket\{.*namespace="microservices-demo".*workload=~"frontend"/;
const good = metrics({ successPercent: 99.5, latencyMilliseconds: 120 });

function metrics(values: { successPercent: number; latencyMilliseconds: number }): Measurement[] {
  return [
    { query: successRate, value: values.successPercent },
    { query: latency, value: values.latencyMilliseconds },
  ];
}

/** Lets Flagger take the frontend into use. */
export async function startRollouts(mesh: Mesh, objects: Manifest[]): Promise<Rollouts> {
  const [{ spec }] = fromDist('microservices-demo-flagger').filter(isKind('HelmRelease'));
  // By one name its values know Prometheus, by the other the MetricTemplate.
  const flagger = await mesh.startFlagger(spec.values, ['prometheus', 'prometheus.istio-system']);
  const gateway = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const rollouts = new Rollouts(mesh, flagger, objects, {
    client: mesh.outside,
    request: { url: 'http://shop/', address: gateway },
  });
  await rollouts.reach('Initialized');
  return rollouts;
}

/** The rollouts of the frontend by Flagger, whose checks follow each other at once instead of after half a minute. */
class Rollouts {
  constructor(
    private readonly mesh: Mesh,
    private readonly flagger: Flagger,
    private readonly objects: Manifest[],
    private readonly customer: Caller,
  ) {}

  scenarios(): Scenario[] {
    return [
      this.shares('Flagger has taken the frontend over', 0),
      {
        name: 'Prometheus finds both versions',
        expected: 'port http of frontend-canary, port http of frontend-primary',
        measure: () => this.monitored(),
      },
      {
        name: 'a new image is noticed',
        expected: 'Progressing, v0.0.1 in use',
        measure: async () => {
          this.flagger.measure(good);
          await this.merge('v0.0.2');
          await this.reach('Progressing');
          return this.state();
        },
      },
      ...[5, 10, 15].map((percent) => this.step(percent)),
      {
        name: 'dist/ is applied again on the way',
        expected: 'nothing of Flagger has changed',
        measure: async () => {
          const before = await this.owned();
          await this.merge('v0.0.2');
          const after = await this.owned();
          const changed = ownedPaths.filter((path) => before.get(path) !== after.get(path));
          return changed.length > 0 ? `changed: ${changed.join(', ')}` : 'nothing of Flagger has changed';
        },
      },
      ...[20, 25, 30].map((percent) => this.step(percent)),
      {
        name: 'it is promoted',
        expected: 'no request fails',
        measure: () => underLoad([this.customer], () => this.reach('Succeeded')),
      },
      { name: 'after the promotion', expected: 'Succeeded, v0.0.2 in use', measure: () => this.state() },
      this.shares('all requests meet the version in use', 0),
      this.shares('a faulty image gets its first share', 5, async () => {
        await this.merge('v0.0.3');
        await this.reach('Progressing');
        await this.reachWeight(5);
      }),
      {
        name: 'errors and slowness take it back',
        expected: 'Failed, v0.0.2 in use',
        measure: async () => {
          this.flagger.measure(metrics({ successPercent: 98.9, latencyMilliseconds: 120 }));
          await this.reachFailedChecks(2);
          this.flagger.measure(metrics({ successPercent: 99.5, latencyMilliseconds: 501 }));
          await this.reach('Failed');
          return this.state();
        },
      },
      this.shares('all requests meet the version in use again', 0),
      {
        name: 'the image of dist/ is rolled out in turn',
        expected: 'Succeeded, v0.0.1 in use',
        measure: async () => {
          this.flagger.measure(good);
          await this.merge('v0.0.1');
          await this.reach('Progressing');
          await this.reach('Succeeded');
          return this.state();
        },
      },
    ];
  }

  private step(percent: number): Scenario {
    return this.shares(`${percent} % meet the next version`, percent, () => this.reachWeight(percent));
  }

  private shares(name: string, percent: number, act = async () => {}): Scenario {
    const weights = { primary: 100 - percent, canary: percent };
    return {
      name,
      expected: describeWeights(weights),
      measure: async (): Promise<Judgement> => {
        await act();
        await this.mesh.settled([await this.mesh.api.get(routePath)]);
        const { client, request } = this.customer;
        const tallies = await client.call('repeatHttp', { ...request, times: sampleSize(weights), concurrency: 16 });
        const role = (pod: string) => (pod.startsWith('frontend-primary-') ? 'primary' : 'canary');
        return judgeSplit(
          tallies.map((tally) => ({ ...tally, version: tally.pod && role(tally.pod) })),
          weights,
        );
      },
    };
  }

  /** What follows from the merge of a new tag: dist/ is applied with it. */
  private async merge(tag: string): Promise<void> {
    const objects = structuredClone(this.objects);
    const [frontend] = objects.filter(isKind('Deployment')).filter(({ metadata }) => metadata.name === 'frontend');
    const [container] = frontend.spec.template.spec.containers;
    container.image = container.image.replace(/:.*/, `:${tag}`);
    await this.mesh.apply(objects);
  }

  /** What the ServiceMonitor selects among the Services that Flagger makes. */
  private async monitored(): Promise<string> {
    const [{ spec }] = this.objects.filter(isKind('ServiceMonitor'));
    const [{ key, values }] = spec.selector.matchExpressions;
    const selector = encodeURIComponent(`${key} in (${values})`);
    const { items } = await this.mesh.api.get(`/api/v1${namespace}/services?labelSelector=${selector}`);
    const named = (port: Fields) => port.name === spec.endpoints[0].port;
    return items
      .filter((service: Manifest) => service.spec.ports.some(named))
      .map((service: Manifest) => `port ${spec.endpoints[0].port} of ${service.metadata.name}`)
      .join(', ');
  }

  private async state(): Promise<string> {
    const { status } = await this.mesh.api.get(canaryPath);
    const { spec } = await this.mesh.api.get(primaryPath);
    return `${status.phase}, ${spec.template.spec.containers[0].image.replace(/.*:/, '')} in use`;
  }

  reach(phase: string): Promise<void> {
    return this.flagger.checkUntil(`the rollout is ${phase}`, async () => (await this.status()).phase === phase);
  }

  private reachFailedChecks(count: number): Promise<void> {
    return this.flagger.checkUntil(`${count} checks failed`, async () => (await this.status()).failedChecks === count);
  }

  private reachWeight(percent: number): Promise<void> {
    return this.flagger.checkUntil(`the next version has ${percent} %`, async () => {
      const { spec } = await this.mesh.api.get(routePath);
      return spec.http[0].route[1].weight === percent;
    });
  }

  private async status(): Promise<Fields> {
    return (await this.mesh.api.get(canaryPath)).status ?? {};
  }

  private async owned(): Promise<Map<string, string>> {
    const specs = ownedPaths.map(
      async (path): Promise<[string, string]> => [path, JSON.stringify((await this.mesh.api.get(path)).spec)],
    );
    return new Map(await Promise.all(specs));
  }
}
