import { ErrorCode } from '../errors';
import { describeNeverEjecting, neverEjects } from '../limits';
import type { MeshModel, RolloutModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import type { Finding } from './finding';

/** Finds objects that Flagger makes itself, and outlier detection that never ejects. */
export function checkRollouts(model: MeshModel): Finding[] {
  return model.rollouts.length === 0 ? [] : [...findMadeTwice(model), ...findNeverEjecting(model)];
}

/** Two owners would overwrite each other without end. */
function findMadeTwice(model: MeshModel): Finding[] {
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

/** Flagger gives each of the two versions as many pods as the Deployment says, which is one where it says nothing. */
function findNeverEjecting({ rollouts, workloads }: MeshModel): Finding[] {
  const byName = new Map(workloads.map((workload) => [identity(workload.object), workload]));
  return rollouts.flatMap(({ object, namespace, target, scaled, maxEjectionPercent = 100 }): Finding[] => {
    const deployment = byName.get(`Deployment ${namespace}/${target}`);
    const { replicas = 1 } = deployment ?? {};
    const stuck = deployment !== undefined && !scaled && neverEjects(maxEjectionPercent, replicas);
    return stuck
      ? [
          {
            code: ErrorCode.NEVER_EJECTS,
            message: describeNeverEjecting(maxEjectionPercent, replicas, `'${target}'`),
            construct: object.construct,
          },
        ]
      : [];
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
