import type { IConstruct } from 'constructs';
import { Alternatives } from '../alternatives';

/** What is known of a namespace, in the order in which it is said. */
interface KnownNamespace {
  readonly closedBy: IConstruct[];
  readonly waiting: { readonly pods: IConstruct; readonly act: () => void }[];
}

const known = new WeakMap<IConstruct, Map<string, KnownNamespace>>();

/** Acts once the namespace of these pods is closed: now, or when a later line closes it. */
export function whenClosed(pods: IConstruct & { readonly namespace: string }, act: () => void): void {
  const { closedBy, waiting } = knownOf(pods, pods.namespace);
  if (closedBy.some((closing) => Alternatives._together(closing, pods))) {
    act();
  } else {
    waiting.push({ pods, act });
  }
}

/** Records that a namespace is closed to all that is not said. */
export function close(closing: IConstruct, namespace: string): void {
  const { closedBy, waiting } = knownOf(closing, namespace);
  closedBy.push(closing);
  for (const { act } of waiting.filter(({ pods }) => Alternatives._together(closing, pods))) {
    act();
  }
}

function knownOf({ node: { root } }: IConstruct, namespace: string): KnownNamespace {
  const namespaces = known.get(root) ?? new Map<string, KnownNamespace>();
  known.set(root, namespaces);
  const found = namespaces.get(namespace) ?? { closedBy: [], waiting: [] };
  namespaces.set(namespace, found);
  return found;
}
