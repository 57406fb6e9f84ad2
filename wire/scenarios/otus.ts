import type { Manifest } from '../cluster/api';
import { isKind, type Mesh } from '../cluster/mesh';
import type { Mutant, Scenario, System } from './scenario';
import { describeWeights, measureSplit } from './split';

const host = 'hw4.otus.svc.cluster.local';
const half = { v1: 50, v2: 50 };

export const otus: System = {
  name: 'otus',
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
  const one = (objects: Manifest[], kind: string, index = 0) => objects.filter(isKind(kind))[index];
  return [
    {
      name: 'a subset is renamed',
      noticedBy: 'the split inside the mesh',
      change: (objects) => {
        one(objects, 'DestinationRule').spec.subsets[1].name = 'v3';
      },
    },
  ];
}
