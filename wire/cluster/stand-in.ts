import type { Manifest } from './api';

export function namespace(name: string, injection: 'enabled' | 'disabled'): Manifest {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels: { 'istio-injection': injection } } };
}

/** A Service that a system relies on and somebody else owns, with one pod. The pod bears the label `app` with the Service's name. */
export function standIn(name: string, namespace: string, port: { name: string; port: number }): Manifest[] {
  const metadata = { name, namespace };
  const labels = { app: name };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [port] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { containers: [{ name, image: name, ports: [{ containerPort: port.port }] }] },
        },
      },
    },
  ];
}
