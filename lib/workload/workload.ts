import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import type { AppPort } from '../app-port';
import { ErrorCode, MeshError } from '../errors';
import { renderSeconds, requireInteger, requireLabel, requireLabelKey } from '../limits';
import { plainObject } from '../plain-object';
import type { ConfigFiles } from './config-files';
import {
  type ContainerOptions,
  type ExtraContainer,
  orUndefined,
  orUndefinedMap,
  type PodVolume,
  renderContainer,
} from './container';

/**
 * How pods are replaced.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#rolling-update-deployment
 */
export interface RollingUpdate {
  /** How many pods may exist beyond the replicas. */
  readonly maxSurge: number;
  /** How many of the replicas may be missing. */
  readonly maxUnavailable: number;
}

/**
 * What an app's pods are made of. Said for the app it holds for all versions; said for a version it holds for that one:
 * maps are merged by key, everything else is replaced.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
export interface WorkloadOptions extends ContainerOptions {
  /**
   * The image of the app's container.
   * @default - must be said for the app or for each version
   */
  readonly image?: string;
  /**
   * Text files by absolute path. They are kept in a ConfigMap per version and mounted one by one (`subPath`), so that
   * their folders keep what the image has there. A change replaces the pods.
   * @default - none
   */
  readonly files?: { [path: string]: string };
  /**
   * The number of pods. Leave it out where an autoscaler or Flagger decides.
   * @default - not written; Kubernetes starts with 1
   */
  readonly replicas?: number;
  /**
   * How pods are replaced.
   * @default - Kubernetes': 25 % more, 25 % fewer
   */
  readonly rollingUpdate?: RollingUpdate;
  /**
   * How long a pod may take to stop, in whole seconds.
   * @default - Kubernetes': 30 s
   */
  readonly terminationGracePeriod?: Duration;
  /**
   * Further labels of the pods; `app` and `version` are set already.
   * @default - none
   */
  readonly podLabels?: { [key: string]: string };
  /**
   * Annotations of the pods.
   * @default - none
   */
  readonly podAnnotations?: { [key: string]: string };
  /**
   * Labels that a node must have.
   * @default - any node
   */
  readonly nodeSelector?: { [key: string]: string };
  /**
   * Further containers beside the app's, by name.
   * @default - none
   */
  readonly extraContainers?: { [name: string]: ExtraContainer };
}

const MERGED_BY_KEY = new Set(['env', 'envVariables', 'files', 'podLabels', 'podAnnotations', 'nodeSelector', 'extraContainers']);

/** The version's options over the app's. */
export function mergeWorkload(app: WorkloadOptions, version: WorkloadOptions): WorkloadOptions {
  const merged = Object.assign(plainObject(), app);
  for (const [option, value] of Object.entries(version)) {
    if (value !== undefined) {
      merged[option] = MERGED_BY_KEY.has(option) ? { ...(merged[option] as object | undefined), ...value } : value;
    }
  }
  return merged;
}

export interface DeploymentParts {
  /** The name of the app, and of its container. */
  readonly app: string;
  readonly labels: Record<string, string>;
  readonly podLabels: Record<string, string>;
  readonly ports: readonly AppPort[];
  readonly serviceAccountName: string;
  readonly files: ConfigFiles;
}

/** The spec of a Deployment. */
export function renderDeployment(
  parts: DeploymentParts,
  options: WorkloadOptions,
  construct: IConstruct,
): Record<string, unknown> {
  return {
    replicas: options.replicas === undefined ? undefined : requireInteger('replicas', options.replicas, { min: 0 }, construct),
    selector: { matchLabels: parts.labels },
    strategy: options.rollingUpdate && {
      type: 'RollingUpdate',
      rollingUpdate: renderRollingUpdate(options.rollingUpdate, construct),
    },
    template: renderPod(parts, options, construct),
  };
}

/** Metadata and spec of a pod. */
export function renderPod(
  parts: DeploymentParts,
  options: WorkloadOptions,
  construct: IConstruct,
): { readonly metadata: Record<string, unknown>; readonly spec: Record<string, unknown> } {
  const { app, labels, ports, files } = parts;
  requireOwnLabels(parts.podLabels, options.podLabels ?? {}, construct);
  for (const key of Object.keys(options.podAnnotations ?? {})) {
    requireLabelKey('key of the pod annotation', key, construct);
  }
  for (const [key, value] of Object.entries(options.nodeSelector ?? {})) {
    requireLabel('node selector', key, value, construct);
  }
  if (options.image === undefined) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      `version '${labels.version}' has no image; say image for the app or for each version`,
      construct,
    );
  }
  if (Object.hasOwn(options.extraContainers ?? {}, app)) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      `a further container is called '${app}' like the app's own; take another name`,
      construct,
    );
  }
  const containers = [
    renderContainer({ name: app, image: options.image, ports, mounts: files.mounts }, options, construct),
    ...Object.entries(options.extraContainers ?? {}).map(([name, extra]) =>
      renderContainer({ name, image: extra.image, ports: extra.ports ?? [], mounts: [] }, extra, construct),
    ),
  ];
  return {
    metadata: {
      labels: Object.assign(plainObject(), parts.podLabels, options.podLabels),
      annotations: orUndefinedMap({ ...files.annotations, ...options.podAnnotations }),
    },
    spec: {
      serviceAccountName: parts.serviceAccountName,
      nodeSelector: options.nodeSelector,
      terminationGracePeriodSeconds:
        options.terminationGracePeriod && renderSeconds('terminationGracePeriod', options.terminationGracePeriod, 0, construct),
      containers,
      volumes: orUndefined([...files.volumes, ...mountedVolumes(options, files, construct)]),
    },
  };
}

function renderRollingUpdate(update: RollingUpdate, construct: IConstruct): Record<string, number> {
  const maxSurge = requireInteger('maxSurge', update.maxSurge, { min: 0 }, construct);
  const maxUnavailable = requireInteger('maxUnavailable', update.maxUnavailable, { min: 0 }, construct);
  if (maxSurge + maxUnavailable === 0) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      'maxSurge and maxUnavailable are both 0, so no pod could ever be replaced',
      construct,
    );
  }
  return { maxSurge, maxUnavailable };
}

function requireOwnLabels(own: Record<string, string>, further: Record<string, string>, construct: IConstruct): void {
  for (const [key, value] of Object.entries(further)) {
    requireLabel('pod label', key, value, construct);
    if (Object.hasOwn(own, key)) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `pod label '${key}' is set by the app itself to '${own[key]}'; take another key`,
        construct,
      );
    }
  }
}

/**
 * The volumes behind all mounts, each once.
 * @throws `invalid-workload` when two have one name
 */
function mountedVolumes(options: WorkloadOptions, files: ConfigFiles, construct: IConstruct): PodVolume[] {
  const mounts = [options, ...Object.values(options.extraContainers ?? {})].flatMap((container) => container.volumeMounts ?? []);
  const volumes = [...new Set(mounts.map(({ volume }) => volume))];
  const names = [...files.volumes, ...volumes].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      `two volumes are called '${twice}'${files.volumes.length > 0 ? " ('config' holds the app's files)" : ''}; give each a name of its own`,
      construct,
    );
  }
  // cdk8s-plus offers no public way to render a volume of its own.
  return volumes.map((volume) => (volume as unknown as { _toKube(): PodVolume })._toKube());
}
