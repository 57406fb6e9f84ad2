import type { Duration } from 'cdk8s';
import type { Construct } from 'constructs';
import { IMAGE_POLICY, IMAGE_REPOSITORY, IMAGE_UPDATE_AUTOMATION } from '../api-versions';
import { ErrorCode, MeshError } from '../errors';
import { quote, renderDuration } from '../limits';
import { MarkedValue } from '../marked-value';
import { FluxResource, requireRepositoryPath } from './flux-resource';
import { type GitRepository, requireBranch } from './git-repository';
import { requireVersionRange } from './helm-release';

/** Properties of an {@link ImageRepository}. */
export interface ImageRepositoryProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The image without a tag: `docker.io/shop/cart`. */
  readonly image: string;
  /** The pause between two looks at the registry. */
  readonly interval: Duration;
}

/**
 * An image whose tags Flux watches.
 *
 * @see https://fluxcd.io/flux/components/image/imagerepositories/
 */
export class ImageRepository extends FluxResource {
  /** The image without a tag. */
  public readonly image: string;

  /** @throws `invalid-workload` for an image with a tag or none at all, `invalid-name`, `missing-namespace`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: ImageRepositoryProps) {
    super(scope, id, props.name);
    if (!/^[a-z0-9][a-z0-9._-]*(:\d+(?=\/))?(\/[a-z0-9][a-z0-9._-]*)*$/i.test(props.image)) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `image is ${quote(props.image)}; allowed is the name of an image without a tag, such as 'docker.io/shop/cart'`,
        this,
      );
    }
    this.image = props.image;
    this._create(IMAGE_REPOSITORY, { image: this.image, interval: renderDuration('interval', props.interval, this) });
  }
}

/** Properties of an {@link ImagePolicy}. */
export interface ImagePolicyProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The image. */
  readonly imageRepository: ImageRepository;
  /** The versions that are allowed, of which the newest is taken: `~0.0`. */
  readonly semver: string;
}

/**
 * Which tag of an image is the latest. Its {@link tag} and {@link image} go into the values of a
 * {@link HelmRelease}; {@link ImageUpdateAutomation} finds them there by the comment that `MeshApp` writes behind them.
 *
 * The automation edits YAML, and synth writes the TypeScript's value again: bring a new tag over when you next change the system.
 *
 * @see https://fluxcd.io/flux/components/image/imagepolicies/
 * @see https://fluxcd.io/flux/guides/image-update/#configure-image-update-for-custom-resources
 */
export class ImagePolicy extends FluxResource {
  private readonly source: ImageRepository;

  /** @throws `invalid-name`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: ImagePolicyProps) {
    super(scope, id, props.name);
    this.source = props.imageRepository;
    this._create(IMAGE_POLICY, {
      imageRepositoryRef: this.source._reference,
      policy: { semver: { range: requireVersionRange('semver', props.semver, this) } },
    });
  }

  /**
   * The tag, for a field of its own.
   *
   * @param current the tag until Flux finds a later one
   * @throws `invalid-workload` for what is no tag
   */
  public tag(current: string): MarkedValue {
    return this.marked(this.requireTag(current), ':tag');
  }

  /**
   * The image with its tag, for a field that holds both.
   *
   * @param currentTag the tag until Flux finds a later one
   * @throws `invalid-workload` for what is no tag
   */
  public image(currentTag: string): MarkedValue {
    return this.marked(`${this.source.image}:${this.requireTag(currentTag)}`, '');
  }

  private marked(value: string, part: string): MarkedValue {
    return new MarkedValue(value, `{"$imagepolicy": "${this.namespace}:${this.resourceName}${part}"}`);
  }

  private requireTag(tag: string): string {
    if (!/^\w[\w.-]{0,127}$/.test(tag)) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `tag is ${quote(tag)}; allowed are 1 to 128 letters, digits, '_', '.' and '-', with no '.' or '-' first`,
        this,
      );
    }
    return tag;
  }
}

/** Properties of an {@link ImageUpdateAutomation}. */
export interface ImageUpdateAutomationProps {
  /**
   * The name of the object.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The repository that is edited. Its Secret must allow to push. */
  readonly source: GitRepository;
  /** The folder that is edited: `./dist/shop`. */
  readonly path: string;
  /** The pause between two edits. */
  readonly interval: Duration;
  /** The e-mail address of the commits' author. */
  readonly authorEmail: string;
  /**
   * The name of the commits' author.
   * @default - none
   */
  readonly authorName?: string;
  /**
   * The branch that the commits go to, for a pull request.
   * @default - the repository's branch
   */
  readonly pushBranch?: string;
}

/**
 * Writes the latest tags of all {@link ImagePolicy} objects of its namespace into a folder, behind whose values they are named.
 *
 * @see https://fluxcd.io/flux/components/image/imageupdateautomations/
 */
export class ImageUpdateAutomation extends FluxResource {
  /** @throws `invalid-path`, `invalid-name`, `missing-namespace`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: ImageUpdateAutomationProps) {
    super(scope, id, props.name);
    const { source, path, interval, authorEmail, authorName, pushBranch } = props;
    this._create(IMAGE_UPDATE_AUTOMATION, {
      sourceRef: { kind: 'GitRepository', ...source._reference },
      interval: renderDuration('interval', interval, this),
      git: {
        commit: { author: { email: this.requireEmail(authorEmail), name: authorName } },
        push: pushBranch === undefined ? undefined : { branch: requireBranch(pushBranch, this) },
      },
      update: { strategy: 'Setters', path: requireRepositoryPath('path', path, this) },
    });
  }

  private requireEmail(email: string): string {
    if (!/^[^\s@<>]+@[^\s@<>]+$/.test(email)) {
      throw new MeshError(ErrorCode.INVALID_NAME, `authorEmail is ${quote(email)}; allowed is one e-mail address`, this);
    }
    return email;
  }
}
