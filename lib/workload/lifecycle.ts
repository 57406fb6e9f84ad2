import type { Duration } from 'cdk8s';
import { renderSeconds, requirePort } from '../limits';
import { requirePath } from '../routing/path-match';
import { requireCommand } from './command';

/**
 * What the kubelet does when a container has started or is about to stop.
 *
 * @see https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 */
export class LifecycleHandler {
  /**
   * Run this command in the container.
   * @throws `invalid-workload` when it is empty
   */
  public static exec(command: string[]): LifecycleHandler {
    return new LifecycleHandler({ exec: { command: requireCommand(command) } });
  }

  /**
   * GET this path from the container.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-path` when the path does not begin with `/` or holds a query, a fragment or a blank
   */
  public static http(port: number, path: string): LifecycleHandler {
    return new LifecycleHandler({ httpGet: { path: requirePath(path), port: requirePort('port of the handler', port) } });
  }

  /**
   * Wait; needs no `sleep` in the image. Kubernetes 1.30 and newer.
   * @throws `out-of-range` when it is not a whole number of seconds from 1 up
   */
  public static sleep(duration: Duration): LifecycleHandler {
    return new LifecycleHandler({ sleep: { seconds: renderSeconds('sleep of the handler', duration, 1) } });
  }

  private constructor(
    /** @internal */
    public readonly _handler: Record<string, unknown>,
  ) {}
}

/**
 * Handlers around a container's life.
 *
 * @see https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/
 */
export interface Lifecycle {
  /**
   * Right after the start.
   * @default - nothing
   */
  readonly postStart?: LifecycleHandler;
  /**
   * Before the stop. Some requests still come, until all proxies know that the pod goes: a pause here outlasts them.
   * @default - nothing
   */
  readonly preStop?: LifecycleHandler;
}
