import { Duration } from 'cdk8s';
import { MeshMonitors, type MeshMonitorsProps } from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, one, refusal, synth } from './support/synth';

test('Prometheus reads every Envoy of the mesh, and istiod', () => {
  const props: Required<MeshMonitorsProps> = { interval: Duration.seconds(15), labels: { release: 'prometheus-stack' } };
  const manifests = synth((scope) => new MeshMonitors(scope, 'monitors', props));
  expect(one(manifests, 'PodMonitor')).toMatchObject({
    metadata: { name: 'envoy-stats', namespace: 'shop', labels: { release: 'prometheus-stack' } },
    spec: {
      namespaceSelector: { any: true },
      podMetricsEndpoints: [{ port: 'http-envoy-prom', path: '/stats/prometheus', interval: '15s' }],
    },
  });
  expect(one(manifests, 'ServiceMonitor')).toMatchObject({
    metadata: { name: 'istiod', labels: { release: 'prometheus-stack' } },
    spec: {
      namespaceSelector: { any: true },
      selector: { matchLabels: { istio: 'pilot' } },
      endpoints: [{ port: 'http-monitoring', interval: '15s' }],
    },
  });
  expect(schemaMistakes(manifests)).toEqual([]);
});

test('Prometheus decides on the interval where none is said', () => {
  const manifests = synth((scope) => new MeshMonitors(scope, 'monitors'));
  expect(one(manifests, 'ServiceMonitor').spec.endpoints).toEqual([{ port: 'http-monitoring' }]);
});

test('an interval of nothing is refused', () => {
  expect(refusal(() => new MeshMonitors(chart(), 'monitors', { interval: Duration.millis(0) }))).toMatch(/\(out-of-range\)$/);
});
