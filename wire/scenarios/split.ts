import type { PodProcess } from '../cluster/pod-process';
import type { HttpRequest, Tally, TcpRequest } from '../pod/protocol';
import type { Judgement } from './scenario';

/**
 * Each request of a split is an independent draw, so shares can be judged only up to chance. Wald's sequential test goes on drawing until
 * what was drawn is so many times likelier with the weights that are meant than with any that is five points off, or the other way round.
 * With this ratio, all comparisons of a run together err with probability 1 in 10,000 at most: that a right weight fails, or a wrong one
 * passes. Weights that are two or three points off may take long; then the nearer one decides.
 */
const wrongBy = 0.05;
const errorPerRun = 1e-4;
const comparisonsPerRun = 500;
const decisive = Math.log(comparisonsPerRun / errorPerRun);
const batch = 500;
const drawsAtMost = 12_000;

/** Weights in percent by version; a version of weight 0 must get nothing, any other at least something. */
export type Weights = Readonly<Record<string, number>>;

export function measureSplit(client: PodProcess, request: HttpRequest, weights: Weights): Promise<Judgement> {
  return measureShares((times) => client.call('repeatHttp', { ...request, times, concurrency: 16 }), weights);
}

/** Of a TCP stream each connection is a draw. */
export function measureTcpSplit(client: PodProcess, request: TcpRequest, weights: Weights): Promise<Judgement> {
  return measureShares((times) => client.call('repeatTcp', { ...request, times, concurrency: 16 }), weights);
}

export async function measureShares(draw: (times: number) => Promise<Tally[]>, weights: Weights): Promise<Judgement> {
  const counts = new Map(Object.keys(weights).map((version) => [version, 0]));
  for (let total = batch; ; total += batch) {
    for (const tally of await draw(batch)) {
      const outcome = tally.error ?? (tally.version || `status ${tally.status}`);
      counts.set(outcome, (counts.get(outcome) ?? 0) + tally.count);
    }
    const evidence = Math.min(...[...counts].map(([outcome, count]) => evidenceFor((weights[outcome] ?? 0) / 100, count, total)));
    if (Math.abs(evidence) < decisive && total < drawsAtMost) continue;
    const shares = [...counts].map(([outcome, count]) => `${((100 * count) / total).toFixed(1)} % ${outcome}`);
    return { text: shares.join(', '), holds: evidence > 0 };
  }
}

/** How much likelier these counts are with this weight than with one that is five points off: the logarithm of the ratio. */
function evidenceFor(weight: number, count: number, total: number): number {
  const likelihood = (p: number) => part(count, p) + part(total - count, 1 - p);
  const others = [Math.max(weight - wrongBy, 0), Math.min(weight + wrongBy, 1)].filter((other) => other !== weight);
  return Math.min(...others.map((other) => likelihood(weight) - likelihood(other)));
}

/** What is impossible counts as very unlikely, so that two impossible things can be compared. */
function part(count: number, probability: number): number {
  return count === 0 ? 0 : count * Math.log(Math.max(probability, Number.MIN_VALUE));
}

export function describeWeights(weights: Weights): string {
  return Object.entries(weights)
    .map(([version, weight]) => `${weight} % ${version}`)
    .join(', ');
}
