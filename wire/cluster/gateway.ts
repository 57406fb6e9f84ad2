import type { Manifest } from './api';
import { systemNamespace } from './webhooks';

/**
 * A workload for every selector that the Gateways name, as Istio's gateway chart would install it: the proxy alone,
 * a Service with all ports, and leave to read the Secrets with the certificates.
 */
export function gatewayWorkloads(gateways: Manifest[]): Manifest[] {
  const bySelector = new Map<string, { selector: Record<string, string>; ports: Set<number> }>();
  for (const { spec } of gateways) {
    const key = JSON.stringify(spec.selector);
    const entry = bySelector.get(key) ?? { selector: spec.selector, ports: new Set<number>() };
    for (const server of spec.servers) entry.ports.add(server.port.number);
    bySelector.set(key, entry);
  }
  return [...bySelector.values()].flatMap(({ selector, ports }) => gatewayWorkload(selector, [...ports]));
}

function gatewayWorkload(selector: Record<string, string>, ports: number[]): Manifest[] {
  const metadata = { name: `istio-${Object.values(selector).join('-')}`, namespace: systemNamespace, labels: selector };
  const { name, namespace } = metadata;
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata,
      rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get', 'watch', 'list'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector, ports: ports.map((port) => ({ name: `tcp-${port}`, port, targetPort: port })) },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: selector },
        template: {
          metadata: {
            labels: { ...selector, 'sidecar.istio.io/inject': 'true' },
            annotations: { 'inject.istio.io/templates': 'gateway' },
          },
          spec: { serviceAccountName: name, containers: [{ name: 'istio-proxy', image: 'istio/proxyv2' }] },
        },
      },
    },
  ];
}
