import { ApiObject, type App, ImplicitTokenResolver, JsonPatch, Lazy, LazyResolver, NumberStringUnionResolver } from 'cdk8s';
import { ErrorCode, MeshError } from '../errors';
import type { Manifest } from '../model/rendered';

/** The fields of `ApiObject` that its own `toJson` reads. They are private to cdk8s, so they may be gone in a later version. */
interface Internals {
  readonly props?: Record<string, unknown>;
  readonly patches?: JsonPatch[];
}

/**
 * How the objects of an app become manifests: what `toJson()` of each would give.
 *
 * Stock `toJson` resolves and copies every value several times; here one pass does it all.
 * A class with a `toJson` of its own, such as those that `cdk8s import` generates, and an app with resolvers of its own keep the stock way.
 */
export class Renderer {
  private readonly onePass: boolean;
  private readonly sort = !process.env.CDK8S_DISABLE_SORT;

  /**
   * @param app the app whose resolvers apply
   */
  constructor(app: App) {
    const builtIn = [LazyResolver, ImplicitTokenResolver, NumberStringUnionResolver];
    this.onePass = app.resolvers.length === builtIn.length && app.resolvers.every((r, i) => r.constructor === builtIn[i]);
  }

  /**
   * Renders one object.
   *
   * @throws MeshError RENDER_FAILED, with the original error as its `cause`
   */
  public render(object: ApiObject): Manifest {
    try {
      return this.manifest(object);
    } catch (error) {
      if (error instanceof MeshError) {
        throw error;
      }
      const reason = error instanceof Error ? error.message : String(error);
      const failure = new MeshError(ErrorCode.RENDER_FAILED, `cannot be rendered: ${withoutStockPrefix(reason)}`, object);
      failure.cause = error;
      throw failure;
    }
  }

  private manifest(object: ApiObject): Manifest {
    const { props, patches } = object as unknown as Internals;
    if (!this.onePass || object.toJson !== ApiObject.prototype.toJson || props === undefined || patches === undefined) {
      return object.toJson();
    }
    const plain = this.plain({ ...props, metadata: object.metadata.toJson() }) as Record<string, unknown>;
    return headFirst(patches.length === 0 ? plain : JsonPatch.apply(plain, ...patches));
  }

  /** Resolves what is lazy, drops what is undefined or null, and sorts the keys. */
  private plain(value: unknown): unknown {
    if (value === null || value === undefined) {
      return undefined;
    }
    if (typeof value !== 'object' && typeof value !== 'function') {
      return value;
    }
    if (value instanceof Lazy) {
      return this.plain(value.produce());
    }
    const { resolve, value: union } = value as { resolve?: unknown; value?: unknown };
    if (typeof resolve === 'function') {
      return this.plain(resolve.call(value));
    }
    if (value.constructor !== Object && (typeof union === 'number' || typeof union === 'string')) {
      return { value: union };
    }
    if (Array.isArray(value)) {
      return value.map((item) => this.plain(item));
    }
    if (typeof value === 'function') {
      return value;
    }
    if (value.constructor.name !== 'Object') {
      throw new Error(`can't render non-simple object of type '${value.constructor.name}'`);
    }
    return this.plainMap(value as Record<string, unknown>);
  }

  /** Values are resolved in the order in which they were written, because a lazy value may count its calls. */
  private plainMap(map: Record<string, unknown>): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    let sorted = true;
    let last = '';
    for (const key of Object.keys(map)) {
      const value = this.plain(map[key]);
      if (value !== undefined) {
        result[key] = value;
        sorted &&= last <= key;
        last = key;
      }
    }
    return sorted || !this.sort ? result : sortedCopy(result);
  }
}

function sortedCopy(map: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(map).sort()) {
    copy[key] = map[key];
  }
  return copy;
}

function headFirst(manifest: Record<string, unknown>): Manifest {
  const result: Record<string, unknown> = {};
  for (const key of ['apiVersion', 'kind', 'metadata', ...Object.keys(manifest)]) {
    if (key in manifest) {
      result[key] = manifest[key];
    }
  }
  return result as unknown as Manifest;
}

function withoutStockPrefix(message: string): string {
  return message.replace(/^Failed serializing construct at path '.*' with name '.*': (Error: )?/, '');
}
