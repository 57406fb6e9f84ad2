import { setTimeout as sleep } from 'node:timers/promises';
import type { PodProcess } from '../cluster/pod-process';
import type { HttpRequest, Tally } from '../pod/protocol';
import type { Judgement } from './scenario';

/** Who sends which request again and again. */
export interface Caller {
  readonly client: PodProcess;
  readonly request: HttpRequest;
}

/** What is said of the answers, one list of tallies per caller. */
export type Judge = (tallies: Tally[][]) => Judgement;

/** Acts while requests flow, and judges whether one of them failed, or what else is to be judged. */
export async function underLoad(callers: Caller[], action: () => Promise<void>, judge: Judge = noneFailed): Promise<Judgement> {
  await Promise.all(callers.map(({ client, request }) => client.call('startLoad', { ...request, concurrency: 4 })));
  await sleep(250);
  const failure = await action().catch((error: Error) => error);
  await sleep(250);
  const tallies = await Promise.all(callers.map(({ client }) => client.call('stopLoad')));
  if (failure) throw failure;
  return judge(tallies);
}

/** Each caller must have sent enough to notice. */
function noneFailed(tallies: Tally[][]): Judgement {
  const { total, failed, text } = failures(tallies);
  return {
    text: failed > 0 ? text : `none of ${total} failed`,
    holds: tallies.every((tally) => sum(tally) > 100) && failed === 0,
  };
}

/** Some answers may be 503, and no other errors. */
export function failsWith503(isExpected: (share: number) => boolean): Judge {
  return (tallies) => {
    const { total, failed, text } = failures(tallies);
    const others = tallies.flat().filter(({ status }) => status !== 200 && status !== 503);
    return { text, holds: isExpected(failed / total) && others.length === 0 };
  };
}

function failures(tallies: Tally[][]): { total: number; failed: number; text: string } {
  const total = sum(tallies.flat());
  const wrong = tallies.flat().filter(({ status }) => status !== 200);
  const each = wrong.map(({ count, status, error }) => `${count} × ${error ?? status}`).join(', ');
  return { total, failed: sum(wrong), text: `of ${total}: ${each || 'none'}` };
}

function sum(tallies: Tally[]): number {
  return tallies.reduce((total, { count }) => total + count, 0);
}
