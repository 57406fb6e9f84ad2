import type { IConstruct } from 'constructs';

/**
 * The stable codes of {@link MeshError}. A code never changes its meaning, so scripts and tests may rely on it.
 */
export enum ErrorCode {
  /** Two objects with the same API group, kind, namespace and name. */
  DUPLICATE_OBJECT = 'duplicate-object',
  /** A name, label, branch or version that Kubernetes, Flux or Git would refuse, or that is taken. */
  INVALID_NAME = 'invalid-name',
  /** A chart or construct without a namespace. */
  MISSING_NAMESPACE = 'missing-namespace',
  /** A file in the output folder that was not written by `MeshApp` stands where one of its files must go. */
  FOREIGN_FILE = 'foreign-file',
  /** Two charts, or two objects, whose files would have the same name. */
  DUPLICATE_FILE = 'duplicate-file',
  /** Constructs that depend on each other in a circle. */
  DEPENDENCY_CYCLE = 'dependency-cycle',
  /** The output folder could not be written or swapped; it is as it was. */
  OUTPUT_FAILED = 'output-failed',
  /** An object could not be rendered. */
  RENDER_FAILED = 'render-failed',
  /** A construct's own validation (`node.addValidation`) found a mistake. */
  VALIDATION_FAILED = 'validation-failed',
  /** A host, address, URL or origin that is none, puts `*` in the wrong place, or has no dot where clients outside the mesh ask for it. */
  INVALID_HOST = 'invalid-host',
  /** A path that does not begin with `/` (in a Git repository with `.`) or holds what no path does. */
  INVALID_PATH = 'invalid-path',
  /** A header or cookie that HTTP does not allow, or that Istio ignores. */
  INVALID_HEADER = 'invalid-header',
  /** A query parameter with an impossible name, or a prefix of its value without a character. */
  INVALID_QUERY = 'invalid-query',
  /** A regular expression that RE2, and so Envoy, refuses. */
  INVALID_REGEX = 'invalid-regex',
  /** A number, percentage, duration or other value outside what is allowed. */
  OUT_OF_RANGE = 'out-of-range',
  /** A condition, or two together, that Istio cannot say where it stands. */
  UNSUPPORTED_MATCH = 'unsupported-match',
  /** Conditions that no request satisfies. */
  IMPOSSIBLE_MATCH = 'impossible-match',
  /** A rewrite or redirect that its route's match does not allow. */
  UNSUPPORTED_REWRITE = 'unsupported-rewrite',
  /** A redirect that meets its own route again. */
  REDIRECT_LOOP = 'redirect-loop',
  /** A route behind another one that takes all its requests. */
  UNREACHABLE_ROUTE = 'unreachable-route',
  /** A version that the app does not have. */
  UNKNOWN_VERSION = 'unknown-version',
  /** An app without versions. */
  NO_VERSIONS = 'no-versions',
  /** A split whose shares are no whole percentages, do not sum to 100 or lead to a version without pods, or that is missing or stands twice in a rollout. */
  INVALID_SPLIT = 'invalid-split',
  /** A rule without exactly one outcome, or with a setting that does nothing, runs requests twice or shows any site what is meant for its visitors. */
  INVALID_RULE = 'invalid-rule',
  /** A port number, port name or list of ports that is said twice. */
  DUPLICATE_PORT = 'duplicate-port',
  /** A port that the app does not have, or not for HTTP where that is needed. */
  UNKNOWN_PORT = 'unknown-port',
  /** An app without ports. */
  NO_PORTS = 'no-ports',
  /** A host that already belongs to another app on the same gateway, or to another VirtualService or DestinationRule. */
  HOST_TAKEN = 'host-taken',
  /** A container, image, volume, file, probe or disruption budget that Kubernetes would refuse. */
  INVALID_WORKLOAD = 'invalid-workload',
  /** A listener that does not fit its gateway or what is exposed on it. */
  INVALID_LISTENER = 'invalid-listener',
  /** A Service that somebody else owns, exposed without saying who may reach it. */
  MISSING_ACCESS = 'missing-access',
  /** A decision on who may reach a host that no policy can express. */
  INVALID_ACCESS = 'invalid-access',
  /** Two settings of the same thing, or one that has no effect beside another. */
  CONFLICTING_RULES = 'conflicting-rules',
  /** Retries that cannot fit into the timeout. */
  RETRIES_EXCEED_TIMEOUT = 'retries-exceed-timeout',
  /** A fault together with a timeout or retries, which Istio then ignores. */
  FAULT_WITH_TIMEOUT = 'fault-with-timeout',
  /** Outlier detection that can never eject a pod with the replicas given. */
  NEVER_EJECTS = 'never-ejects',
  /** A resilience setting that contradicts another or does nothing. */
  INVALID_RESILIENCE = 'invalid-resilience',
  /** Telemetry that says nothing, or names no provider. */
  INVALID_TELEMETRY = 'invalid-telemetry',
  /** A route to a subset that no DestinationRule defines. */
  UNKNOWN_SUBSET = 'unknown-subset',
  /** Requests for an app that pass by its split: to its Service by name, and so to any of its versions. */
  BYPASSED_SPLIT = 'bypassed-split',
  /** A subset that selects no pod. */
  EMPTY_SUBSET = 'empty-subset',
  /** A VirtualService for a host that its gateway does not serve. */
  UNSERVED_HOST = 'unserved-host',
  /** A rollout that promotes without looking, or never begins. */
  INVALID_ROLLOUT = 'invalid-rollout',
  /** A setting of an app that what rolls it out cannot hold. */
  UNSUPPORTED_BY_ROLLOUT = 'unsupported-by-rollout',
  /** A call between apps that no policy can express, or that no policy lets pass. */
  INVALID_CALL = 'invalid-call',
  /** Pods that somebody else runs, in a policy for which nobody said their ServiceAccount. */
  MISSING_IDENTITY = 'missing-identity',
  /** A host outside the mesh, in a policy for which nobody said in which networks it is. */
  MISSING_NETWORKS = 'missing-networks',
  /** A Sidecar or EnvoyFilter in a namespace whose pods get no sidecar. */
  NO_PROXY = 'no-proxy',
  /** Client TLS that the server's PeerAuthentication refuses, or that shows no identity to a policy that asks for one. */
  MTLS_CONFLICT = 'mtls-conflict',
}

