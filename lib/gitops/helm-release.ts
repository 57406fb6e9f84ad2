import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { HELM_RELEASE } from '../api-versions';
import { ErrorCode, MeshError } from '../errors';
import { quote, renderDuration, requireInteger } from '../limits';
import { orUndefined } from '../workload/container';
import { FluxResource, requireRepositoryPath } from './flux-resource';
import type { GitRepository } from './git-repository';
import type { HelmRepository } from './helm-repository';

/**
 * Where the chart of a {@link HelmRelease} comes from.
 *
 * @see https://fluxcd.io/flux/components/helm/helmreleases/#chart-template
 */
export class HelmChart {
  /**
   * A folder of a Git repository: `./deploy/charts/cart`.
   * @throws `invalid-path` when it does not begin with `.`, or holds `..` or a blank
   */
  public static fromGit(repository: GitRepository, path: string): HelmChart {
    return new HelmChart('GitRepository', repository, requireRepositoryPath('path of the chart', path, repository));
  }

  /**
   * A chart of a repository of charts.
   *
   * @param repository the repository
   * @param name the name of the chart
   * @param version a version, or a range of which the newest is taken: `1.44.x`
   * @throws `invalid-name` when the name is none of a chart, or the version no version and no range
   */
  public static fromRepository(repository: HelmRepository, name: string, version: string): HelmChart {
    if (!/^[a-z0-9][a-z0-9._/-]*$/i.test(name)) {
      throw new MeshError(
        ErrorCode.INVALID_NAME,
        `name of the chart is ${quote(name)}; allowed are letters, digits, '.', '_', '/' and '-'`,
        repository,
      );
    }
    return new HelmChart('HelmRepository', repository, name, requireVersionRange('version of the chart', version, repository));
  }

  private constructor(
    private readonly kind: string,
    private readonly repository: FluxResource,
    private readonly chart: string,
    private readonly version?: string,
  ) {}

  /** @internal */
  public _render(): Record<string, unknown> {
    const { chart, version, kind, repository } = this;
    return { spec: { chart, version, sourceRef: { kind, ...repository._reference } } };
  }
}

/** What happens to the custom resource definitions of a chart. */
export enum CrdsPolicy {
  /** They are left out. */
  SKIP = 'Skip',
  /** New ones are created; existing ones stay as they are. */
  CREATE = 'Create',
  /** New ones are created, existing ones replaced. */
  CREATE_REPLACE = 'CreateReplace',
}

/** What happens when the cluster differs from what the chart made. */
export enum DriftDetectionMode {
  /** It is corrected. */
  ENABLED = 'enabled',
  /** It is reported. */
  WARN = 'warn',
  /** Nobody looks. */
  DISABLED = 'disabled',
}

/** Fields that somebody else sets: they are no drift. */
export interface DriftIgnoreRule {
  /** JSON pointers: `/spec/replicas` where an autoscaler or Flagger sets them. */
  readonly paths: string[];
  /**
   * The kind of the objects.
   * @default - all kinds
   */
  readonly kind?: string;
  /**
   * The name of the object.
   * @default - all names
   */
  readonly name?: string;
}

/** Properties of a {@link HelmRelease}. */
export interface HelmReleaseProps {
  /**
   * The name of the object and of the release, from which many charts derive the names of what they install.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The chart, which is installed in the namespace of the HelmRelease. */
  readonly chart: HelmChart;
  /** The pause between two looks at the release. */
  readonly interval: Duration;
  /**
   * The values of the chart. {@link ImagePolicy} gives values that Flux keeps up to date.
   * @default - those of the chart
   */
  // biome-ignore lint/suspicious/noExplicitAny: a chart decides on the shape of its values
  readonly values?: { [key: string]: any };
  /**
   * What happens to custom resource definitions, at the installation and at upgrades.
   * @default - Flux' own: created at the installation, left alone at upgrades
   */
  readonly crds?: CrdsPolicy;
  /**
   * How often a failed installation or upgrade is tried again, after the remediation (uninstall, roll back); -1 for ever.
   * @default - Flux' own: 0
   */
  readonly remediationRetries?: number;
  /**
   * What happens when the cluster differs from what the chart made.
   * @default - Flux' own: nobody looks
   */
  readonly driftDetection?: DriftDetectionMode;
  /**
   * Differences that are no drift.
   * @default - none
   */
  readonly driftIgnore?: DriftIgnoreRule[];
  /**
   * What must be ready first.
   * @default - nothing
   */
  readonly dependsOn?: HelmRelease[];
}

/**
 * A Helm chart that Flux installs and upgrades.
 *
 * @see https://fluxcd.io/flux/components/helm/helmreleases/
 */
export class HelmRelease extends FluxResource {
  /** @throws `invalid-path`, `invalid-name`, `missing-namespace`, `out-of-range`, `conflicting-rules` */
  public constructor(scope: Construct, id: string, props: HelmReleaseProps) {
    super(scope, id, props.name);
    const { chart, interval, values, dependsOn = [] } = props;
    const action = this.action(props);
    this._create(HELM_RELEASE, {
      chart: chart._render(),
      interval: renderDuration('interval', interval, this),
      install: action,
      upgrade: action,
      driftDetection: this.driftDetection(props),
      dependsOn: orUndefined(dependsOn.map((other) => other._reference)),
      values,
    });
  }

  private action({ crds, remediationRetries }: HelmReleaseProps): Record<string, unknown> | undefined {
    if (crds === undefined && remediationRetries === undefined) {
      return undefined;
    }
    const retries =
      remediationRetries === undefined ? undefined : requireInteger('remediationRetries', remediationRetries, { min: -1 }, this);
    return { crds, remediation: retries === undefined ? undefined : { retries } };
  }

  private driftDetection({ driftDetection: mode, driftIgnore }: HelmReleaseProps): Record<string, unknown> | undefined {
    if (driftIgnore !== undefined && (mode === undefined || mode === DriftDetectionMode.DISABLED)) {
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `driftIgnore has no effect while driftDetection is ${mode ?? 'not set'}; set it to DriftDetectionMode.ENABLED or WARN`,
        this,
      );
    }
    const wrong = driftIgnore?.flatMap(({ paths }) => (paths.length === 0 ? [''] : paths)).find((path) => !path.startsWith('/'));
    if (wrong !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_PATH,
        `a path of driftIgnore is ${quote(wrong)}; allowed are JSON pointers such as '/spec/replicas'`,
        this,
      );
    }
    return (
      mode && {
        mode,
        ignore: driftIgnore?.map(({ paths, kind, name }) => ({
          paths,
          target: kind === undefined && name === undefined ? undefined : { kind, name },
        })),
      }
    );
  }
}

const VERSION = String.raw`v?(?:\d+|[xX*])(?:\.(?:\d+|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?`;
const COMPARISON = `(?:(?:[=<>^~]|!=|[<>]=|=[<>]|~>) *)?${VERSION}`;
const ALL_OF = `(?:${VERSION} +- +${VERSION}|${COMPARISON}(?:(?: *, *| +)${COMPARISON})*)`;
const RANGE = new RegExp(String.raw`^${ALL_OF}(?: *\|\| *${ALL_OF})*$`);

/**
 * A version or a range of versions, as Helm and Flux read it.
 * @see https://github.com/Masterminds/semver#checking-version-constraints
 */
export function requireVersionRange(what: string, range: string, construct: Construct): string {
  if (range.length > 256 || !RANGE.test(range)) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `${what} is ${quote(range)}; allowed are versions and ranges such as '1.4.2', '1.4.x', '~1.4' and '>=1.4.0 <2.0.0'`,
      construct,
    );
  }
  return range;
}
