import { setTimeout as sleep } from 'node:timers/promises';
import type { Manifest } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import type { PodProcess } from '../cluster/pod-process';
import { synthesize } from '../manifests';
import type { Repeated, Tally } from '../pod/protocol';
import { shop, shopHost } from '../systems/shop';
import type { Judgement, Mutant, Scenario, System } from './scenario';

const url = 'http://front.shop.svc.cluster.local:8080/';
const plainTextRefused = 'plain text from outside the mesh is refused';
const developersMeetNewest = 'developers meet the newest version';

/** Strict mutual TLS, and what callers notice while versions and weights move: nothing. */
export const shopSystem: System = {
  name: 'shop',
  objects: () => objectsFor({ v1: 90, v2: 10 }),
  scenarios: async (mesh) => [...(await mutualTls(mesh)), darkLaunch(mesh), ...(await rollouts(mesh))],
  mutants: mutants(),
};

function objectsFor(shares: Record<string, number>): Manifest[] {
  return synthesize((app) => shop(app, shares));
}

async function mutualTls(mesh: Mesh): Promise<Scenario[]> {
  const gateway = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const server = 'spiffe://cluster.local/ns/shop/sa/front';
  return [
    {
      name: 'identities inside the mesh',
      expected: `${server} called by spiffe://cluster.local/ns/wire-inside/sa/default`,
      measure: async () => identities((await mesh.inside.call('http', { url })).received?.headers),
    },
    {
      name: 'identities at the gateway',
      expected: `${server} called by spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway`,
      measure: async () => {
        const { received } = await mesh.outside.call('http', { url: `http://${shopHost}/`, address: gateway });
        return identities(received?.headers);
      },
    },
    {
      name: plainTextRefused,
      expected: 'ECONNRESET',
      measure: async () => {
        const [pod] = await mesh.pods('shop', { app: 'front' });
        const { status, error } = await mesh.outside.call('http', { url: `http://${pod.address}:8080/`, freshConnection: true });
        return error ?? `status ${status}`;
      },
    },
  ];
}

/** Who was called by whom, as the server's proxy reports it to its application. */
function identities(headers: Record<string, string> = {}): string {
  const certificate = headers['x-forwarded-client-cert'] ?? '';
  const [, server] = /By=([^;,]+)/.exec(certificate) ?? [];
  const [, client] = /URI=([^;,]+)/.exec(certificate) ?? [];
  return `${server} called by ${client}`;
}

function darkLaunch(mesh: Mesh): Scenario {
  return {
    name: developersMeetNewest,
    expected: 'v2 in 50 of 50',
    measure: async () => {
      const tallies = await mesh.inside.call('repeatHttp', { url, headers: { 'x-user': 'developer' }, times: 50 });
      const newest = tallies.filter(({ version }) => version === 'v2').reduce((sum, { count }) => sum + count, 0);
      return `v2 in ${newest} of 50`;
    },
  };
}

/** Each state is applied while requests flow from inside the mesh and through the gateway. */
async function rollouts(mesh: Mesh): Promise<Scenario[]> {
  const gateway = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const callers: Caller[] = [
    { client: mesh.inside, request: { url } },
    { client: mesh.outside, request: { url: `http://${shopHost}/`, address: gateway } },
  ];
  let shares: Record<string, number> = { v1: 90, v2: 10 };
  const move = (name: string, next: Record<string, number>): Scenario => ({
    name,
    expected: 'no request fails',
    measure: () =>
      underLoad(callers, async () => {
        const [before, after] = [objectsFor(shares), objectsFor(next)];
        shares = next;
        await mesh.settle(after);
        await mesh.remove(
          before.filter(
            (object) => !after.some(({ kind, metadata }) => kind === object.kind && metadata.name === object.metadata.name),
          ),
        );
      }),
  });
  return [
    move('weights move from 90/10 to 40/60', { v1: 40, v2: 60 }),
    move('weights move from 40/60 to 0/100', { v1: 0, v2: 100 }),
    move('v1 is removed', { v2: 100 }),
    move('v3 is added, without traffic yet', { v2: 100, v3: 0 }),
    move('v3 takes all traffic', { v2: 0, v3: 100 }),
    move('back to the first state', { v1: 0, v2: 0, v3: 100 }),
    move('back to the first weights', { v1: 90, v2: 10, v3: 0 }),
    move('v3 is removed', { v1: 90, v2: 10 }),
  ];
}

interface Caller {
  readonly client: PodProcess;
  readonly request: Repeated;
}

async function underLoad(callers: Caller[], action: () => Promise<void>): Promise<Judgement> {
  await Promise.all(callers.map(({ client, request }) => client.call('startLoad', { ...request, concurrency: 4 })));
  await sleep(500);
  const failure = await action().catch((error: Error) => error);
  await sleep(500);
  const tallies = (await Promise.all(callers.map(({ client }) => client.call('stopLoad')))).flat();
  if (failure) throw failure;
  return judgeLoad(tallies);
}

function judgeLoad(tallies: Tally[]): Judgement {
  const total = tallies.reduce((sum, { count }) => sum + count, 0);
  const failed = tallies.filter(({ status }) => status !== 200);
  const failures = failed.map(({ count, status, error }) => `${count} × ${error ?? status}`).join(', ');
  return { text: failures ? `of ${total}: ${failures}` : `none of ${total} failed`, holds: total > 100 && failed.length === 0 };
}

function mutants(): Mutant[] {
  return [
    {
      name: 'STRICT becomes PERMISSIVE',
      noticedBy: plainTextRefused,
      change: (objects) => {
        objects.filter(isKind('PeerAuthentication'))[0].spec.mtls.mode = 'PERMISSIVE';
      },
    },
    {
      name: 'the routes are in another order',
      noticedBy: developersMeetNewest,
      change: (objects) => {
        for (const { spec } of objects.filter(isKind('VirtualService'))) spec.http.reverse();
      },
    },
  ];
}
