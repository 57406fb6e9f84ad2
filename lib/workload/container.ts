import { type Size, SizeRoundingBehavior } from 'cdk8s';
import type {
  ContainerResources,
  ContainerSecurityContextProps,
  EnvValue,
  ImagePullPolicy,
  VolumeMount as PlusVolumeMount,
} from 'cdk8s-plus-27';
import type { IConstruct } from 'constructs';
import type { AppPort } from '../app-port';
import { ErrorCode, MeshError } from '../errors';
import { quote, requireDnsLabel, requireInteger } from '../limits';
import type { Lifecycle } from './lifecycle';
import { type Probe, READINESS } from './probe';

/**
 * What can be said of any container. What is not said is left to Kubernetes: nothing is added unasked.
 *
 * @see https://kubernetes.io/docs/reference/kubernetes-api/core/pod-v1/#Container
 */
export interface ContainerOptions {
  /**
   * The command in place of the image's entry point.
   * @default - the image's
   */
  readonly command?: string[];
  /**
   * The arguments in place of the image's.
   * @default - the image's
   */
  readonly args?: string[];
  /**
   * The working directory.
   * @default - the image's
   */
  readonly workingDir?: string;
  /**
   * Environment variables with a plain value.
   * @default - none
   */
  readonly env?: { [name: string]: string };
  /**
   * Environment variables that take their value from a Secret, a ConfigMap or the pod itself: as cdk8s-plus makes them, or as
   * Kubernetes writes them, `{ valueFrom: { secretKeyRef: { name, key } } }`.
   * @default - none
   */
  readonly envVariables?: { [name: string]: EnvValue };
  /**
   * When the image is pulled.
   * @default - Kubernetes': always for `:latest`, else if it is not there
   */
  readonly imagePullPolicy?: ImagePullPolicy;
  /**
   * Whether the container gets traffic.
   * @default - it does as soon as it runs
   */
  readonly readiness?: Probe;
  /**
   * Whether the container is restarted.
   * @default - only when it exits
   */
  readonly liveness?: Probe;
  /**
   * Whether the container has started; the other probes wait for it.
   * @default - as soon as it runs
   */
  readonly startup?: Probe;
  /**
   * What happens around the container's life.
   * @default - nothing
   */
  readonly lifecycle?: Lifecycle;
  /**
   * CPU, memory and disk that it asks for and may use at most.
   * @default - nothing asked, no limits
   */
  readonly resources?: ContainerResources;
  /**
   * Its rights. Only what is said is written.
   * @default - the image's and the namespace's
   */
  readonly securityContext?: ContainerSecurityContextProps;
  /**
   * Volumes and where they are mounted; each volume is added to the pod.
   * @default - none
   */
  readonly volumeMounts?: PlusVolumeMount[];
}

/** A further container beside the app. */
export interface ExtraContainer extends ContainerOptions {
  /** The image. */
  readonly image: string;
  /**
   * The ports it listens on; they are not part of the Service.
   * @default - none
   */
  readonly ports?: AppPort[];
}

/** A volume as a pod holds it. */
export interface PodVolume {
  readonly name: string;
  readonly [source: string]: unknown;
}

/** A mount as a container holds it. */
export interface VolumeMount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}

export interface ContainerParts {
  readonly name: string;
  readonly image: string;
  readonly ports: readonly AppPort[];
  readonly mounts: readonly VolumeMount[];
}

const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;

export function renderContainer(
  parts: ContainerParts,
  options: ContainerOptions,
  construct: IConstruct,
): Record<string, unknown> {
  requireDnsLabel('name of the container', parts.name, construct);
  if (parts.image.trim() === '' || /\s/.test(parts.image)) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      `image of container '${parts.name}' is ${quote(parts.image)}; it must name an image`,
      construct,
    );
  }
  const ports = distinctPorts(parts.ports);
  requireDistinctPortNames(parts.name, ports, construct);
  const mounts = [...parts.mounts, ...(options.volumeMounts ?? []).map(renderMount)];
  requireDistinctMounts(parts.name, mounts, construct);
  return {
    name: parts.name,
    image: parts.image,
    imagePullPolicy: options.imagePullPolicy,
    command: options.command,
    args: options.args,
    workingDir: options.workingDir,
    env: renderEnv(parts.name, options, construct),
    ports: orUndefined(ports.map((port) => ({ name: port.containerPortName, containerPort: port.targetPort }))),
    readinessProbe: options.readiness?._render(READINESS, construct),
    livenessProbe: options.liveness?._render('the liveness probe', construct),
    startupProbe: options.startup?._render('the startup probe', construct),
    lifecycle: options.lifecycle && {
      postStart: options.lifecycle.postStart?._handler,
      preStop: options.lifecycle.preStop?._handler,
    },
    resources: options.resources && renderResources(options.resources, construct),
    securityContext: options.securityContext && renderSecurityContext(options.securityContext),
    volumeMounts: orUndefined(mounts),
  };
}

