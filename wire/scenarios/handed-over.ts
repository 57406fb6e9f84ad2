import type { Manifest } from '../cluster/api';
import { synthesize } from '../manifests';
import type { HttpRequest } from '../pod/protocol';
import { frontHosts, handedOver } from '../systems/handed-over';
import { type Caller, underLoad } from './load';
import { goodMetrics, Rollout } from './rollout';
import type { Scenario, System } from './scenario';
import { describeWeights } from './split';

const namespace = 'handed-over';
const inside = 'http://front.handed-over.svc.cluster.local';

/** What is said of an app holds in the hands of Flagger: wherever requests come from, and of both versions. */
export const handedOverSystem: System = {
  name: 'handed-over',
  objects: () => objectsFor('v1'),
  scenarios: async (mesh) => {
    const front = await Rollout.start(mesh, namespace, 'front');
    const visitor = await mesh.startClient('visitor', { namespace });
    const stranger = await mesh.startClient('stranger', { namespace });
    const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
    const entrances = frontHosts.map((host): Caller => ({ client: mesh.outside, request: { url: `http://${host}`, address } }));
    const callers = [...entrances, { client: visitor, request: { url: inside } }];
    /** The same request of everybody, and the answers one after the other. */
    const ask = async (path: string, options: Partial<HttpRequest> = {}) => {
      const answers = callers.map(({ client, request }) =>
        client.call('http', { ...request, ...options, url: `${request.url}${path}` }),
      );
      return Promise.all(answers);
    };
    const statuses = async (path: string) => (await ask(path)).map(({ status }) => status).join(', ');
    return [
      { name: 'at two gateways and in the mesh: below /api', expected: '200, 200, 200', measure: () => statuses('/api/x') },
      { name: 'elsewhere', expected: '404, 404, 200', measure: () => statuses('/x') },
      {
        name: 'nobody else enters',
        expected: 'refused',
        measure: async () => ((await stranger.call('http', { url: `${inside}/api/x` })).status === 200 ? 'answered' : 'refused'),
      },
      {
        name: 'CORS',
        expected: Array(3).fill('https://shop.example.com').join(', '),
        measure: async () => {
          const headers = { origin: 'https://shop.example.com', 'access-control-request-method': 'GET' };
          const answers = await ask('/api/x', { method: 'OPTIONS', headers });
          return answers.map((answer) => answer.headers['access-control-allow-origin']).join(', ');
        },
      },
      {
        name: 'Prometheus finds both versions',
        expected: 'port http-metrics of front-canary, port http-metrics of front-primary',
        measure: () => front.monitored(objectsFor('v1')),
      },
      {
        name: 'the next version is scaled like the one in use',
        expected: '2 of front-primary, 2 of front',
        measure: async () => {
          front.setMetrics(goodMetrics);
          await mesh.apply(objectsFor('v2'));
          await front.reachWeight(20);
          const counts = ['front-primary', 'front'].map(
            async (app) => `${(await mesh.pods(namespace, { app })).length} of ${app}`,
          );
          return (await Promise.all(counts)).join(', ');
        },
      },
      ...callers.map(
        (caller): Scenario => ({
          name: `its share for ${caller.request.url}`,
          expected: describeWeights({ primary: 80, canary: 20 }),
          measure: () => front.judgeShare({ ...caller, request: { ...caller.request, url: `${caller.request.url}/api/x` } }, 20),
        }),
      ),
      {
        name: 'the budget counts both versions',
        expected: '4 pods',
        measure: async () => {
          const { status } = await mesh.api.get(`/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/front`);
          return `${status.expectedPods} pods`;
        },
      },
      {
        name: 'the timeout',
        expected: '504, 504, 504',
        measure: async () => {
          const pods = [
            ...(await mesh.pods(namespace, { app: 'front-primary' })),
            ...(await mesh.pods(namespace, { app: 'front' })),
          ];
          await Promise.all(pods.map((pod) => pod.call('behave', { delayMilliseconds: 2000 })));
          const measured = await statuses('/api/x');
          await Promise.all(pods.map((pod) => pod.call('behave', {})));
          return measured;
        },
      },
      {
        name: 'what it calls answers both versions',
        expected: '0, 0',
        measure: async () => {
          const statusOf = async (app: string) => {
            const [pod] = await mesh.pods(namespace, { app });
            return (await pod.call('grpc', { host: 'back.handed-over.svc.cluster.local', port: 7070, method: '/back/Get' }))
              .status;
          };
          return (await Promise.all(['front-primary', 'front'].map(statusOf))).join(', ');
        },
      },
      {
        name: 'a second apply on the way',
        expected: 'nothing of Flagger has changed',
        measure: () => front.changesOfOwned(async () => void (await mesh.apply(objectsFor('v2')))),
      },
      {
        name: 'it is promoted',
        expected: 'no request fails',
        measure: () => {
          const load = callers.map(({ client, request }) => ({ client, request: { ...request, url: `${request.url}/api/x` } }));
          return underLoad(load, () => front.reach('Succeeded'));
        },
      },
      {
        name: 'a changed file is a next version too',
        expected: 'Failed, v2 in use',
        measure: async () => {
          front.setMetrics({ ...goodMetrics, latencyMilliseconds: 501 });
          await mesh.apply(objectsFor('v2', 'another'));
          await front.reach('Failed');
          return front.state();
        },
      },
    ];
  },
};

function objectsFor(tag: string, file?: string): Manifest[] {
  return synthesize((app) => handedOver(app, tag, file));
}
