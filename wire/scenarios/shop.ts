import type { Manifest } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import { synthesize } from '../manifests';
import { shop, shopHost } from '../systems/shop';
import { identities } from './identities';
import { type Caller, failsWith503, type Judge, underLoad } from './load';
import type { Mutant, Scenario, System } from './scenario';

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
  const move = (name: string, next: Record<string, number>, expected = 'no request fails', judge?: Judge): Scenario => ({
    name,
    expected,
    measure: () => {
      const [before, after] = [objectsFor(shares), objectsFor(next)];
      shares = next;
      return underLoad(callers, () => mesh.reconcile(before, after), judge);
    },
  });
  return [
    move('weights move from 90/10 to 40/60', { v1: 40, v2: 60 }),
    move('weights move from 40/60 to 0/100', { v1: 0, v2: 100 }),
    move('v1 is removed, without traffic by now', { v2: 100 }),
    move('v3 is added, without traffic yet', { v2: 100, v3: 0 }),
    move('v3 takes all traffic', { v2: 0, v3: 100 }),
    move('back to the first state', { v1: 0, v2: 0, v3: 100 }),
    move('back to the first weights', { v1: 90, v2: 10, v3: 0 }),
    move('v3 is removed', { v1: 90, v2: 10 }),
    // Why a version comes and goes without traffic: Istio routes to a subset before it has pods, and takes it away before its routes.
    move('v3 is added with half of the traffic', { v1: 40, v2: 10, v3: 50 }, 'its share fails until it runs', failsWith503(some)),
    move(
      'v3 is removed with half of the traffic',
      { v1: 90, v2: 10 },
      'less than its share fails, for a moment',
      failsWith503(few),
    ),
  ];
}

const some = (share: number) => share > 0;
const few = (share: number) => share < 0.5;

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
