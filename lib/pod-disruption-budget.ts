import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { POD_DISRUPTION_BUDGET } from './api-versions';
import type { CanaryApp } from './canary-app';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { requireInteger, requirePercent } from './limits';

/** Properties of a {@link PodDisruptionBudget}; exactly one of the bounds is said. */
export interface PodDisruptionBudgetProps {
  /** The app. */
  readonly app: CanaryApp;
  /**
   * How many pods must stay.
   * @default - another bound is said
   */
  readonly minAvailable?: number;
  /**
   * How many percent of the pods must stay.
   * @default - another bound is said
   */
  readonly minAvailablePercent?: number;
  /**
   * How many pods may be missing.
   * @default - another bound is said
   */
  readonly maxUnavailable?: number;
  /**
   * How many percent of the pods may be missing.
   * @default - another bound is said
   */
  readonly maxUnavailablePercent?: number;
}

/**
 * How many pods of an app, all versions together, may be missing while nodes are drained.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/disruptions/
 */
export class PodDisruptionBudget extends Construct {
  /** @throws `invalid-workload` when not exactly one bound is said, `out-of-range` */
  public constructor(scope: Construct, id: string, props: PodDisruptionBudgetProps) {
    super(scope, id);
    rememberCreation(this);
    const { app, minAvailable, minAvailablePercent, maxUnavailable, maxUnavailablePercent } = props;
    const bounds = [minAvailable, minAvailablePercent, maxUnavailable, maxUnavailablePercent].filter(
      (bound) => bound !== undefined,
    );
    if (bounds.length !== 1) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `${bounds.length} bounds are said; allowed is one of minAvailable, minAvailablePercent, maxUnavailable, maxUnavailablePercent`,
        this,
      );
    }
    new ApiObject(this, 'Resource', {
      ...POD_DISRUPTION_BUDGET,
      metadata: { name: app.serviceName, namespace: app.namespace },
      spec: {
        selector: app._podSelector,
        minAvailable: this.bound('minAvailable', minAvailable, minAvailablePercent),
        maxUnavailable: this.bound('maxUnavailable', maxUnavailable, maxUnavailablePercent),
      },
    });
  }

  private bound(what: string, count?: number, percent?: number): number | string | undefined {
    if (percent !== undefined) {
      return `${requireInteger(`${what}Percent`, requirePercent(`${what}Percent`, percent, this), { min: 0 }, this)}%`;
    }
    return count === undefined ? undefined : requireInteger(what, count, { min: 0 }, this);
  }
}
