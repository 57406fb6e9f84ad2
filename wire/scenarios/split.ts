import type { PodProcess } from '../cluster/pod-process';
import type { HttpRequest, Tally } from '../pod/protocol';
import type { Judgement } from './scenario';

/**
 * Each request of a split is an independent draw, so shares can be judged only up to chance. By Hoeffding's inequality the share
 * of n requests is further than `margin` from its weight with probability at most 2·exp(-2·n·margin²). A share is accepted within
 * half of the five points that a wrong weight is off, so both errors (a right weight fails, a wrong one passes) have that bound.
 * n is chosen so that all comparisons of a run together err with probability 1 in 10,000 at most.
 */
const wrongBy = 0.05;
const margin = wrongBy / 2;
const errorPerRun = 1e-4;
const comparisonsPerRun = 100;
export const sampleSize = Math.ceil(Math.log((2 * comparisonsPerRun) / errorPerRun) / (2 * margin ** 2));

/** Weights in percent by version; a version of weight 0 must get nothing, any other at least something. */
export type Weights = Readonly<Record<string, number>>;

export async function measureSplit(client: PodProcess, request: HttpRequest, weights: Weights): Promise<Judgement> {
  return judgeSplit(await client.call('repeatHttp', { ...request, times: sampleSize, concurrency: 16 }), weights);
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
