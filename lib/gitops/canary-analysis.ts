import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { list, quote, renderSeconds, requireInteger, requirePercent } from '../limits';
import { orUndefined, orUndefinedMap } from '../workload/container';
import type { MetricTemplate } from './metric-template';

/** Over which time a metric is looked at. */
export interface CanaryMetricOptions {
  /**
   * The time, in whole seconds.
   * @default - Flagger's: 1 min
   */
  readonly interval?: Duration;
}

/** What a {@link MetricTemplate} must give. */
export interface TemplateMetricOptions extends CanaryMetricOptions {
  /**
   * The smallest value that passes.
   * @default - none; `min` or `max` must be said
   */
  readonly min?: number;
  /**
   * The largest value that passes.
   * @default - none; `min` or `max` must be said
   */
  readonly max?: number;
}

/**
 * What the next version must keep to.
 *
 * @see https://docs.flagger.app/usage/metrics
 */
export class CanaryMetric {
  /**
   * At least this many percent of the requests are answered with another status than 5xx: 99, not 0.99.
   * @throws `out-of-range` when it is not more than 1 and up to 100
   */
  public static successRate(minPercent: number, options: CanaryMetricOptions = {}): CanaryMetric {
    const min = requirePercent('success rate', minPercent);
    if (min <= 1) {
      throw new MeshError(
        ErrorCode.OUT_OF_RANGE,
        `success rate is ${min} percent, which passes when nearly every request fails; allowed are more than 1 up to 100, such as 99`,
      );
    }
    return new CanaryMetric('request-success-rate', options, { min });
  }

  /**
   * 99 of 100 requests are answered within this time, in whole milliseconds.
   * @throws `out-of-range` when it is not a whole number of milliseconds from 1 up
   */
  public static duration(max: Duration, options: CanaryMetricOptions = {}): CanaryMetric {
    const ms = requireInteger('duration in milliseconds', max.toMilliseconds({ integral: false }), { min: 1 });
    return new CanaryMetric('request-duration', options, { max: ms });
  }

  /**
   * A query of one's own stays within these bounds.
   * @throws `invalid-rollout` when there is no bound, or none that a value satisfies
   */
  public static template(template: MetricTemplate, options: TemplateMetricOptions): CanaryMetric {
    const { min, max } = options;
    if (
      (min === undefined && max === undefined) ||
      Number.isNaN(min) ||
      Number.isNaN(max) ||
      (min ?? -Infinity) > (max ?? Infinity)
    ) {
      throw new MeshError(
        ErrorCode.INVALID_ROLLOUT,
        `metric '${template.templateName}' has min ${min} and max ${max}; say one, or both with min not above max`,
        template,
      );
    }
    const templateRef = { name: template.templateName, namespace: template.namespace };
    return new CanaryMetric(template.templateName, options, { min, max }, { templateRef });
  }

  private constructor(
    /** @internal */
    public readonly _name: string,
    private readonly options: CanaryMetricOptions,
    private readonly thresholdRange: { readonly min?: number; readonly max?: number },
    private readonly query: Record<string, unknown> = {},
  ) {}

  /** @internal */
  public _render(construct: IConstruct): Record<string, unknown> {
    const { interval } = this.options;
    return {
      name: this._name,
      interval: interval && seconds('interval of the metric', interval, 1, construct),
      thresholdRange: this.thresholdRange,
      ...this.query,
    };
  }
}

/**
 * When Flagger calls a webhook. A good answer has the status 200, 201 or 202; another 2xx, such as 204, is none.
 *
 * @see https://docs.flagger.app/usage/webhooks
 */
export enum CanaryHook {
  /** Before the next version gets its first pod; the rollout waits until the answer is good. */
  CONFIRM_ROLLOUT = 'confirm-rollout',
  /** Before the next version gets its first request, such as for a test; other answers count as failed checks. */
  PRE_ROLLOUT = 'pre-rollout',
  /** At each check, such as for load; other answers count as failed checks. */
  ROLLOUT = 'rollout',
  /** Before each larger share; it waits until the answer is good. */
  CONFIRM_TRAFFIC_INCREASE = 'confirm-traffic-increase',
  /** Before the promotion; it waits until the answer is good. */
  CONFIRM_PROMOTION = 'confirm-promotion',
  /** After the promotion or the rollback. */
  POST_ROLLOUT = 'post-rollout',
  /** At each check; a good answer rolls back. */
  ROLLBACK = 'rollback',
  /** At each event of the rollout. */
  EVENT = 'event',
}

/**
 * A URL that Flagger calls during a rollout.
 *
 * @see https://docs.flagger.app/usage/webhooks
 */
