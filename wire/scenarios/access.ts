import { type Mesh, pick } from '../cluster/mesh';
import { synthesize } from '../manifests';
import { access, privateHost, streamPort } from '../systems/access';
import { answers, callStream } from './answers';
import type { Mutant, Scenario, System } from './scenario';

const streamForAll = 'strangers reach the stream';

/** Who reaches a host that is for some, and that a stream through the same gateway is for all. */
export const accessSystem: System = {
  name: 'access',
  objects: () => synthesize(access),
  scenarios,
  mutants: [streamForgotten()],
};

async function scenarios(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const request = { url: `http://${privateHost}/`, address };
  const stranger = { from: mesh.outside.publicAddress };
  return [
    answers('friends reach the host', '200 from site v1 at /', mesh.outside, request),
    answers('strangers do not', '403', mesh.outside, { ...request, ...stranger }),
    {
      name: 'friends reach the stream',
      expected: 'tcp to stream v1',
      measure: () => callStream(mesh.outside, { host: 'stream', address, port: streamPort }),
    },
    {
      name: streamForAll,
      expected: 'tcp to stream v1',
      measure: () => callStream(mesh.outside, { host: 'stream', address, port: streamPort, ...stranger }),
    },
  ];
}

function streamForgotten(): Mutant {
  return {
    name: 'the policy does not name the stream',
    noticedBy: streamForAll,
    change: (objects) => {
      const { spec } = pick(objects, 'AuthorizationPolicy', `access-gateway-${privateHost}`);
      delete spec.rules[0].to[0].operation.notPorts;
    },
  };
}
