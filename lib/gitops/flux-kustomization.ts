import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { FLUX_KUSTOMIZATION } from '../api-versions';
import { renderDuration } from '../limits';
import { orUndefined } from '../workload/container';
import { FluxResource, requireRepositoryPath } from './flux-resource';
import type { GitRepository } from './git-repository';

/** Properties of a {@link FluxKustomization}. */
export interface FluxKustomizationProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The repository with the manifests. */
  readonly source: GitRepository;
  /** The folder with the manifests, from the root of the repository: `./dist/shop`. */
  readonly path: string;
  /** Whether objects go from the cluster when they go from the folder. */
  readonly prune: boolean;
  /** The pause between two looks at the cluster, which also corrects what others changed there. */
  readonly interval: Duration;
  /**
   * Whether the objects must be ready before this one is, and those that depend on it begin.
   * @default false
   */
  readonly wait?: boolean;
  /**
   * How long applying, and waiting, may take.
   * @default - Flux' own: the interval
   */
  readonly timeout?: Duration;
  /**
   * What must be ready first.
   * @default - nothing
   */
  readonly dependsOn?: FluxKustomization[];
}

/**
 * A folder of manifests that Flux applies: `dist/` or one chart of it.
 *
 * @see https://fluxcd.io/flux/components/kustomize/kustomizations/
 */
export class FluxKustomization extends FluxResource {
  /** @throws `invalid-path`, `invalid-name`, `missing-namespace`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: FluxKustomizationProps) {
    super(scope, id, props.name);
    const { source, path, prune, interval, wait, timeout, dependsOn = [] } = props;
    this._create(FLUX_KUSTOMIZATION, {
      sourceRef: { kind: 'GitRepository', ...source._reference },
      path: requireRepositoryPath('path', path, this),
      prune,
      wait,
      interval: renderDuration('interval', interval, this),
      timeout: timeout && renderDuration('timeout', timeout, this),
      dependsOn: orUndefined(dependsOn.map((other) => other._reference)),
    });
  }
}