export interface CanaryWebhook {
  /** The name of the webhook. */
  readonly name: string;
  /** When it is called. */
  readonly type: CanaryHook;
  /** The URL. */
  readonly url: string;
  /**
   * How long the answer may take, in whole seconds.
   * @default - Flagger's: 10 s
   */
  readonly timeout?: Duration;
  /**
   * What is sent beside the name, the namespace, the phase and the checksum of the rollout.
   * @default - nothing
   */
  readonly metadata?: { [key: string]: string };
}

/**
 * How the next version of an app is tried: its share grows step by step, as long as the metrics are good.
 *
 * @see https://docs.flagger.app/usage/how-it-works#canary-analysis
 */
export interface CanaryAnalysis {
  /** The pause between two checks, at least 10 s. */
  readonly interval: Duration;
  /** After how many failed checks everything goes back to the version in use. */
  readonly threshold: number;
  /**
   * How many percentage points the share of the next version grows with each step.
   * @default - `stepWeights` is said instead
   */
  readonly stepWeight?: number;
  /**
   * The share of the next version in percent at which it takes the place of the one in use. While it has less, a whole step is added:
   * `stepWeight: 30` with `maxWeight: 50` gives it 30, then 60.
   * @default - Flagger's: 100
   */
  readonly maxWeight?: number;
  /**
   * The shares of the next version in percent, step by step, in place of `stepWeight` and `maxWeight`.
   * @default - `stepWeight` is said instead
   */
  readonly stepWeights?: number[];
  /** What the next version must keep to; at least one. */
  readonly metrics: CanaryMetric[];
  /**
   * URLs that are called on the way.
   * @default - none
   */
  readonly webhooks?: CanaryWebhook[];
}

/**
 * Refuses an analysis that promotes without a look, or steps that never come to an end.
 * @throws `invalid-rollout`, `out-of-range`
 */
export function renderAnalysis(analysis: CanaryAnalysis, construct: IConstruct): Record<string, unknown> {
  const { stepWeight, maxWeight, stepWeights, metrics, webhooks = [] } = analysis;
  const refuse = (problem: string): never => {
    throw new MeshError(ErrorCode.INVALID_ROLLOUT, problem, construct);
  };
  if ((stepWeight === undefined) === (stepWeights === undefined)) {
    refuse(`stepWeight is ${stepWeight} and stepWeights ${stepWeights?.join(', ')}; say one of the two`);
  }
  if (stepWeights !== undefined && (maxWeight !== undefined || stepWeights.length === 0 || !isRising(stepWeights))) {
    refuse(`stepWeights are ${list(stepWeights.map(String))}; allowed are rising shares, without maxWeight beside them`);
  }
  if (stepWeight !== undefined && stepWeight > (maxWeight ?? 100)) {
    refuse(
      `stepWeight ${stepWeight} is more than maxWeight ${maxWeight}, so there is no step; let maxWeight be at least as much`,
    );
  }
  const names = metrics.map(({ _name: name }) => name);
  if (metrics.length === 0 || new Set(names).size !== names.length) {
    refuse(`metrics are ${list(names)}; allowed is at least one, each once, or any version would be promoted`);
  }
  return {
    interval: seconds('interval of the analysis', analysis.interval, MIN_INTERVAL_SECONDS, construct),
    threshold: requireInteger('threshold', analysis.threshold, { min: 1 }, construct),
    stepWeight: share('stepWeight', stepWeight, construct),
    maxWeight: share('maxWeight', maxWeight, construct),
    stepWeights: stepWeights?.map((weight) => share('stepWeights', weight, construct)),
    metrics: metrics.map((metric) => metric._render(construct)),
    webhooks: orUndefined(webhooks.map((webhook) => renderWebhook(webhook, construct))),
  };
}

// Flagger looks no more often, whatever is said.
const MIN_INTERVAL_SECONDS = 10;

function renderWebhook(
  { name, type, url, timeout, metadata = {} }: CanaryWebhook,
  construct: IConstruct,
): Record<string, unknown> {
  if (name === '' || !/^https?:\/\/\S+$/.test(url)) {
    throw new MeshError(
      ErrorCode.INVALID_ROLLOUT,
      `webhook ${quote(name)} has the url ${quote(url)}; allowed are a name and a URL`,
      construct,
    );
  }
  return {
    name,
    type,
    url,
    timeout: timeout && seconds('timeout of the webhook', timeout, 1, construct),
    metadata: orUndefinedMap({ ...metadata }),
  };
}

function isRising(weights: readonly number[]): boolean {
  return weights.every((weight, index) => index === 0 || weight > weights[index - 1]);
}

function share(what: string, percent: number | undefined, construct: IConstruct): number | undefined {
  return percent === undefined ? undefined : requireInteger(what, percent, { min: 1, max: 100 }, construct);
}

/** Flagger takes whole seconds. */
export function seconds(what: string, duration: Duration, min: number, construct: IConstruct): string {
  return `${renderSeconds(what, duration, min, construct)}s`;
}
