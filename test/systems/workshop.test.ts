import { describePage } from '../support/pages';
import { schemaMistakes } from '../support/schemas';
import { type Manifest, one } from '../support/synth';
import { changedLines, diffOfDist, synthFolders } from '../support/systems';

const SYSTEM = { name: 'workshop', file: 'systems/workshop.ts' };
const folders = synthFolders(SYSTEM);
const METRICS = 8000;
const STEPS = ['80-20', '60-40', '40-60', '20-80', '0-100'];

describePage({ name: 'workshop', system: SYSTEM.name, file: SYSTEM.file });

function folder(name: string): Manifest[] {
  return folders.get(name) ?? [];
}

/** The routes of the app itself; its metrics have one of their own. */
function routes(
  name: string,
  virtualService: string,
): { match?: unknown; rewrite?: unknown; mirrors?: unknown; route: unknown }[] {
  const http: { match?: { port?: number }[]; route: unknown }[] = one(folder(name), 'VirtualService', virtualService).spec.http;
  return http.filter(({ match = [] }) => !match.some(({ port }) => port === METRICS));
}

function to(host: string, subset: string, weight: number): unknown {
  return { destination: { host: `${host}.staging.svc.cluster.local`, port: { number: 80 }, subset }, weight };
}

describe('the workshop', () => {
  test('is a folder for what is always there, three for beth and one for each step of aleph', () => {
    expect([...folders.keys()].sort()).toEqual(
      [
        'workshop',
        'workshop-beth-canary',
        'workshop-beth-dark-launch',
        'workshop-beth-mirror',
        ...STEPS.map((step) => `workshop-aleph-${step}`),
      ].sort(),
    );
  });

  test('is valid against the CRDs of all versions of Istio', () => {
    expect(schemaMistakes([...folders.values()].flat())).toEqual([]);
  });

  test('launches beth v03 in the dark, for the user developer alone', () => {
    const [developer, rest] = routes('workshop-beth-dark-launch', 'beth');
    expect(developer).toMatchObject({
      match: [{ headers: { cookie: { regex: '^(.*;\\s*)?user=developer(\\s*;.*)?$' } } }],
      route: [to('beth', 'v03', 100)],
    });
    expect(rest.route).toEqual([to('beth', 'v01', 100)]);
  });

  test('mirrors all requests to beth v03, and answers from v01', () => {
    expect(routes('workshop-beth-mirror', 'beth')).toMatchObject([
      {
        route: [to('beth', 'v01', 100)],
        mirrors: [{ destination: { host: 'beth.staging.svc.cluster.local', subset: 'v03' }, percentage: { value: 100 } }],
      },
    ]);
  });

  test('gives the canary of beth one percent, and the other version the rest', () => {
    expect(routes('workshop-beth-canary', 'beth')[0].route).toEqual([to('beth', 'v01', 99), to('beth', 'v03', 1)]);
  });

  test('balances beth by fewest requests, and its newer version in turn', () => {
    const { trafficPolicy, subsets } = one(folder('workshop-beth-canary'), 'DestinationRule', 'beth').spec;
    expect(trafficPolicy.loadBalancer).toEqual({ simple: 'LEAST_REQUEST' });
    expect(subsets).toEqual([
      { name: 'v01', labels: { version: 'v01' } },
      { name: 'v03', labels: { version: 'v03' }, trafficPolicy: { loadBalancer: { simple: 'ROUND_ROBIN' } } },
    ]);
  });

  test.each(STEPS)('rolls aleph out by %s: roles over the labels of the versions', (step) => {
    const name = `workshop-aleph-${step}`;
    const [production, canary] = step.split('-').map(Number);
    expect(routes(name, 'aleph')[0].route).toEqual([to('aleph', 'production', production), to('aleph', 'canary', canary)]);
    expect(one(folder(name), 'DestinationRule').spec.subsets).toEqual([
      { name: 'production', labels: { version: 'v01' } },
      { name: 'canary', labels: { version: 'v02' } },
    ]);
  });

  test('changes nothing but weights from one step to the next', () => {
    const withoutWeights = STEPS.map((step) =>
      JSON.stringify(folder(`workshop-aleph-${step}`)).replace(/"weight":\d+/g, '"weight":0'),
    );
    expect(new Set(withoutWeights).size).toBe(1);
  });

  test('sends phones to promotions of their own, and everybody else to the others', () => {
    expect(routes('workshop', 'gateway-promotions.local')).toMatchObject([
      {
        match: [{ headers: { 'user-agent': { regex: '.*Mobile.*' } }, uri: { prefix: '/promotions/mobile' } }],
        route: [{ destination: { host: 'promotions-mobile.prod.svc.cluster.local' } }],
      },
      { route: [{ destination: { host: 'promotions.prod.svc.cluster.local' } }] },
    ]);
  });

  test('shows both old catalogs of front as the new one, at the gateway and inside the mesh', () => {
    for (const name of ['front', 'gateway-front.local']) {
      expect(routes('workshop', name)[0]).toMatchObject({
        match: [{ uri: { prefix: '/wpcatalog' } }, { uri: { prefix: '/consumercatalog' } }],
        rewrite: { uri: '/newcatalog' },
      });
    }
  });

  test('has clients with an identity and without a Service', () => {
    const workshop = folder('workshop');
    expect(one(workshop, 'Pod', 'curl').spec).toEqual({
      serviceAccountName: 'curl',
      containers: [{ name: 'curl', image: 'otomato/alpine-curl', command: ['sleep', '100000'] }],
    });
    expect(one(workshop, 'Deployment', 'loader').spec.template.spec.serviceAccountName).toBe('loader');
    expect(workshop.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name)).toEqual(['front', 'mongo']);
  });
});

test('a change of a weight of the workshop moves two lines in one folder', () => {
  const diff = diffOfDist({ ...SYSTEM, from: 'v01: 99, v03: 1', to: 'v01: 98, v03: 2' });
  expect(changedLines(diff)).toEqual([
    '-          weight: 99',
    '+          weight: 98',
    '-          weight: 1',
    '+          weight: 2',
  ]);
});
