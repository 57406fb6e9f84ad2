import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { rememberCreation } from '../creation';
import { ErrorCode, MeshError } from '../errors';
import { quote, requireDnsLabel } from '../limits';
import { requireNamespace } from '../mesh-service';

/** An object of Flux: a {@link GitRepository}, {@link HelmRelease} or the like. */
export abstract class FluxResource extends Construct {
  /** The name of the object. */
  public readonly resourceName: string;
  /** The namespace of the object. */
  public readonly namespace: string;

  /** @throws `invalid-name`, `missing-namespace` */
  protected constructor(scope: Construct, id: string, name: string = id) {
    super(scope, id);
    rememberCreation(this);
    this.resourceName = requireDnsLabel('name', name, this);
    this.namespace = requireNamespace(this);
  }

  /**
   * How other objects name this one. The namespace is said in full, so that it never decides by accident.
   * @internal
   */
  public get _reference(): { name: string; namespace: string } {
    return { name: this.resourceName, namespace: this.namespace };
  }

  /** @internal */
  protected _create(kind: { apiVersion: string; kind: string }, spec: Record<string, unknown>): void {
    new ApiObject(this, 'Resource', { ...kind, metadata: this._reference, spec });
  }
}

/** A path inside a Git repository, as Flux writes it. */
export function requireRepositoryPath(what: string, path: string, construct: Construct): string {
  const segments = path.split('/');
  if (segments[0] !== '.' || segments.includes('..') || /[\s\p{Cc}]/u.test(path) || path.length > 2048) {
    throw new MeshError(
      ErrorCode.INVALID_PATH,
      `${what} is ${quote(path)}; allowed are paths from the root of the repository, such as './dist/shop', without '..' and blanks`,
      construct,
    );
  }
  return path;
}

/** A URL with one of these schemes. */
export function requireUrl(what: string, url: string, schemes: readonly string[], construct: Construct): string {
  const scheme = schemes.find((candidate) => url.startsWith(`${candidate}://`));
  if (scheme === undefined || /[\s\p{Cc}]/u.test(url) || url.length === scheme.length + 3) {
    throw new MeshError(
      ErrorCode.INVALID_HOST,
      `${what} is ${quote(url)}; allowed are URLs that begin with ${schemes.map((allowed) => `${allowed}://`).join(', ')}`,
      construct,
    );
  }
  return url;
}
