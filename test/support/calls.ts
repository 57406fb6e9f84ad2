import type { Manifest } from './synth';

// Who may call whom, read back from the policies, by each of the three alone.

/** Pods as policies see them. */
export interface Party {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  readonly serviceAccount: string;
  /** The host of the Service; `undefined` for something that only calls. */
  readonly host?: string;
  /** The port of the container that is called. */
  readonly port?: number;
}

/** A call, written `caller → callee`. */
export type Calls = string[];

/** A selector as NetworkPolicies have it. */
interface Selector {
  readonly matchLabels?: Record<string, string>;
  readonly matchExpressions?: { readonly key: string; readonly operator: string; readonly values: string[] }[];
}

interface Peer {
  readonly namespaceSelector?: Selector;
  readonly podSelector?: Selector;
}

interface NetworkRule {
  readonly from?: Peer[];
  readonly to?: Peer[];
  readonly ports: { readonly port: number }[];
}

/** The pairs that the callers' proxies know. */
export function knownToProxies(manifests: readonly Manifest[], parties: readonly Party[]): Calls {
  return pairs(parties, (caller, callee) => {
    const sidecar = selecting(manifests, 'Sidecar', caller, ({ workloadSelector }) => ({
      matchLabels: workloadSelector?.labels,
    }));
    return sidecar.spec.egress[0].hosts.includes(`${callee.namespace}/${callee.host}`);
  });
}

/** The pairs that the callees' proxies let in. */
export function letInByIdentity(manifests: readonly Manifest[], parties: readonly Party[]): Calls {
  return pairs(parties, (caller, callee) => {
    const { rules = [] } = selecting(manifests, 'AuthorizationPolicy', callee, ({ selector }) => selector).spec;
    const principal = `cluster.local/ns/${caller.namespace}/sa/${caller.serviceAccount}`;
    return rules.some(
      ({ from, to }: { from?: { source: { principals?: string[] } }[]; to: { operation: { ports: string[] } }[] }) =>
        from?.[0].source.principals?.includes(principal) && to[0].operation.ports.includes(String(callee.port)),
    );
  });
}

/** The pairs between which the network carries connections, at both ends. */
export function carriedByNetwork(manifests: readonly Manifest[], parties: readonly Party[]): Calls {
  const policyOf = (party: Party) => selecting(manifests, 'NetworkPolicy', party, ({ podSelector }) => podSelector).spec;
  const meets = (rules: NetworkRule[], other: Party, port?: number) =>
    rules.some(
      ({ from, to, ports }) => ports.some((open) => open.port === port) && (from ?? to ?? []).some((peer) => isPeer(peer, other)),
    );
  return pairs(
    parties,
    (caller, callee) =>
      meets(policyOf(caller).egress, callee, callee.port) && meets(policyOf(callee).ingress, caller, callee.port),
  );
}

function isPeer({ namespaceSelector, podSelector }: Peer, { namespace, labels }: Party): boolean {
  return namespaceSelector?.matchLabels?.['kubernetes.io/metadata.name'] === namespace && selects(podSelector ?? {}, labels);
}

function pairs(parties: readonly Party[], isAllowed: (caller: Party, callee: Party) => boolean): Calls {
  return parties.flatMap((caller) =>
    parties
      .filter((callee) => callee.host !== undefined && isAllowed(caller, callee))
      .map((callee) => `${caller.name} → ${callee.name}`),
  );
}

/** The only object of a kind that selects the pods by labels. */
function selecting(
  manifests: readonly Manifest[],
  kind: string,
  { namespace, labels, name }: Party,
  // biome-ignore lint/suspicious/noExplicitAny: a spec is data of any shape
  selectorOf: (spec: any) => Selector | undefined,
): Manifest {
  const found = manifests.filter((manifest) => {
    const selector = manifest.kind === kind && manifest.metadata.namespace === namespace ? selectorOf(manifest.spec) : undefined;
    return selector !== undefined && isOfSome(selector) && selects(selector, labels);
  });
  if (found.length !== 1) {
    throw new Error(`${found.length} objects of kind ${kind} select the pods of ${name}`);
  }
  return found[0];
}

/** Whether it is not that of a whole namespace. */
function isOfSome({ matchLabels = {}, matchExpressions = [] }: Selector): boolean {
  return Object.keys(matchLabels).length + matchExpressions.length > 0;
}

function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Record<string, string>): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => operator === 'In' && values.includes(labels[key]))
  );
}
