import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { GIT_REPOSITORY } from '../api-versions';
import { ErrorCode, MeshError } from '../errors';
import { quote, renderDuration, requireDnsLabel } from '../limits';
import { FluxResource, requireUrl } from './flux-resource';

/** Properties of a {@link GitRepository}. */
export interface GitRepositoryProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** Where the repository is: `https://…`, `http://…` or `ssh://…`. */
  readonly url: string;
  /** The branch to follow. */
  readonly branch: string;
  /** The pause between two looks at the branch. */
  readonly interval: Duration;
  /**
   * The name of the Secret with the credentials. {@link ImageUpdateAutomation} pushes with it.
   * @default - none: the repository is public
   */
  readonly secretRef?: string;
}

/**
 * A Git repository that Flux reads manifests and charts from.
 *
 * @see https://fluxcd.io/flux/components/source/gitrepositories/
 */
export class GitRepository extends FluxResource {
  /** @throws `invalid-host` for a URL of another kind, `invalid-name`, `missing-namespace`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: GitRepositoryProps) {
    super(scope, id, props.name);
    const { url, branch, interval, secretRef } = props;
    this._create(GIT_REPOSITORY, {
      url: requireUrl('url', url, ['https', 'http', 'ssh'], this),
      ref: { branch: requireBranch(branch, this) },
      interval: renderDuration('interval', interval, this),
      secretRef: secretRef === undefined ? undefined : { name: requireDnsLabel('secretRef', secretRef, this) },
    });
  }
}

/**
 * A branch that Git takes.
 * @see https://git-scm.com/docs/git-check-ref-format
 */
export function requireBranch(branch: string, construct: Construct): string {
  if (!/^(?![-/.])(?!.*(?:\.\.|\/\/|\/\.|@\{|\.lock(?:\/|$)))[^\s\p{Cc}~^:?*[\\]+(?<![/.])$/u.test(branch)) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `branch is ${quote(branch)}; allowed is what Git takes, such as 'main'`,
      construct,
    );
  }
  return branch;
}
