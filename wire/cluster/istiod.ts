import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bin, kubeconfig, runtime } from '../paths';
import { identity, type Manifest } from './api';
import { kubectl } from './control-plane';
import { writeFiles } from './files';
import { nameHub } from './names';
import { eventually, Program } from './program';
import { injection, systemNamespace, webhookObjects, webhookProbes } from './webhooks';

const istiodHost = `istiod.${systemNamespace}.svc`;
export const discoveryAddress = `${istiodHost}:15012`;

// Only to a caller on its own host does istiod show its state without a question.
const status = 'http://127.0.0.1:8080';
const metrics = 'http://127.0.0.1:15014/metrics';
const debouncing = 50;

const meshConfig = {
  enableTracing: false,
  extensionProviders: [
    { name: 'zipkin', zipkin: { service: 'zipkin.istio-system.svc.cluster.local', port: 9411 } },
    { name: 'authorizer', envoyExtAuthzHttp: { service: 'authorizer.access.svc.cluster.local', port: 8080 } },
  ],
};

/** istiod's own view of one proxy: the version of each resource type that it sent, and that the proxy took. */
type SyncStatus = Record<string, string>;

export interface Rejection {
  readonly type: string;
  readonly count: number;
}

export async function startIstiod(): Promise<void> {
  await nameHub(istiodHost);
  await kubectl(
    ['apply', '--server-side', '--filename=-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: webhookObjects() }),
  );
  const folder = path.join(runtime, 'istiod');
  writeFiles(folder, {
    'mesh.json': JSON.stringify(meshConfig),
    'var/lib/istio/inject/config': JSON.stringify(injection),
    'var/lib/istio/inject/values': '{}',
  });
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
        REVISION: 'default',
        PILOT_DEBOUNCE_AFTER: `${debouncing}ms`,
        // Filters of Istio's own build of Envoy, which the ordinary Envoy does not have.
        PILOT_ENABLE_METADATA_EXCHANGE: 'false',
        PILOT_ENABLE_ALPN_FILTER: 'false',
      },
    },
  );
  await eventually('istiod is ready', 60, async () => (await fetch(`${status}/ready`)).ok);
  await eventually('istiod validates what is applied and injects proxies', 30, webhooksReady);
}

async function webhooksReady(): Promise<boolean> {
  const states = webhookProbes.map(async ({ kind, name, path, ready }) =>
    ready.test(await kubectl(['get', kind, name, `--output=jsonpath=${path}`])),
  );
  return (await Promise.all(states)).every(Boolean);
}

/** Waits until every proxy runs the configuration that follows from the first objects, without the second. */
export async function distributed(applied: Manifest[], removed: Manifest[] = []): Promise<void> {
  await eventually('istiod knows what was applied and removed', 30, async () => {
    const known: Manifest[] = await debug('configz');
    return knows(known, applied.filter(isOfIstio)) && !knowsAny(known, removed);
  });
  await sleep(4 * debouncing);
  await eventually('every proxy acknowledged its configuration', 30, async () => (await unacknowledged()).length === 0);
}

function isOfIstio({ apiVersion }: Manifest): boolean {
  return apiVersion.includes('istio.io/');
}

/** In the version that was applied, or in a later one: istiod writes the status of some. */
function knows(known: Manifest[], objects: Manifest[]): boolean {
  const versions = new Map(known.map((object) => [identity(object), Number(object.metadata.resourceVersion)]));
  return objects.every((object) => (versions.get(identity(object)) ?? 0) >= Number(object.metadata.resourceVersion));
}

function knowsAny(known: Manifest[], objects: Manifest[]): boolean {
  const names = new Set(known.map(identity));
  return objects.some((object) => names.has(identity(object)));
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
  const text = await (await fetch(metrics)).text();
  return [...text.matchAll(/^pilot_total_xds_rejects\{.*type="([^"]+)".*\} (\S+)$/gm)].map(([, type, count]) => ({
    type,
    count: Number(count),
  }));
}

// biome-ignore lint/suspicious/noExplicitAny: each of istiod's debug pages has a shape of its own
async function debug(page: string): Promise<any> {
  return (await fetch(`${status}/debug/${page}`)).json();
}
