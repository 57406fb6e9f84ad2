import * as path from 'node:path';
import type { Manifest } from '../cluster/api';
import { inventory } from '../cluster/inventory';
import { rejections, unacknowledged } from '../cluster/istiod';
import type { Mesh } from '../cluster/mesh';
import { eventually, run } from '../cluster/program';
import { untried } from '../manifests';
import { bin, kubeconfig } from '../paths';
import { underLoad } from './load';
import type { Scenario, State, System } from './scenario';

/** What must be true of whatever is applied. */
export function scenariosWhileApplied(mesh: Mesh, state: State, objects: Manifest[]): Scenario[] {
  return [
    {
      name: 'a second apply changes nothing',
      expected: 'nothing changed',
      measure: async () => changes(await mesh.current(objects), await mesh.apply(objects)),
    },
    {
      name: 'istioctl analyze',
      expected: listMessages(Object.entries(state.acceptedMessages ?? {}).map(([code, reason]) => `${code}: ${reason}`)),
      measure: () => analyze(namespacesOf(objects), state),
    },
    {
      name: 'every proxy takes its configuration',
      expected: 'no rejection, nothing unacknowledged',
      measure: async () => {
        const refused = (await rejections()).map(({ type, count }) => `${count} rejections of ${type}`);
        const problems = [...refused, ...(await unacknowledged())];
        return problems.length > 0 ? problems.join(', ') : 'no rejection, nothing unacknowledged';
      },
    },
  ];
}

/** The way from one state of a system to the next. */
export async function moveScenario(mesh: Mesh, { load }: System, before: Manifest[], after: Manifest[]): Promise<Scenario> {
  const callers = (await load?.(mesh)) ?? [];
  return {
    name: 'moved to from the state before',
    expected: 'no request fails',
    measure: () => underLoad(callers, () => mesh.move(before, after)),
  };
}

/** Once all systems have been tried. */
export const nothingUntried: Scenario = {
  name: 'every folder of dist/ was applied',
  expected: 'none is left',
  measure: async () => (untried().length === 0 ? 'none is left' : untried().join(', ')),
};

/** `before` is all that there was before the objects came. */
export function removalScenario(mesh: Mesh, objects: Manifest[], before: Set<string>): Scenario {
  return {
    name: 'removal',
    expected: 'nothing is left',
    measure: async () => {
      await mesh.remove(objects);
      let left: string[] = [];
      const gone = async () => {
        left = [...(await inventory())].filter((object) => !before.has(object));
        return left.length === 0;
      };
      return eventually('all is gone', 30, gone).then(
        () => 'nothing is left',
        () => left.join(', '),
      );
    },
  };
}

function changes(before: Manifest[], after: Manifest[]): string {
  const desired = (object: Manifest) => JSON.stringify(withoutServerFields(object));
  const name = ({ kind, metadata }: Manifest) => `${kind}/${metadata.name}`;
  const earlier = new Map(before.map((object) => [name(object), desired(object)]));
  const changed = after.filter((object) => earlier.get(name(object)) !== desired(object)).map(name);
  return changed.length > 0 ? `changed: ${changed.join(', ')}` : 'nothing changed';
}

function withoutServerFields({ status, metadata, ...object }: Manifest): Manifest {
  const { resourceVersion, managedFields, ...named } = metadata as Manifest['metadata'] & { managedFields?: unknown };
  return { ...object, metadata: named } as Manifest;
}

/** All messages about these namespaces, the accepted ones with their reason in place of their text. */
async function analyze(namespaces: string[], { acceptedMessages = {} }: State): Promise<string> {
  const found = new Set<string>();
  for (const namespace of namespaces) {
    const command = [path.join(bin, 'istioctl'), 'analyze', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`];
    const messages = JSON.parse(await run([...command, '--output=json', '--failure-threshold=Error'])) ?? [];
    for (const { code, message } of messages) found.add(`${code}: ${acceptedMessages[code] ?? message}`);
  }
  return listMessages([...found]);
}

function listMessages(messages: string[]): string {
  return messages.length > 0 ? messages.sort().join(', ') : 'no message';
}

function namespacesOf(objects: Manifest[]): string[] {
  return [...new Set(objects.flatMap((object) => object.metadata.namespace ?? []))];
}
