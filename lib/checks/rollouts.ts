import { ErrorCode } from '../errors';
import type { MeshModel, RolloutModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import type { Finding } from './finding';

/** Finds objects that Flagger makes itself: two owners would overwrite each other without end. */
export function checkRollouts(model: MeshModel): Finding[] {
  if (model.rollouts.length === 0) {
    return [];
  }
  const made = new Map(model.rollouts.flatMap((rollout) => generated(rollout).map((name) => [name, rollout] as const)));
  const objects = [...model.services.values(), ...model.workloads, ...model.virtualServices, ...model.destinationRules];
  return objects.flatMap(({ object }): Finding[] => {
    const rollout = made.get(identity(object));
    return rollout === undefined
      ? []
      : [
          {
            code: ErrorCode.DUPLICATE_OBJECT,
            message: `is made by Flagger for [${rollout.object.construct.node.path}]: ${identity(object)}; say it of the app that Flagger rolls out`,
            construct: object.construct,
          },
        ];
  });
}

function generated({ namespace, service, target }: RolloutModel): string[] {
  const roles = ['primary', 'canary'];
  return [
    `VirtualService ${namespace}/${service}`,
    `Service ${namespace}/${service}`,
    ...roles.flatMap((role) => [`Service ${namespace}/${service}-${role}`, `DestinationRule ${namespace}/${service}-${role}`]),
    `Deployment ${namespace}/${target}-primary`,
  ];
}

function identity({ manifest: { kind, metadata } }: Rendered): string {
  return `${kind} ${metadata?.namespace}/${metadata?.name}`;
}
