import { fromDist } from '../manifests';
import { Rollouts } from './rollout';
import type { System } from './scenario';

const objects = () => fromDist('microservices-demo-manifests');

export const microservicesDemo: System = {
  name: 'microservices-demo',
  objects,
  scenarios: async (mesh) => {
    const rollouts = await Rollouts.start(mesh, objects());
    return [...rollouts.scenarios()];
  },
};
