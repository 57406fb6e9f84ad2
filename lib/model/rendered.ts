import type { ApiObject, Chart } from 'cdk8s';

/** The part of `metadata` that every Kubernetes object has. All else is there, but untyped. */
export interface ManifestMetadata {
  /** Name of the object; absent only where `generateName` stands in its place. */
  readonly name?: string;
  /** Namespace of the object; absent for cluster-wide objects. */
  readonly namespace?: string;
  /** Labels, as rendered. */
  readonly labels?: Record<string, unknown>;
  /** Annotations, as rendered. */
  readonly annotations?: Record<string, unknown>;
  readonly [field: string]: unknown;
}

/** A Kubernetes object as plain data: nothing lazy, no class, keys in the order in which they are written. */
export interface Manifest {
  /** Group and version, `apps/v1`; the core group has none, `v1`. */
  readonly apiVersion: string;
  /** Kind, `Deployment`. */
  readonly kind: string;
  /** Name, namespace, labels and annotations. */
  readonly metadata?: ManifestMetadata;
  readonly [field: string]: unknown;
}

/** What one construct became: the manifest that is checked and written, and where it comes from. */
export interface Rendered {
  /** The final manifest, patches included. */
  readonly manifest: Manifest;
  /** The construct that rendered it; its path names it in messages. */
  readonly construct: ApiObject;
  /** The chart that holds the construct. */
  readonly chart: Chart;
}
