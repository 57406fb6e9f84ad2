import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { METRIC_TEMPLATE } from '../api-versions';
import { rememberCreation } from '../creation';
import { ErrorCode, MeshError } from '../errors';
import { quote, requireDnsLabel } from '../limits';
import { requireNamespace } from '../mesh-service';

/** Properties of a {@link MetricTemplate}. */
export interface MetricTemplateProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The URL of the Prometheus that answers the query. */
  readonly address: string;
  /**
   * The query in PromQL, which gives one number. `{{ namespace }}`, `{{ target }}` (the Deployment of the next version), `{{ ingress }}`,
   * `{{ service }}` and `{{ interval }}` stand for values of the rollout.
   */
  readonly query: string;
}

/**
 * A query by which {@link FlaggerCanary} judges the next version of an app.
 *
 * @see https://docs.flagger.app/usage/metrics#custom-metrics
 */
export class MetricTemplate extends Construct {
  /** The name of the object. */
  public readonly templateName: string;
  /** The namespace of the object. */
  public readonly namespace: string;

  /** @throws `invalid-rollout` when the query is empty or the address is no URL, `invalid-name`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: MetricTemplateProps) {
    super(scope, id);
    rememberCreation(this);
    const { address, query } = props;
    this.templateName = this.requireName(props.name ?? id);
    this.namespace = requireNamespace(this);
    if (query.trim() === '' || !/^https?:\/\/\S+$/.test(address)) {
      throw new MeshError(
        ErrorCode.INVALID_ROLLOUT,
        `query is ${quote(query)} and address ${quote(address)}; allowed are a query that is not empty, and the URL of the Prometheus`,
        this,
      );
    }
    new ApiObject(this, 'Resource', {
      ...METRIC_TEMPLATE,
      metadata: { name: this.templateName, namespace: this.namespace },
      spec: {
        provider: { type: 'prometheus', address },
        query,
      },
    });
  }

  /** Flagger knows a metric by its name alone, and runs its own query for these two. */
  private requireName(name: string): string {
    if (name === 'request-success-rate' || name === 'request-duration') {
      throw new MeshError(
        ErrorCode.INVALID_NAME,
        `name of the template is '${name}', for which Flagger has a query of its own; choose another name`,
        this,
      );
    }
    return requireDnsLabel('name of the template', name, this);
  }
}
