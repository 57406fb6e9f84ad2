import {
  ApiObject,
  ApiObjectMetadataDefinition,
  type App,
  ImplicitTokenResolver,
  JsonPatch,
  Lazy,
  LazyResolver,
  NumberStringUnionResolver,
} from 'cdk8s';
import { ErrorCode, MeshError } from '../errors';
import { MarkedValue } from '../marked-value';
import type { Manifest } from '../model/rendered';
import { plainObject } from '../plain-object';

/** The fields that stock `toJson` of an object and of its metadata reads. They are private to cdk8s, so a later version may lack them. */
interface Internals {
  readonly props?: Record<string, unknown>;
  readonly patches?: JsonPatch[];
  readonly metadata: {
    readonly _additionalAttributes?: Record<string, unknown>;
    readonly name: unknown;
    readonly namespace: unknown;
    readonly annotations: Record<string, unknown>;
    readonly finalizers: unknown[];
    readonly ownerReferences: unknown[];
    readonly labels: unknown;
  };
}

/** How values are copied. */
interface Mode {
  readonly sort: boolean;
  readonly dropEmpty: boolean;
}

/** So many keys are sorted as they come; in a larger map that would take too long. */
const SMALL = 100;

const METADATA: Mode = { sort: true, dropEmpty: true };

/**
 * How the objects of an app become manifests: what `toJson()` of each would give.
 *
 * Stock `toJson` resolves and copies every value several times; here one pass does it all.
 * A class with a `toJson` of its own, such as those that `cdk8s import` generates, and an app with resolvers of its own keep the stock way.
 */
export class Renderer {
  /** Whether all manifests so far were made here. Then no object is in them twice, as none is when everything is copied. */
  public ownOnly = true;
  private readonly onePass: boolean;
  private readonly keys: string[] = [];
  private readonly values: unknown[] = [];
  private depth = 0;
  private readonly body: Mode = { sort: !process.env.CDK8S_DISABLE_SORT, dropEmpty: false };

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
    const { props, patches, metadata } = object as unknown as Internals;
    const stock =
      object.toJson === ApiObject.prototype.toJson && object.metadata.toJson === ApiObjectMetadataDefinition.prototype.toJson;
    if (!this.onePass || !stock || props === undefined || patches === undefined || metadata._additionalAttributes === undefined) {
      this.ownOnly = false;
      return object.toJson();
    }
    this.depth = 0;
    const plainMetadata = this.metadata(metadata);
    const plain = this.plainMap(withoutMetadata(props), this.body) as Record<string, unknown>;
    if (plainMetadata !== undefined) {
      plain.metadata = plainMetadata;
    }
    return headFirst(patches.length === 0 ? plain : JsonPatch.apply(plain, ...patches));
  }

  private metadata(metadata: Internals['metadata']): unknown {
    const { name, namespace, labels } = metadata;
    if (typeof name !== 'string' || typeof namespace !== 'string' || hasMore(metadata)) {
      const { _additionalAttributes, annotations, finalizers, ownerReferences } = metadata;
      return this.plain(
        { ..._additionalAttributes, name, namespace, annotations, finalizers, ownerReferences, labels },
        METADATA,
      );
    }
    const plainLabels = this.plain(labels, METADATA);
    return plainLabels === undefined ? { name, namespace } : { labels: plainLabels, name, namespace };
  }

  /** Resolves what is lazy, drops what is undefined or null, and sorts the keys. */
  private plain(value: unknown, mode: Mode): unknown {
    switch (typeof value) {
      case 'string':
      case 'number':
      case 'boolean':
        return value;
      case 'object':
        if (value === null) {
          return undefined;
        }
        if (Object.getPrototypeOf(value) === Object.prototype) {
          return this.plainMap(value as Record<string, unknown>, mode);
        }
        if (Array.isArray(value)) {
          return mode.dropEmpty && value.length === 0 ? undefined : value.map((item) => this.plain(item, mode));
        }
        break;
      case 'undefined':
        return undefined;
    }
    return this.plainRare(value, mode);
  }

  /** What is neither plain data nor an array. */
  private plainRare(value: unknown, mode: Mode): unknown {
    if (value instanceof Lazy) {
      return this.plain(value.produce(), mode);
    }
    if (value instanceof MarkedValue) {
      return value;
    }
    const { resolve, value: union } = value as { resolve?: unknown; value?: unknown };
    if (typeof resolve === 'function') {
      return this.plain(resolve.call(value), mode);
    }
    if (typeof union === 'number' || typeof union === 'string') {
      return { value: union };
    }
    if (typeof value !== 'object') {
      return value;
    }
    if (value?.constructor.name === 'Object') {
      // A plain object of another realm, such as a test runner's.
      return this.plainMap({ ...value }, mode);
    }
    throw new Error(`can't render non-simple object of type '${value?.constructor.name}'`);
  }

  /**
   * The entries wait on a stack, sorted, until all are known: a map then needs no lists of its own, and gets its final shape at once.
   * Values are resolved in the order in which they were written, because a lazy value may count its calls.
   */
  private plainMap(map: Record<string, unknown>, mode: Mode): unknown {
    const { keys, values } = this;
    const start = this.depth;
    for (const key in map) {
      const value = this.plain(map[key], mode);
      if (value === undefined) {
        continue;
      }
      if (key === 'resolve' && typeof value === 'function') {
        this.depth = start;
        return this.plain(value.call(map), mode);
      }
      let at = this.depth++;
      for (; mode.sort && at > start && at < start + SMALL && keys[at - 1] > key; at--) {
        keys[at] = keys[at - 1];
        values[at] = values[at - 1];
      }
      keys[at] = key;
      values[at] = value;
    }
    if (mode.dropEmpty && this.depth === start) {
      return undefined;
    }
    const small = this.depth <= start + SMALL;
    const result = plainObject();
    for (let i = start; i < this.depth; i++) {
      result[keys[i]] = values[i];
    }
    this.depth = start;
    return mode.sort && !small ? sorted(result) : result;
  }
}

/** Whether there is more than a name, a namespace and labels. */
function hasMore({ _additionalAttributes, annotations, finalizers, ownerReferences }: Internals['metadata']): boolean {
  for (const key in _additionalAttributes) {
    if (key !== 'name' && key !== 'namespace' && key !== 'labels') {
      return true;
    }
  }
  return Object.keys(annotations).length + finalizers.length + ownerReferences.length > 0;
}

function sorted(map: Record<string, unknown>): Record<string, unknown> {
  const result = plainObject();
  for (const key of Object.keys(map).sort()) {
    result[key] = map[key];
  }
  return result;
}

/** What `{ ...map, metadata: undefined }` gives, several times faster. */
function withoutMetadata(map: Record<string, unknown>): Record<string, unknown> {
  const copy = plainObject();
  for (const key of Object.keys(map)) {
    copy[key] = map[key];
  }
  copy.metadata = undefined;
  return copy;
}

function headFirst(manifest: Record<string, unknown>): Manifest {
  const result = plainObject();
  for (const key of ['apiVersion', 'kind', 'metadata']) {
    if (key in manifest) {
      result[key] = manifest[key];
    }
  }
  for (const key in manifest) {
    result[key] = manifest[key];
  }
  return result as unknown as Manifest;
}

function withoutStockPrefix(message: string): string {
  return message.replace(/^Failed serializing construct at path '.*' with name '.*': (Error: )?/, '');
}
