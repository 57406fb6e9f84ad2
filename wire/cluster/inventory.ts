import { kubectl } from './control-plane';

/** Written by the control plane about itself, at any time. */
const volatile = ['events', 'events.events.k8s.io', 'leases.coordination.k8s.io'];

/** Every object in the cluster, as `Kind namespace/name`. */
export async function inventory(): Promise<Set<string>> {
  const resources = (await kubectl(['api-resources', '--verbs=list', '--output=name'])).split('\n').filter(Boolean);
  const listed = resources.filter((resource) => !volatile.includes(resource));
  const columns = 'custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name';
  const table = await kubectl([
    'get',
    listed.join(','),
    '--all-namespaces',
    '--no-headers',
    '--ignore-not-found',
    `--output=${columns}`,
  ]);
  return new Set(
    table
      .split('\n')
      .map((row) => row.trim().split(/\s+/))
      .filter((row) => row.length === 3)
      .map(([kind, namespace, name]) => `${kind} ${namespace}/${name}`),
  );
}
