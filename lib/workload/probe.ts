import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { renderSeconds, requireInteger, requirePort } from '../limits';
import { requireHeaderName } from '../routing/header-match';
import { requirePath } from '../routing/path-match';
import { requireCommand } from './command';

/**
 * When and how often a probe asks.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/probes/
 */
export interface ProbeOptions {
  /**
   * Pause between the container's start and the first probe, in whole seconds.
   * @default - Kubernetes': none
   */
  readonly initialDelay?: Duration;
  /**
   * Pause between probes, in whole seconds.
   * @default - Kubernetes': 10 s
   */
  readonly period?: Duration;
  /**
   * How long an answer may take, in whole seconds.
   * @default - Kubernetes': 1 s
   */
  readonly timeout?: Duration;
  /**
   * Failures in a row after which the container counts as failed.
   * @default - Kubernetes': 3
   */
  readonly failureThreshold?: number;
  /**
   * Successes in a row after which it counts as well again; a liveness or startup probe takes 1 only.
   * @default - Kubernetes': 1
   */
  readonly successThreshold?: number;
}

export const READINESS = 'the readiness probe';

/** Options of {@link Probe.http}. */
export interface HttpProbeOptions extends ProbeOptions {
  /**
   * Headers that the request carries.
   * @default - none
   */
  readonly headers?: { [name: string]: string };
}

/** Options of {@link Probe.grpc}. */
export interface GrpcProbeOptions extends ProbeOptions {
  /**
   * The service name that the health request carries.
   * @default - none: the whole server
   */
  readonly service?: string;
}

/**
 * A question that the kubelet asks a container. cdk8s-plus-27 has no gRPC probes and no request headers; this has.
 *
 * @see https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
 */
export class Probe {
  /**
   * Healthy when the container accepts a connection on this port.
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static tcp(port: number, options: ProbeOptions = {}): Probe {
    return new Probe({ tcpSocket: { port: requirePort('port of the probe', port) } }, options);
  }

  /**
   * Healthy when a GET of this path answers 200 to 399.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-path` when the path does not begin with `/` or holds a fragment or a blank
   * @throws `invalid-header` when the name of a header is none
   */
  public static http(port: number, path: string, options: HttpProbeOptions = {}): Probe {
    const httpHeaders = Object.entries(options.headers ?? {}).map(([name, value]) => ({ name: requireHeaderName(name), value }));
    return new Probe(
      {
        httpGet: {
          path: requirePath(path.replace(/\?.*$/, '')) && path,
          port: requirePort('port of the probe', port),
          httpHeaders: httpHeaders.length > 0 ? httpHeaders : undefined,
        },
      },
      options,
    );
  }

  /**
   * Healthy when gRPC's health service says `SERVING`.
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static grpc(port: number, options: GrpcProbeOptions = {}): Probe {
    return new Probe({ grpc: { port: requirePort('port of the probe', port), service: options.service } }, options);
  }

  /**
   * Healthy when this command in the container exits with 0.
   * @throws `invalid-workload` when it is empty
   */
  public static exec(command: string[], options: ProbeOptions = {}): Probe {
    return new Probe({ exec: { command: requireCommand(command) } }, options);
  }

  private constructor(
    private readonly action: Record<string, unknown>,
    private readonly options: ProbeOptions,
  ) {}

  /** @internal */
  public _render(what: string, construct: IConstruct): Record<string, unknown> {
    const { initialDelay, period, timeout, failureThreshold, successThreshold } = this.options;
    const count = (field: string, value: number | undefined, max?: number) =>
      value === undefined ? undefined : requireInteger(`${field} of ${what}`, value, { min: 1, max }, construct);
    // https://kubernetes.io/docs/concepts/workloads/pods/probes/: "Must be 1 for liveness and startup"
    const maxSuccesses = what === READINESS ? undefined : 1;
    return {
      ...this.action,
      initialDelaySeconds: initialDelay && renderSeconds(`initialDelay of ${what}`, initialDelay, 0, construct),
      periodSeconds: period && renderSeconds(`period of ${what}`, period, 1, construct),
      timeoutSeconds: timeout && renderSeconds(`timeout of ${what}`, timeout, 1, construct),
      failureThreshold: count('failureThreshold', failureThreshold),
      successThreshold: count('successThreshold', successThreshold, maxSuccesses),
    };
  }
}
