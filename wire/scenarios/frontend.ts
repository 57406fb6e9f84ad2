import type { Manifest } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import { type Caller, underLoad } from './load';
import { goodMetrics, type Rollout } from './rollout';
import type { Scenario } from './scenario';
import { describeWeights } from './split';

/** The rollouts of the frontend of microservices-demo: one is promoted, one is taken back, and one ends with the image of `dist/`. */
export async function frontendScenarios(mesh: Mesh, rollout: Rollout, objects: Manifest[]): Promise<Scenario[]> {
  const gateway = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const customer: Caller = { client: mesh.outside, request: { url: 'http://shop/', address: gateway } };
  const shares = (name: string, percent: number, act = async () => {}): Scenario => ({
    name,
    expected: describeWeights({ primary: 100 - percent, canary: percent }),
    measure: async () => {
      await act();
      return rollout.judgeShare(customer, percent);
    },
  });
  const step = (percent: number) => shares(`${percent} % meet the next version`, percent, () => rollout.reachWeight(percent));
  /** What follows from the merge of a new tag: dist/ is applied with it. */
  const merge = async (tag: string) => {
    await mesh.apply(withTag(objects, tag));
  };
  return [
    shares('Flagger has taken the frontend over', 0),
    {
      name: 'Prometheus finds both versions',
      expected: 'port http of frontend-canary, port http of frontend-primary',
      measure: () => rollout.monitored(objects),
    },
    {
      name: 'a new image is noticed',
      expected: 'Progressing, v0.0.1 in use',
      measure: async () => {
        rollout.setMetrics(goodMetrics);
        await merge('v0.0.2');
        await rollout.reach('Progressing');
        return rollout.state();
      },
    },
    ...[5, 10, 15].map(step),
    {
      name: 'dist/ is applied again on the way',
      expected: 'nothing of Flagger has changed',
      measure: () => rollout.changesOfOwned(() => merge('v0.0.2')),
    },
    ...[20, 25, 30].map(step),
    {
      name: 'it is promoted',
      expected: 'no request fails',
      measure: () => underLoad([customer], () => rollout.reach('Succeeded')),
    },
    { name: 'after the promotion', expected: 'Succeeded, v0.0.2 in use', measure: () => rollout.state() },
    shares('all requests meet the version in use', 0),
    shares('a faulty image gets its first share', 5, async () => {
      await merge('v0.0.3');
      await rollout.reach('Progressing');
      await rollout.reachWeight(5);
    }),
    {
      name: 'errors and slowness take it back',
      expected: 'Failed, v0.0.2 in use',
      measure: async () => {
        rollout.setMetrics({ ...goodMetrics, successPercent: 98.9 });
        await rollout.reachFailedChecks(2);
        rollout.setMetrics({ ...goodMetrics, latencyMilliseconds: 501 });
        await rollout.reach('Failed');
        return rollout.state();
      },
    },
    shares('all requests meet the version in use again', 0),
    {
      name: 'the image of dist/ is rolled out in turn',
      expected: 'Succeeded, v0.0.1 in use',
      measure: async () => {
        rollout.setMetrics(goodMetrics);
        await merge('v0.0.1');
        await rollout.reach('Progressing');
        await rollout.reach('Succeeded');
        return rollout.state();
      },
    },
  ];
}

function withTag(objects: Manifest[], tag: string): Manifest[] {
  const changed = structuredClone(objects);
  const [frontend] = changed.filter(isKind('Deployment')).filter(({ metadata }) => metadata.name === 'frontend');
  const [container] = frontend.spec.template.spec.containers;
  container.image = container.image.replace(/:.*/, `:${tag}`);
  return changed;
}
