import { fromDist } from '../manifests';
import { callMutants, callScenarios } from './calls';
import { Rollouts } from './rollout';
import type { System } from './scenario';

const objects = () => fromDist('microservices-demo-manifests');

/** The shop whose entrance Flagger rolls out, and in which each service calls whom it must and nobody else. */
export const microservicesDemo: System = {
  name: 'microservices-demo',
  objects,
  scenarios: async (mesh) => {
    const rollouts = await Rollouts.start(mesh, objects());
    return [...(await callScenarios(mesh, objects())), ...(process.env.FAST ? [] : rollouts.scenarios())];
  },
  mutants: callMutants,
};
