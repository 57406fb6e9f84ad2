import type { Duration, Lazy } from 'cdk8s';
import type { AppPort } from './app-port';
import { renderDuration } from './limits';
import { requirePath } from './routing/path-match';

/** How Prometheus scrapes an app. */
export interface MetricsOptions {
  /**
   * The path of the metrics.
   * @default - the operator's: /metrics
   */
  readonly path?: string;
  /**
   * The pause between scrapes.
   * @default - Prometheus' own
   */
  readonly interval?: Duration;
  /**
   * Labels of the monitor, by which a Prometheus finds it (such as `release: prometheus-stack`).
   * @default - none
   */
  readonly labels?: { [key: string]: string };
}

/**
 * Where an app shows its metrics, and the monitor that makes Prometheus read them.
 *
 * Prometheus reads them in plain text, which pods that are `STRICT` refuse: let this one port be `PERMISSIVE`
 * ({@link PeerAuthenticationProps.ports}), or let the monitor show a certificate of the mesh.
 *
 * @see https://istio.io/latest/docs/ops/integrations/prometheus/#tls-settings
 * @see https://prometheus-operator.dev/docs/api-reference/api/
 */
export class Metrics {
  /**
   * A ServiceMonitor; the port becomes part of the Service, and the monitor takes its name from there.
   * @throws `invalid-path` when the path does not begin with `/` or holds a query, a fragment or a blank
   */
  public static serviceMonitor(port: AppPort, options: MetricsOptions = {}): Metrics {
    return new Metrics('ServiceMonitor', port, options);
  }

  /**
   * A PodMonitor; the port is a port of the pods alone.
   * @throws `invalid-path` when the path does not begin with `/` or holds a query, a fragment or a blank
   */
  public static podMonitor(port: AppPort, options: MetricsOptions = {}): Metrics {
    return new Metrics('PodMonitor', port, options);
  }

  private constructor(
    /** @internal */
    public readonly _kind: 'ServiceMonitor' | 'PodMonitor',
    /** The port with the metrics. */
    public readonly port: AppPort,
    /** @internal */
    public readonly _options: MetricsOptions,
  ) {
    if (_options.path !== undefined) {
      requirePath(_options.path);
    }
  }

  /** @internal */
  public _renderSpec(selector: Lazy, port: Lazy): Record<string, unknown> {
    const { path, interval } = this._options;
    const endpoint = { port, path, interval: interval && renderDuration('interval of the metrics', interval) };
    return { selector, [this._kind === 'ServiceMonitor' ? 'endpoints' : 'podMetricsEndpoints']: [endpoint] };
  }
}
