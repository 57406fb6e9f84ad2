import { ApiObject, type Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { POD_MONITOR, SERVICE_MONITOR } from './api-versions';
import { rememberCreation } from './creation';
import { renderDuration } from './limits';
import { requireNamespace } from './mesh-service';

/** Properties of {@link MeshMonitors}. */
export interface MeshMonitorsProps {
  /**
   * The pause between scrapes.
   * @default - Prometheus' own
   */
  readonly interval?: Duration;
  /**
   * Labels of the monitors, by which a Prometheus finds them (such as `release: prometheus-stack`).
   * @default - none
   */
  readonly labels?: { [key: string]: string };
}

/**
 * Makes Prometheus read the mesh's own metrics: a PodMonitor for the Envoy beside each pod and in each gateway, in all
 * namespaces, and a ServiceMonitor for istiod.
 *
 * @see https://istio.io/latest/docs/ops/integrations/prometheus/
 */
export class MeshMonitors extends Construct {
  /** @throws `missing-namespace`, `invalid-name`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: MeshMonitorsProps = {}) {
    super(scope, id);
    rememberCreation(this);
    const interval = props.interval && renderDuration('interval of the monitors', props.interval, this);
    const metadata = (name: string) => ({ name, namespace: requireNamespace(this), labels: props.labels });
    new ApiObject(this, 'PodMonitor', {
      ...POD_MONITOR,
      metadata: metadata('envoy-stats'),
      spec: {
        jobLabel: 'envoy-stats',
        namespaceSelector: { any: true },
        selector: { matchExpressions: [{ key: 'istio-prometheus-ignore', operator: 'DoesNotExist' }] },
        podMetricsEndpoints: [{ port: 'http-envoy-prom', path: '/stats/prometheus', interval }],
      },
    });
    new ApiObject(this, 'ServiceMonitor', {
      ...SERVICE_MONITOR,
      metadata: metadata('istiod'),
      spec: {
        jobLabel: 'istio',
        targetLabels: ['app'],
        namespaceSelector: { any: true },
        selector: { matchLabels: { istio: 'pilot' } },
        endpoints: [{ port: 'http-monitoring', interval }],
      },
    });
  }
}
