import type { Manifest } from '../cluster/api';
import { isKind } from '../cluster/mesh';
import { namespace } from '../cluster/stand-in';
import { fromDist } from '../manifests';
import { callMutants, callScenarios } from './calls';
import { frontendScenarios } from './frontend';
import { Rollout } from './rollout';
import type { System } from './scenario';

const manifests = () => fromDist('microservices-demo-manifests');

/** The shop whose entrance Flagger rolls out, and in which each service calls whom it must and nobody else. */
export const microservicesDemo: System = {
  name: 'microservices-demo',
  objects: manifests,
  scenarios: async (mesh) => {
    const rollout = await Rollout.start(mesh, 'microservices-demo', 'frontend');
    return [...(await callScenarios(mesh, manifests())), ...(await frontendScenarios(mesh, rollout, manifests()))];
  },
  mutants: callMutants,
};

const withoutPods = 'between rollouts the next version of the frontend has no pods';

/** The same shop with its pods from Helm charts, and all that Flux follows. */
export const microservicesDemoByFlux: System = {
  name: 'microservices-demo-helm',
  objects: byFlux,
  surroundings: async () => [namespace('flux-system', 'disabled'), namespace('microservices-demo', 'enabled'), ...fromCharts()],
  scenarios: async (mesh) => {
    await Rollout.start(mesh, 'microservices-demo', 'frontend');
    return callScenarios(mesh, byFlux());
  },
  acceptedMessages: { IST0101: withoutPods, IST0127: withoutPods },
};

/** Without the namespace of the lab's own control plane. */
function byFlux(): Manifest[] {
  const folders = ['helm', 'delivery', 'istio-base', 'istiod', 'gateway', 'flagger'];
  const objects = fromDist(...folders.map((folder) => `microservices-demo-${folder}`));
  return objects.filter(({ kind, metadata }) => kind !== 'Namespace' || metadata.name !== 'istio-system');
}

/** What each service's chart makes: Deployment, Service and ServiceAccount of its name, and no other labels than these. */
function fromCharts(): Manifest[] {
  const ours = manifests().filter(({ metadata }) => !metadata.name.startsWith('redis-cart'));
  return [
    ...ours.filter(isKind('ServiceAccount')),
    ...ours.filter(isKind('Service')),
    ...ours.filter(isKind('Deployment')).map((deployment) => {
      const [container] = deployment.spec.template.spec.containers;
      const labels = { app: container.name };
      const template = { ...deployment.spec.template, metadata: { labels: { ...labels, version: 'v1' } } };
      return {
        ...deployment,
        metadata: { name: container.name, namespace: deployment.metadata.namespace, labels },
        spec: { selector: { matchLabels: labels }, template },
      };
    }),
  ];
}