/**
 * A mistake in the input: what was got, what is allowed, and where.
 *
 * The message begins with the path of the construct (`[otus/hw4]`), save where a value is wrong before it is in one, and ends with the
 * stable {@link code} in brackets.
 */
export class MeshError extends Error {
  /** The stable code, for scripts and tests. */
  public readonly code: ErrorCode;
  private isPlaced: boolean;

  /**
   * @param code the stable code
   * @param message lower case, no full stop: what was got and what is allowed
   * @param construct the construct whose input is wrong
   */
  constructor(code: ErrorCode, message: string, construct?: IConstruct) {
    super(`${construct === undefined ? '' : `[${construct.node.path}] `}${message} (${code})`);
    this.name = 'MeshError';
    this.code = code;
    this.isPlaced = construct !== undefined;
  }

  /**
   * Names the construct that uses what is wrong, where none is named yet.
   * @internal
   */
  public _placeIn(construct: IConstruct): void {
    if (!this.isPlaced) {
      const placed = `[${construct.node.path}] ${this.message}`;
      this.stack = this.stack?.replace(this.message, () => placed);
      this.message = placed;
      this.isPlaced = true;
    }
  }
}

/** Uses values in a construct: what is wrong with them is said together with its path. */
export function inConstruct<T>(construct: IConstruct, use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (error instanceof MeshError) {
      error._placeIn(construct);
    }
    throw error;
  }
}
