import type { Mesh } from '../cluster/mesh';
import type { HttpRequest } from '../pod/protocol';
import type { Scenario } from './scenario';

const pods = 3;
const requests = 600;

/** Names one version of an app. */
export interface Version {
  readonly namespace: string;
  readonly app: string;
  readonly version: string;
}

interface Algorithm {
  readonly expected: string;
  /** Given the number of requests that the slow pod got, then those of the others. */
  readonly holds: (counts: number[]) => boolean;
}

/**
 * How three pods, one of them slow, share what one caller asks of their version. Taking turns gives each its third; chance gives the slow
 * pod a third, more or less. Who takes the less busy of two random pods takes the slow one mostly when it is both of them: once in nine.
 * A fifth of the requests lies five standard deviations away from each.
 */
const algorithms = {
  ROUND_ROBIN: { expected: 'as many requests for each', holds: (counts) => Math.max(...counts) - Math.min(...counts) <= 1 },
  RANDOM: { expected: 'a third for the slow one, or so', holds: (counts) => slowShare(counts) > 0.2 && slowShare(counts) < 0.47 },
  LEAST_REQUEST: { expected: 'less than a fifth for the slow one', holds: (counts) => slowShare(counts) < 0.2 },
} satisfies Record<string, Algorithm>;

function slowShare(counts: number[]): number {
  return counts[0] / counts.reduce((sum, count) => sum + count, 0);
}

export function balancing(mesh: Mesh, name: keyof typeof algorithms, version: Version, request: HttpRequest): Scenario {
  const { expected, holds }: Algorithm = algorithms[name];
  return {
    name: `${name} for ${version.app} ${version.version}, one of 3 pods slow`,
    expected,
    measure: async () => {
      const counts = await countByPod(mesh, version, request);
      return { text: counts.join(', '), holds: holds(counts) };
    },
  };
}

async function countByPod(mesh: Mesh, { namespace, app, version }: Version, request: HttpRequest): Promise<number[]> {
  await mesh.scale(namespace, app, version, pods);
  const [slow, ...others] = await mesh.pods(namespace, { app, version });
  await slow.call('behave', { delayMilliseconds: 50 });
  const tallies = await mesh.inside.call('repeatHttp', { ...request, times: requests, concurrency: 6 });
  await slow.call('behave', {});
  await mesh.scale(namespace, app, version, 1);
  return [slow, ...others].map(({ name }) => tallies.find(({ pod }) => pod === name)?.count ?? 0);
}
