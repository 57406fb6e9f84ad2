import type { IConstruct } from 'constructs';
import { Alternatives } from '../alternatives';

/** What closes a namespace. */
export interface Closing extends IConstruct {
  readonly namespace: string;
  readonly prometheusNamespace: string;
}

/** What is known of a namespace, in the order in which it is said. */
interface KnownNamespace {
  readonly closedBy: Closing[];
  readonly waiting: { readonly pods: IConstruct; readonly act: () => void }[];
}

const known = new WeakMap<IConstruct, Map<string, KnownNamespace>>();

/** Acts once the namespace of these pods is closed: now, or when a later line closes it. */
export function whenClosed(pods: IConstruct & { readonly namespace: string }, act: () => void): void {
  if (closingOf(pods) !== undefined) {
    act();
  } else {
    knownOf(pods).waiting.push({ pods, act });
  }
}

/** What closes the namespace of these pods. */
export function closingOf(pods: IConstruct & { readonly namespace: string }): Closing | undefined {
  return knownOf(pods).closedBy.find((closing) => Alternatives._together(closing, pods));
}

/** Records that a namespace is closed to all that is not said. */
export function close(closing: Closing): void {
  const { closedBy, waiting } = knownOf(closing);
  closedBy.push(closing);
  for (const { act } of waiting.filter(({ pods }) => Alternatives._together(closing, pods))) {
    act();
  }
}

function knownOf({ node: { root }, namespace }: IConstruct & { readonly namespace: string }): KnownNamespace {
  const namespaces = known.get(root) ?? new Map<string, KnownNamespace>();
  known.set(root, namespaces);
  const found = namespaces.get(namespace) ?? { closedBy: [], waiting: [] };
  namespaces.set(namespace, found);
  return found;
}
