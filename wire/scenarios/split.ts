import type { PodProcess } from '../cluster/pod-process';
import type { HttpRequest, Tally, TcpRequest } from '../pod/protocol';
import type { Judgement } from './scenario';

/**
 * Each request of a split is an independent draw, so shares can be judged only up to chance. By Chernoff's inequality the share of
 * n requests lies beyond a bound with probability at most exp(-n·d), where d is the distance of the bound from the weight as
 * `divergence` has it. A share is accepted within half of the five points that a wrong weight is off, and n is chosen so that all
 * comparisons of a run together err with probability 1 in 10,000 at most: that a right weight fails, or a wrong one passes.
 */
const wrongBy = 0.05;
const margin = wrongBy / 2;
const errorPerRun = 1e-4;
const comparisonsPerRun = 100;

/** Weights in percent by version; a version of weight 0 must get nothing, any other at least something. */
export type Weights = Readonly<Record<string, number>>;

export function sampleSize(weights: Weights): number {
  const distances = Object.values(weights).flatMap((percent) => {
    const weight = percent / 100;
    const bounds = [weight - margin, weight + margin].filter((bound) => bound > 0 && bound < 1);
    const wrong = [weight - wrongBy, weight + wrongBy].filter((other) => other > 0 && other < 1);
    return bounds.flatMap((bound) => [weight, ...wrong].map((other) => divergence(bound, other)));
  });
  return Math.ceil(Math.log((2 * comparisonsPerRun) / errorPerRun) / Math.min(...distances));
}

/** How unlikely a share is for a weight, per request. */
function divergence(share: number, weight: number): number {
  const part = (p: number, q: number) => (p === 0 ? 0 : p * Math.log(p / q));
  return weight === 0 || weight === 1 ? Number.POSITIVE_INFINITY : part(share, weight) + part(1 - share, 1 - weight);
}

export async function measureSplit(client: PodProcess, request: HttpRequest, weights: Weights): Promise<Judgement> {
  const times = sampleSize(weights);
  return judgeSplit(await client.call('repeatHttp', { ...request, times, concurrency: 16 }), weights);
}

/** Of a TCP stream each connection is a draw. */
export async function measureTcpSplit(client: PodProcess, request: TcpRequest, weights: Weights): Promise<Judgement> {
  const times = sampleSize(weights);
  return judgeSplit(await client.call('repeatTcp', { ...request, times, concurrency: 16 }), weights);
}

export function judgeSplit(tallies: Tally[], weights: Weights): Judgement {
  const counts = new Map<string, number>();
  for (const tally of tallies) {
    const outcome = tally.error ?? (tally.version || `status ${tally.status}`);
    counts.set(outcome, (counts.get(outcome) ?? 0) + tally.count);
  }
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const outcomes = new Set([...Object.keys(weights), ...counts.keys()]);
  const shares = [...outcomes].map((outcome) => ({
    outcome,
    share: (counts.get(outcome) ?? 0) / total,
    weight: (weights[outcome] ?? 0) / 100,
  }));
  return {
    text: shares.map(({ outcome, share }) => `${(100 * share).toFixed(1)} % ${outcome}`).join(', '),
    holds: shares.every(({ share, weight }) => Math.abs(share - weight) <= margin && share > 0 === weight > 0),
  };
}

export function describeWeights(weights: Weights): string {
  return Object.entries(weights)
    .map(([version, weight]) => `${weight} % ${version}`)
    .join(', ');
}
