import { MeshModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import type { Finding } from './finding';
import { checkObjects } from './objects';
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
  const findings = MeshModel.ofEachSet(objects).flatMap((model) => [
    ...checkRoutes(model),
    ...checkWorkloads(model),
    ...checkRollouts(model),
  ]);
  const distinct = new Map(findings.map((finding) => [`${finding.construct.node.path} ${finding.message}`, finding]));
  return [...distinct.values()];
}
