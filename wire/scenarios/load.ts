import { setTimeout as sleep } from 'node:timers/promises';
import type { PodProcess } from '../cluster/pod-process';
import type { HttpRequest, Tally } from '../pod/protocol';
import type { Judgement } from './scenario';

/** Who sends which request again and again. */
export interface Caller {
  readonly client: PodProcess;
  readonly request: HttpRequest;
}

/** Acts while requests flow, and judges whether one of them failed. */
export async function underLoad(callers: Caller[], action: () => Promise<void>): Promise<Judgement> {
  await Promise.all(callers.map(({ client, request }) => client.call('startLoad', { ...request, concurrency: 4 })));
  await sleep(250);
  const failure = await action().catch((error: Error) => error);
  await sleep(250);
  const tallies = await Promise.all(callers.map(({ client }) => client.call('stopLoad')));
  if (failure) throw failure;
  return judgeLoad(tallies);
}

/** One list of tallies per caller, each of whom must have sent enough to notice. */
function judgeLoad(tallies: Tally[][]): Judgement {
  const totals = tallies.map((answers) => answers.reduce((sum, { count }) => sum + count, 0));
  const total = totals.reduce((sum, count) => sum + count, 0);
  const failed = tallies.flat().filter(({ status }) => status !== 200);
  const failures = failed.map(({ count, status, error }) => `${count} × ${error ?? status}`).join(', ');
  return {
    text: failures ? `of ${total}: ${failures}` : `none of ${total} failed`,
    holds: totals.every((count) => count > 100) && failed.length === 0,
  };
}
