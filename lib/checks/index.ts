import { MeshModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import type { Finding } from './finding';
import { checkObjects } from './objects';
import { checkOwners } from './owners';
import { checkRollouts } from './rollouts';
import { checkRoutes } from './routes';
import { checkWorkloads } from './workloads';

/**
 * Everything that is wrong with the objects of an app, each mistake once. The mesh is looked at only when every object is one
 * that the API server would take.
 */
export function check(objects: readonly Rendered[]): Finding[] {
  const mistakes = checkObjects(objects);
  if (mistakes.length > 0) {
    return mistakes;
  }
  const models = MeshModel.ofEachSet(objects);
  const whole = models.length === 1 ? models[0] : new MeshModel(objects);
  const findings = [
    ...models.flatMap((model) => [...checkRoutes(model), ...checkWorkloads(model), ...checkRollouts(model)]),
    ...checkOwners(whole),
  ];
  const distinct = new Map(findings.map((finding) => [`${finding.construct.node.path} ${finding.message}`, finding]));
  return [...distinct.values()];
}
