import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bin, kubeconfig, runtime } from '../paths';
import type { Manifest } from './api';
import { kubectl } from './control-plane';
import { hubAddress } from './network';
import { eventually, Program } from './program';

export const systemNamespace = 'istio-system';
export const discoveryAddress = `${hubAddress}:15012`;
export const istiodIdentity = `istiod.${systemNamespace}.svc`;

const monitoring = `http://${hubAddress}:15014`;
const debouncing = 50;

/** istiod's own view of one proxy: the version of each resource type that it sent, and that the proxy took. */
type SyncStatus = Record<string, string>;

export interface Rejection {
  readonly type: string;
  readonly count: number;
}

export async function startIstiod(): Promise<void> {
  await kubectl(
    ['apply', '--server-side', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: ownObjects() }),
  );
  const folder = path.join(runtime, 'istiod');
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'mesh.json'), JSON.stringify({ enableTracing: false }));
  Program.start(
    'istiod',
    [
      path.join(bin, 'pilot-discovery'),
      'discovery',
      `--kubeconfig=${kubeconfig}`,
      `--namespace=${systemNamespace}`,
      `--meshConfig=${path.join(folder, 'mesh.json')}`,
      '--domain=cluster.local',
      '--keepaliveMaxServerConnectionAge=24h',
    ],
    {
      cwd: folder,
      env: {
        POD_NAME: 'istiod',
        POD_NAMESPACE: systemNamespace,
        ISTIOD_CUSTOM_HOST: istiodIdentity,
        PILOT_DEBOUNCE_AFTER: `${debouncing}ms`,
        // Filters of Istio's own build of Envoy, which the ordinary Envoy does not have.
        PILOT_ENABLE_METADATA_EXCHANGE: 'false',
        PILOT_ENABLE_ALPN_FILTER: 'false',
      },
    },
  );
  await eventually('istiod is ready', 60, async () => (await fetch(`http://${hubAddress}:8080/ready`)).ok);
  await eventually('istiod validates what is applied', 30, validates);
}

/** What a mesh-wide installation brings: its namespace, istiod's Service and the webhook that validates Istio's kinds. */
function ownObjects(): object[] {
  const named = { name: 'istiod', namespace: systemNamespace };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: systemNamespace } },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: named,
      spec: { ports: [{ name: 'https-webhook', port: 443, targetPort: 15017 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...named, labels: { 'kubernetes.io/service-name': 'istiod' } },
      addressType: 'IPv4',
      ports: [{ name: 'https-webhook', port: 15017 }],
      endpoints: [{ addresses: [hubAddress] }],
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'istio-validator-istio-system', labels: { 'istio.io/rev': 'default' } },
      webhooks: [
        {
          name: 'rev.validation.istio.io',
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Ignore',
          clientConfig: { service: { ...named, path: '/validate' } },
          rules: [
            {
              apiGroups: ['networking.istio.io', 'security.istio.io', 'telemetry.istio.io', 'extensions.istio.io'],
              apiVersions: ['*'],
              resources: ['*'],
              operations: ['CREATE', 'UPDATE'],
            },
          ],
        },
      ],
    },
  ];
}

/** istiod itself turns the webhook's policy to Fail once the API server reaches it. */
async function validates(): Promise<boolean> {
  const policy = '--output=jsonpath={.webhooks[0].failurePolicy}';
  return (await kubectl(['get', 'validatingwebhookconfiguration', 'istio-validator-istio-system', policy])) === 'Fail';
}

/** Waits until every proxy runs the configuration that follows from these objects. */
export async function distributed(objects: Manifest[]): Promise<void> {
  const istioObjects = objects.filter((object) => object.apiVersion.includes('istio.io/'));
  await eventually('istiod knows what was applied', 30, () => knows(istioObjects));
  await sleep(4 * debouncing);
  await eventually('every proxy acknowledged its configuration', 30, async () => (await unacknowledged()).length === 0);
}

async function knows(objects: Manifest[]): Promise<boolean> {
  const known: Manifest[] = await debug('configz');
  const versions = new Set(
    known.map((object) => `${object.kind}/${object.metadata.namespace}/${object.metadata.resourceVersion}`),
  );
  return objects.every(({ kind, metadata }) => versions.has(`${kind}/${metadata.namespace}/${metadata.resourceVersion}`));
}

/** The proxies that have not taken what istiod sent last, with the types concerned. */
export async function unacknowledged(): Promise<string[]> {
  const proxies: SyncStatus[] = await debug('syncz');
  return proxies.flatMap((proxy) =>
    ['listener', 'cluster', 'route', 'endpoint']
      .filter((type) => (proxy[`${type}_sent`] ?? '') !== (proxy[`${type}_acked`] ?? ''))
      .map((type) => `${proxy.proxy}: ${type}`),
  );
}

/** How often any proxy has refused what istiod sent, by type, since istiod started. */
export async function rejections(): Promise<Rejection[]> {
  const metrics = await (await fetch(`${monitoring}/metrics`)).text();
  return [...metrics.matchAll(/^pilot_total_xds_rejects\{.*type="([^"]+)".*\} (\S+)$/gm)].map(([, type, count]) => ({
    type,
    count: Number(count),
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: each of istiod's debug pages has a shape of its own
async function debug(page: string): Promise<any> {
  return (await fetch(`http://${hubAddress}:8080/debug/${page}`)).json();
}
