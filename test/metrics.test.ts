import { Duration } from 'cdk8s';
import { AppPort, CanaryApp, Metrics, type MetricsOptions } from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { one, refusal, synth } from './support/synth';

const PORT = AppPort.http(9797, { name: 'prometheus' });
const options: Required<MetricsOptions> = {
  path: '/stats',
  interval: Duration.minutes(1),
  labels: { release: 'prometheus', app: 'monitored' },
};
const monitor = (metrics: Metrics) => {
  const manifests = synth((scope) => {
    new CanaryApp(scope, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} }, metrics });
  });
  expect(schemaMistakes(manifests)).toEqual([]);
  return one(manifests, metrics._kind);
};

describe('metrics', () => {
  test('have a ServiceMonitor', () => {
    expect(monitor(Metrics.serviceMonitor(PORT, options))).toEqual({
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: {
        name: 'cart',
        namespace: 'shop',
        labels: { app: 'monitored', 'app.kubernetes.io/name': 'cart', release: 'prometheus' },
      },
      spec: {
        selector: { matchLabels: { app: 'cart' } },
        endpoints: [{ port: 'http-prometheus', path: '/stats', interval: '60s' }],
      },
    });
  });

  test('have a PodMonitor', () => {
    expect(monitor(Metrics.podMonitor(PORT, options)).spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      podMetricsEndpoints: [{ port: 'prometheus', path: '/stats', interval: '60s' }],
    });
  });

  test('leave to Prometheus what nobody said', () => {
    expect(monitor(Metrics.serviceMonitor(PORT)).spec.endpoints).toEqual([{ port: 'http-prometheus' }]);
    expect(monitor(Metrics.podMonitor(PORT, { path: undefined, interval: undefined })).spec.podMetricsEndpoints).toEqual([
      { port: 'prometheus' },
    ]);
  });

  test('are refused at what is no path', () => {
    expect(refusal(() => Metrics.serviceMonitor(PORT, { path: 'metrics' }))).toBe(
      "path is 'metrics'; it must begin with '/' (invalid-path)",
    );
  });
});
