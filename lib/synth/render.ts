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

/** The fields that stock `toJson` of an object and of its metadata reads. They are private to cdk8s, so a later version may lack them. */
interface Internals {
  readonly props?: Record<string, unknown>;
  readonly patches?: JsonPatch[];
  readonly metadata: {
    readonly _additionalAttributes?: Record<string, unknown>;
    readonly name: unknown;
    readonly namespace: unknown;
    readonly annotations: unknown;
    readonly finalizers: unknown;
    readonly ownerReferences: unknown;
    readonly labels: unknown;
  };
}

/** How values are copied. */
interface Mode {
  readonly sort: boolean;
  readonly dropEmpty: boolean;
}

const METADATA: Mode = { sort: true, dropEmpty: true };

/**
 * How the objects of an app become manifests: what `toJson()` of each would give.
 *
 * Stock `toJson` resolves and copies every value several times; here one pass does it all.
 * A class with a `toJson` of its own, such as those that `cdk8s import` generates, and an app with resolvers of its own keep the stock way.
 */
export class Renderer {
  private readonly onePass: boolean;
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
      return object.toJson();
    }
    const plainMetadata = this.plain(
      copied(metadata._additionalAttributes, {
        name: metadata.name,
        namespace: metadata.namespace,
        annotations: metadata.annotations,
        finalizers: metadata.finalizers,
        ownerReferences: metadata.ownerReferences,
        labels: metadata.labels,
      }),
      METADATA,
    );
    const plain = this.plain(copied(props, { metadata: undefined }), this.body) as Record<string, unknown>;
    if (plainMetadata !== undefined) {
      plain.metadata = plainMetadata;
    }
    return headFirst(patches.length === 0 ? plain : JsonPatch.apply(plain, ...patches));
  }

  /** Resolves what is lazy, drops what is undefined or null, and sorts the keys. */
  private plain(value: unknown, mode: Mode): unknown {
    if (value === null || value === undefined) {
      return undefined;
    }
    if (typeof value !== 'object' && typeof value !== 'function') {
      return value;
    }
    if (value instanceof Lazy) {
      return this.plain(value.produce(), mode);
    }
    if (Array.isArray(value)) {
      return mode.dropEmpty && value.length === 0 ? undefined : value.map((item) => this.plain(item, mode));
    }
    if (value instanceof MarkedValue) {
      return value;
    }
    const { resolve, value: union } = value as { resolve?: unknown; value?: unknown };
    if (typeof resolve === 'function') {
      return this.plain(resolve.call(value), mode);
    }
    if (value.constructor !== Object && (typeof union === 'number' || typeof union === 'string')) {
      return { value: union };
    }
    if (typeof value === 'function') {
      return value;
    }
    if (value.constructor.name !== 'Object') {
      throw new Error(`can't render non-simple object of type '${value.constructor.name}'`);
    }
    return this.plainMap(value as Record<string, unknown>, mode);
  }

  /** Values are resolved in the order in which they were written, because a lazy value may count its calls; then keys are sorted. */
  private plainMap(map: Record<string, unknown>, mode: Mode): Record<string, unknown> | undefined {
    const keys = Object.keys(map);
    const values = new Array<unknown>(keys.length);
    for (let i = 0; i < keys.length; i++) {
      values[i] = this.plain(map[keys[i]], mode);
    }
    if (mode.sort) {
      sortTogether(keys, values);
    }
    const result: Record<string, unknown> = {};
    let empty = true;
    for (let i = 0; i < keys.length; i++) {
      if (values[i] !== undefined) {
        result[keys[i]] = values[i];
        empty = false;
      }
    }
    return empty && mode.dropEmpty ? undefined : result;
  }
}

/** Sorts keys, and their values with them. Most maps are small, or sorted already, which makes insertion the fastest way. */
function sortTogether(keys: string[], values: unknown[]): void {
  if (keys.length > 100) {
    const byKey = new Map(keys.map((key, i) => [key, values[i]]));
    keys.sort().forEach((key, i) => {
      values[i] = byKey.get(key);
    });
    return;
  }
  for (let i = 1; i < keys.length; i++) {
    const key = keys[i];
    const value = values[i];
    let j = i;
    for (; j > 0 && keys[j - 1] > key; j--) {
      keys[j] = keys[j - 1];
      values[j] = values[j - 1];
    }
    keys[j] = key;
    values[j] = value;
  }
}

/** What `{ ...map, ...changes }` gives, several times faster. */
function copied(map: Record<string, unknown>, changes: Record<string, unknown>): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(map)) {
    copy[key] = map[key];
  }
  for (const key of Object.keys(changes)) {
    copy[key] = changes[key];
  }
  return copy;
}

function headFirst(manifest: Record<string, unknown>): Manifest {
  const result: Record<string, unknown> = {};
  for (const key of ['apiVersion', 'kind', 'metadata']) {
    if (key in manifest) {
      result[key] = manifest[key];
    }
  }
  for (const key of Object.keys(manifest)) {
    result[key] = manifest[key];
  }
  return result as unknown as Manifest;
}

function withoutStockPrefix(message: string): string {
  return message.replace(/^Failed serializing construct at path '.*' with name '.*': (Error: )?/, '');
}