/** Several ports of a Service may lead to one of the container, which stands there once: the API server knows it by its number. */
function distinctPorts(ports: readonly AppPort[]): AppPort[] {
  return ports.filter(({ targetPort }, index) => ports.findIndex((port) => port.targetPort === targetPort) === index);
}

function requireDistinctPortNames(container: string, ports: readonly AppPort[], construct: IConstruct): void {
  const names = ports.map((port) => port.containerPortName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MeshError(
      ErrorCode.DUPLICATE_PORT,
      `two ports of container '${container}' are called '${twice}'; give one a name of its own: AppPort.http(…, { name: '…' })`,
      construct,
    );
  }
}

function renderEnv(
  container: string,
  { env = {}, envVariables = {} }: ContainerOptions,
  construct: IConstruct,
): unknown[] | undefined {
  const twice = Object.keys(env).find((name) => Object.hasOwn(envVariables, name));
  const impossible = [...Object.keys(env), ...Object.keys(envVariables)].find((name) => !ENV_NAME.test(name));
  if (twice !== undefined || impossible !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      twice !== undefined
        ? `environment variable '${twice}' of container '${container}' stands in env and in envVariables; say it once`
        : `environment variable of container '${container}' is called ${quote(impossible)}; allowed are letters, digits, '-', '_' and '.', no digit first`,
      construct,
    );
  }
  return orUndefined([
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ...Object.entries(envVariables).map(([name, { value, valueFrom }]) => ({ name, value, valueFrom })),
  ]);
}

function renderResources({ cpu, memory, ephemeralStorage }: ContainerResources, construct: IConstruct): Record<string, unknown> {
  const amounts = (bound: 'request' | 'limit') => ({
    cpu: cpu?.[bound]?.amount,
    memory: renderSize(`memory ${bound}`, memory?.[bound], construct),
    'ephemeral-storage': renderSize(`ephemeralStorage ${bound}`, ephemeralStorage?.[bound], construct),
  });
  return { requests: orUndefinedMap(amounts('request')), limits: orUndefinedMap(amounts('limit')) };
}

/** Whole mebibytes, or else kibibytes. */
function renderSize(what: string, size: Size | undefined, construct: IConstruct): string | undefined {
  if (size === undefined) {
    return undefined;
  }
  const kibibytes = size.toKibibytes({ rounding: SizeRoundingBehavior.NONE });
  const whole = requireInteger(`${what} in kibibytes`, kibibytes, { min: 0, max: Number.MAX_SAFE_INTEGER }, construct);
  return whole % 1024 === 0 ? `${whole / 1024}Mi` : `${whole}Ki`;
}

function renderSecurityContext(context: ContainerSecurityContextProps): Record<string, unknown> {
  const { user, group, ensureNonRoot, capabilities, ...rest } = context;
  return {
    runAsUser: user,
    runAsGroup: group,
    runAsNonRoot: ensureNonRoot,
    // Kubernetes and containerd call capabilities without the CAP_ of Linux.
    capabilities: capabilities && {
      add: capabilities.add?.map((capability) => capability.replace(/^CAP_/, '')),
      drop: capabilities.drop?.map((capability) => capability.replace(/^CAP_/, '')),
    },
    ...rest,
  };
}

function renderMount(mount: PlusVolumeMount): VolumeMount {
  const { volume, path, subPath, subPathExpr, readOnly, propagation } = mount;
  return Object.fromEntries(
    Object.entries({ name: volume.name, mountPath: path, subPath, subPathExpr, readOnly, mountPropagation: propagation }).filter(
      ([, value]) => value !== undefined,
    ),
  ) as unknown as VolumeMount;
}

function requireDistinctMounts(container: string, mounts: readonly VolumeMount[], construct: IConstruct): void {
  const paths = mounts.map((mount) => mount.mountPath);
  const twice = paths.find((path, index) => paths.indexOf(path) !== index);
  const wrong = paths.find((path) => !path.startsWith('/') || path.includes(':'));
  if (twice !== undefined || wrong !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_WORKLOAD,
      twice !== undefined
        ? `container '${container}' mounts '${twice}' twice; each path is allowed once`
        : `container '${container}' mounts ${quote(wrong)}; a mount path begins with '/' and holds no ':'`,
      construct,
    );
  }
}

export function orUndefined<T>(values: T[]): T[] | undefined {
  return values.length === 0 ? undefined : values;
}

export function orUndefinedMap(values: Record<string, unknown>): Record<string, unknown> | undefined {
  return Object.values(values).every((value) => value === undefined) ? undefined : values;
}
