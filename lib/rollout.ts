import { Chart } from 'cdk8s';
import type { Construct } from 'constructs';
import { Alternatives } from './alternatives';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { list, requireDnsLabel } from './limits';
import { requireSplit } from './routing/traffic-split';

/** Properties of a {@link Rollout}. */
export interface RolloutProps {
  /** The namespace of the charts. */
  readonly namespace: string;
  /** The share of each version in whole percentages that sum to 100, step by step. Each step names the same versions. */
  readonly steps: { [version: string]: number }[];
}

/** A step of a {@link Rollout}. */
export interface RolloutStep {
  /** The chart to which the app of this step belongs. */
  readonly chart: Chart;
  /** The split of this step. */
  readonly split: { [version: string]: number };
}

/**
 * The steps from one version of an app to the next, a chart for each: `<id>-80-20`, `<id>-60-40`, … One of them is applied at a time.
 * Charts that hold the same app differ in its weights alone.
 *
 * @example
 * const rollout = new Rollout(app, 'cart', { namespace: 'shop', steps: [{ v1: 80, v2: 20 }, { v1: 0, v2: 100 }] });
 * for (const { chart, split } of rollout.steps) {
 *   new CanaryApp(chart, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {}, v2: {} }, split });
 * }
 */
export class Rollout extends Alternatives {
  private readonly _steps: RolloutStep[];

  /**
   * @throws `invalid-split` when there is no step, or one does not sum to 100, leaves out a version of the first, or is there
   * twice
   * @throws `unknown-version` when a step names a version that the first does not
   * @throws `invalid-name`
   */
  public constructor(scope: Construct, id: string, props: RolloutProps) {
    super(scope, id);
    rememberCreation(this);
    const namespace = requireDnsLabel('namespace', props.namespace, this);
    const names = props.steps.map((split, index) => this.nameStep(index, split, props.steps[0]));
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (names.length === 0 || twice !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_SPLIT,
        names.length === 0 ? 'steps is empty; a rollout needs at least one' : `step ${twice} is there twice; say it once`,
        this,
      );
    }
    this._steps = props.steps.map((split, index) => ({
      chart: new Chart(this, names[index], { namespace }),
      split: { ...split },
    }));
  }

  /** The steps in order. */
  public get steps(): RolloutStep[] {
    return [...this._steps];
  }

  private nameStep(index: number, split: { [version: string]: number }, first: { [version: string]: number }): string {
    const versions = Object.keys(first);
    const shares = requireSplit(`steps[${index}]`, split, versions, this);
    const missing = versions.filter((version) => !shares.has(version));
    if (missing.length > 0) {
      throw new MeshError(
        ErrorCode.INVALID_SPLIT,
        `steps[${index}] does not name ${list(missing)}; each step names all versions, with 0 where one gets nothing`,
        this,
      );
    }
    return [...shares.values()].join('-');
  }
}
