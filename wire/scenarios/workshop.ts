import { setTimeout as sleep } from 'node:timers/promises';
import type { Fields } from '../cluster/api';
import { type Mesh, pick } from '../cluster/mesh';
import { namespace, standIn } from '../cluster/stand-in';
import { fromDist } from '../manifests';
import { answers, answersAlike, callStream, countAnswers } from './answers';
import { balancing } from './balancing';
import type { Caller } from './load';
import type { Mutant, Scenario, State, System } from './scenario';
import { describeWeights, measureSplit, type Weights } from './split';

const aleph = { url: 'http://aleph.staging.svc.cluster.local/' };
const beth = { url: 'http://beth.staging.svc.cluster.local/' };
const onePercent = 'beth v03 gets one percent';

/** The steps of aleph in their order, each beside a variant of beth. */
export const workshop: System = {
  ...step('80-20', 'dark-launch', async (mesh) => [
    ...(await atTheGateway(mesh)),
    mongo(mesh),
    ...darkLaunch(mesh),
    ...loadBalancing(mesh),
  ]),
  name: 'workshop',
  alternatives: [
    step('60-40', 'mirror', async (mesh) => [mirroring(mesh)]),
    { ...step('40-60', 'canary', async (mesh) => [canary(mesh)]), mutants: [bothSharesToV01()] },
    step('20-80', 'canary'),
    step('0-100', 'canary'),
  ],
  load: requestsOfAll,
  surroundings: async () => [
    namespace('prod', 'enabled'),
    ...['promotions', 'promotions-mobile'].flatMap((name) => standIn(name, 'prod', { name: 'http', port: 80 })),
  ],
};

function step(shares: string, variant: string, more = async (_: Mesh): Promise<Scenario[]> => []): State {
  const [v01, v02] = shares.split('-').map(Number);
  return {
    name: `aleph ${shares}, beth ${variant}`,
    objects: () => fromDist('workshop', `workshop-aleph-${shares}`, `workshop-beth-${variant}`),
    scenarios: async (mesh) => [split('the shares of aleph', mesh, aleph, { v01, v02 }), ...(await more(mesh))],
  };
}

function split(name: string, mesh: Mesh, request: { url: string }, weights: Weights): Scenario {
  return { name, expected: describeWeights(weights), measure: () => measureSplit(mesh.inside, request, weights) };
}

/** The second caller is the pod from which people are told to try requests. */
async function requestsOfAll(mesh: Mesh): Promise<Caller[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const [curl] = await mesh.pods('staging', { app: 'curl' });
  return [
    { client: mesh.inside, request: aleph },
    { client: curl, request: beth },
    { client: mesh.outside, request: { url: 'http://front.local/', address } },
  ];
}

async function atTheGateway(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const get = (name: string, expected: string, url: string, userAgent = 'Desktop') =>
    answers(name, expected, mesh.outside, { url, address, headers: { 'user-agent': userAgent } });
  const promotions = 'http://promotions.local/promotions';
  const phone = 'Mozilla/5.0 (Linux; Android 16) Mobile';
  return [
    get('front is entered through the gateway', '200 from front v01 at /', 'http://front.local/'),
    get('/wpcatalog is rewritten', '200 from front v01 at /newcatalog/1', 'http://front.local/wpcatalog/1'),
    get('/consumercatalog is rewritten', '200 from front v01 at /newcatalog?x=1', 'http://front.local/consumercatalog?x=1'),
    get('a phone gets mobile promotions', '200 from promotions-mobile at /promotions/mobile', `${promotions}/mobile`, phone),
    get('a phone elsewhere gets ordinary ones', '200 from promotions at /promotions', promotions, phone),
    get('others get ordinary ones', '200 from promotions at /promotions/mobile', `${promotions}/mobile`),
    answers('paths are rewritten inside the mesh too', '200 from front v01 at /newcatalog', mesh.inside, {
      url: 'http://front.staging.svc.cluster.local/wpcatalog',
    }),
  ];
}

function mongo(mesh: Mesh): Scenario {
  return {
    name: 'mongo is called inside the mesh',
    expected: 'tcp to mongo v7',
    measure: () => callStream(mesh.inside, { host: 'mongo.staging.svc.cluster.local', port: 27017 }),
  };
}

function darkLaunch(mesh: Mesh): Scenario[] {
  const withCookie = (name: string, version: string, cookie: string) =>
    answersAlike(name, `200 ${version}`, mesh.inside, { ...beth, headers: { cookie } });
  return [
    withCookie('developers meet beth v03', 'v03', 'user=developer'),
    withCookie('developers with more cookies meet beth v03', 'v03', 'a=b; user=developer;c=d'),
    withCookie('user=developers is another user', 'v01', 'user=developers'),
    withCookie('xuser=developer is another cookie', 'v01', 'xuser=developer'),
    answersAlike('everybody else meets beth v01', '200 v01', mesh.inside, beth),
  ];
}

function loadBalancing(mesh: Mesh): Scenario[] {
  const version = (name: string) => ({ namespace: 'staging', app: 'beth', version: name });
  return [
    balancing(mesh, 'LEAST_REQUEST', version('v01'), beth),
    balancing(mesh, 'ROUND_ROBIN', version('v03'), { ...beth, headers: { cookie: 'user=developer' } }),
  ];
}

function mirroring(mesh: Mesh): Scenario {
  return {
    name: 'v01 answers for beth, v03 gets a copy of all',
    expected: '100 × 200 v01, 100 copies to v03',
    measure: async () => {
      const [shadow] = await mesh.pods('staging', { app: 'beth', version: 'v03' });
      await shadow.call('takeReceived');
      const served = await countAnswers(mesh.inside, beth);
      await sleep(500);
      return `${served}, ${(await shadow.call('takeReceived')).length} copies to v03`;
    },
  };
}

function canary(mesh: Mesh): Scenario {
  return split(onePercent, mesh, beth, { v01: 99, v03: 1 });
}

function bothSharesToV01(): Mutant {
  return {
    name: 'both shares of beth go to v01',
    noticedBy: onePercent,
    change: (objects) => {
      const { spec } = pick(objects, 'VirtualService', 'beth');
      for (const { destination } of spec.http.at(-1).route as Fields[]) destination.subset = 'v01';
    },
  };
}
