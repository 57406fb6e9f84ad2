import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { HELM_REPOSITORY } from '../api-versions';
import { renderDuration } from '../limits';
import { FluxResource, requireUrl } from './flux-resource';

/** Properties of a {@link HelmRepository}. */
export interface HelmRepositoryProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** Where the charts are: `https://…`, `http://…`, or `oci://…` for a container registry. */
  readonly url: string;
  /** The pause between two looks at the repository. */
  readonly interval: Duration;
}

/**
 * A repository of Helm charts.
 *
 * @see https://fluxcd.io/flux/components/source/helmrepositories/
 */
export class HelmRepository extends FluxResource {
  /** @throws `invalid-host` for a URL of another kind, `invalid-name`, `missing-namespace`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: HelmRepositoryProps) {
    super(scope, id, props.name);
    const { url, interval } = props;
    this._create(HELM_REPOSITORY, {
      type: url.startsWith('oci://') ? 'oci' : undefined,
      url: requireUrl('url', url, ['https', 'http', 'oci'], this),
      interval: renderDuration('interval', interval, this),
    });
  }
}
