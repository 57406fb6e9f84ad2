// What NetworkPolicies are made of.

/** A source or target of a NetworkPolicy. */
export interface NetworkPeer {
  readonly namespaceSelector?: Record<string, unknown>;
  readonly podSelector?: Record<string, unknown>;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

/** The pods of a namespace with these labels; all of them without labels. */
export function inNamespace(namespace: string, labels?: Record<string, string>): NetworkPeer {
  return {
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
    podSelector: labels === undefined ? undefined : { matchLabels: labels },
  };
}

/** Ports of pods. */
export function onPorts(ports: readonly number[], protocol = 'TCP'): unknown[] {
  return ports.map((port) => ({ protocol, port }));
}

/**
 * The hosts that a proxy knows beside those that its pods call: what is installed with Istio, since a proxy that cannot find the
 * Service for traces or logs refuses its whole configuration.
 */
export const MESH_HOSTS: readonly string[] = ['istio-system/*'];

/** What every proxy needs: names, and its certificate and configuration from istiod. */
export const MESH_EGRESS: readonly unknown[] = [
  { to: [inNamespace('kube-system')], ports: [...onPorts([53], 'UDP'), ...onPorts([53])] },
  { to: [inNamespace('istio-system', { app: 'istiod' })], ports: onPorts([15012]) },
];

/**
 * What Prometheus needs: the metrics of the proxy (15090), of app and proxy together (15020), and further ports. Where nobody said in
 * which namespace it is, it may be in any.
 * Probes need nothing: they come from the pod's own node, which no NetworkPolicy shuts out.
 */
export function meshIngress(prometheusNamespace: string | undefined, ports: readonly number[] = []): unknown[] {
  const from = prometheusNamespace === undefined ? { namespaceSelector: {} } : inNamespace(prometheusNamespace);
  return [{ from: [from], ports: onPorts([...ports, 15020, 15090]) }];
}
