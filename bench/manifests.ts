import { type BenchApp, GATEWAY, NAMESPACE } from './apps';

const RETRIES = { attempts: 2, retryOn: 'connect-failure,refused-stream,unavailable,cancelled' };

type Manifest = { apiVersion: string; kind: string; metadata: Record<string, unknown>; spec?: unknown };

/** The objects of one app as plain data, written by hand: what every tool must arrive at. */
export function manifestsOf(app: BenchApp): Manifest[] {
  const { name, port } = app;
  const host = `${name}.${NAMESPACE}.svc.cluster.local`;
  const labels = { app: name, 'app.kubernetes.io/name': name };
  const metadata = { labels, name, namespace: NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { ports: [{ appProtocol: 'http', name: 'http', port, targetPort: port }], selector: { app: name } },
    },
    deployment(app, 'v1', '1.0.0'),
    deployment(app, 'v2', '1.1.0'),
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'DestinationRule',
      metadata,
      spec: { host, subsets: ['v1', 'v2'].map((version) => ({ labels: { version }, name: version })) },
    },
    {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata,
      spec: { hosts: [host], http: [{ retries: RETRIES, route: routes(app, host) }] },
    },
  ];
}

/** The routes of an app at the gateway. */
export function gatewayRouteOf(app: BenchApp): Manifest {
  const host = `${app.name}.${NAMESPACE}.svc.cluster.local`;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: `${GATEWAY}-${app.host}`, namespace: NAMESPACE },
    spec: {
      gateways: [`${NAMESPACE}/${GATEWAY}`],
      hosts: [app.host],
      http: [{ retries: RETRIES, route: routes(app, host, app.port) }],
    },
  };
}

/** The gateway with the hosts of all apps. */
export function gatewayOf(apps: readonly BenchApp[]): Manifest {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Gateway',
    metadata: { name: GATEWAY, namespace: NAMESPACE },
    spec: {
      selector: { istio: 'ingressgateway' },
      servers: [{ hosts: apps.map((app) => app.host).sort(), port: { name: 'http-80', number: 80, protocol: 'HTTP' } }],
    },
  };
}

function routes({ shares }: BenchApp, host: string, port?: number): unknown[] {
  return (['v1', 'v2'] as const).map((subset) => ({
    destination: { host, ...(port !== undefined && { port: { number: port } }), subset },
    weight: shares[subset],
  }));
}

function deployment({ name, image, port }: BenchApp, version: string, tag: string): Manifest {
  const labels = { app: name, 'app.kubernetes.io/name': name, 'app.kubernetes.io/version': version, version };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { labels, name: `${name}-${version}`, namespace: NAMESPACE },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: name, version } },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            {
              env: [
                { name: 'APP_NAME', value: name },
                { name: 'LOG_LEVEL', value: 'info' },
              ],
              image: `${image}:${tag}`,
              name,
              ports: [{ containerPort: port, name: 'http' }],
            },
          ],
          serviceAccountName: name,
        },
      },
    },
  };
}
