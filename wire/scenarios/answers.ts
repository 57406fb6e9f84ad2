import type { PodProcess } from '../cluster/pod-process';
import type { HttpAnswer, HttpRequest, TcpRequest } from '../pod/protocol';
import type { Scenario } from './scenario';

/** So many that a route which takes one request in ten of another's is all but sure to be seen. */
const enough = 100;

/** One request, and the words that {@link describeAnswer} finds for its answer. */
export function answers(name: string, expected: string, client: PodProcess, request: HttpRequest): Scenario {
  return { name, expected, measure: async () => describeAnswer(await client.call('http', request)) };
}

/** Such as `200 from front v01 at /newcatalog`, `301 to /api/v2`, `404` or `ECONNRESET`. */
export function describeAnswer({ status, headers, received, error }: HttpAnswer): string {
  if (error) return error;
  if (headers.location) return `${status} to ${headers.location}`;
  if (!received) return `${status}`;
  return `${status} from ${[received.app, received.version].filter(Boolean).join(' ')} at ${received.path}`;
}

/** One request whose answer comes after so many seconds, and half a second later at most. */
export function answersAfter(
  name: string,
  seconds: number,
  expected: string,
  client: PodProcess,
  request: HttpRequest,
): Scenario {
  return {
    name,
    expected: `${expected} after ${seconds} s`,
    measure: async () => {
      const { status, milliseconds } = await client.call('http', request);
      const late = milliseconds / 1000 - seconds;
      return { text: `${status} after ${milliseconds} ms`, holds: `${status}` === expected && late > -0.05 && late < 0.5 };
    },
  };
}

/** Some bytes, and who got them in plain TCP: `tcp to mongo v7`. */
export async function callStream(client: PodProcess, request: Omit<TcpRequest, 'text'>): Promise<string> {
  const { received, error } = await client.call('tcp', { ...request, text: 'hello' });
  return error ?? (received ? `${received.protocol} to ${received.app} ${received.version}` : 'closed without an answer');
}

/** A hundred requests that all get the same answer, from pods of one version: `100 × 200 v03`. */
export function answersAlike(name: string, answer: string, client: PodProcess, request: HttpRequest): Scenario {
  return { name, expected: `${enough} × ${answer}`, measure: () => countAnswers(client, request) };
}

export async function countAnswers(client: PodProcess, request: HttpRequest, times = enough): Promise<string> {
  const counts = new Map<string, number>();
  for (const { status, version, error, count } of await client.call('repeatHttp', { ...request, times })) {
    const answer = error ?? `${status} ${version}`.trim();
    counts.set(answer, (counts.get(answer) ?? 0) + count);
  }
  return [...counts].map(([answer, count]) => `${count} × ${answer}`).join(', ');
}
