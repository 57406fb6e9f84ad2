import type { Fields } from '../cluster/api';
import { type Mesh, pick } from '../cluster/mesh';
import { fromDist } from '../manifests';
import type { Mutant, Scenario, System } from './scenario';
import { describeWeights, measureSplit } from './split';

const host = 'hw4.otus.svc.cluster.local';
const half = { v1: 50, v2: 50 };

export const otus: System = {
  name: 'otus',
  objects: () => fromDist('otus'),
  scenarios: async (mesh) => [...(await atTheGateway(mesh)), ...insideTheMesh(mesh)],
  mutants: mutants(),
};

async function atTheGateway(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const request = (path: string, name = 'arch.homework') => mesh.outside.call('http', { url: `http://${name}${path}`, address });
  return [
    {
      name: 'the split at the gateway',
      expected: describeWeights(half),
      measure: () => measureSplit(mesh.outside, { url: 'http://arch.homework/otusapp/anna/whoiam', address }, half),
    },
    {
      name: 'the path template is rewritten',
      expected: '200 /whoiam',
      measure: async () => describe(await request('/otusapp/anna/whoiam')),
    },
    ...['/', '/whoiam', '/otusapp/whoiam', '/otusapp/anna/bob/whoiam', '/otusapp/anna/whoiam/'].map((path) => ({
      name: `${path} is not exposed`,
      expected: '404',
      measure: async () => describe(await request(path)),
    })),
    {
      name: 'another host is not exposed',
      expected: '404',
      measure: async () => describe(await request('/otusapp/anna/whoiam', 'other.homework')),
    },
  ];
}

function insideTheMesh(mesh: Mesh): Scenario[] {
  return [
    {
      name: 'the split inside the mesh',
      expected: describeWeights(half),
      measure: () => measureSplit(mesh.inside, { url: `http://${host}:8000/whoiam` }, half),
    },
  ];
}

function describe({ status, received }: { status: number; received?: { path: string } }): string {
  return [status, received?.path].filter(Boolean).join(' ');
}

function mutants(): Mutant[] {
  return [
    {
      name: 'a subset is renamed',
      noticedBy: 'the split inside the mesh',
      change: (objects) => {
        pick(objects, 'DestinationRule', 'hw4').spec.subsets[1].name = 'v3';
      },
    },
    {
      name: 'five points of weight move inside the mesh',
      noticedBy: 'the split inside the mesh',
      change: (objects) => moveWeight(pick(objects, 'VirtualService', 'hw4').spec),
    },
    {
      name: 'five points of weight move at the gateway',
      noticedBy: 'the split at the gateway',
      change: (objects) => moveWeight(pick(objects, 'VirtualService', 'gateway-arch.homework').spec),
    },
    {
      name: 'the Service sends to another port',
      noticedBy: 'the path template is rewritten',
      change: (objects) => {
        pick(objects, 'Service', 'hw4').spec.ports[0].targetPort = 8001;
      },
    },
  ];
}

function moveWeight(virtualService: Fields): void {
  const [first, second] = virtualService.http.at(-1).route;
  first.weight += 5;
  second.weight -= 5;
}
