import { AppPort, CanaryApp, Telemetry, type TelemetryProps } from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, one, refusal, synth } from './support/synth';

describe('telemetry', () => {
  test('holds for a namespace where no app is named', () => {
    const manifests = synth((scope) => new Telemetry(scope, 'telemetry', { accessLogging: { provider: 'envoy' } }));
    expect(one(manifests, 'Telemetry')).toMatchObject({
      apiVersion: 'telemetry.istio.io/v1',
      metadata: { name: 'default', namespace: 'shop' },
      spec: { accessLogging: [{ providers: [{ name: 'envoy' }] }] },
    });
  });

  test('takes every property, and is valid in all versions of Istio', () => {
    const manifests = synth((scope) => {
      const props: Required<TelemetryProps> = {
        app: new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } }),
        tracing: { provider: 'zipkin', randomSamplingPercentage: 0.5 },
        accessLogging: { provider: 'otel' },
        namespace: 'shop',
      };
      new Telemetry(scope, 'telemetry', props);
    });
    expect(one(manifests, 'Telemetry').spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      tracing: [{ providers: [{ name: 'zipkin' }], randomSamplingPercentage: 0.5 }],
      accessLogging: [{ providers: [{ name: 'otel' }] }],
    });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('keeps a sampling of nothing, which is not the mesh default', () => {
    const tracing = { provider: 'zipkin', randomSamplingPercentage: 0 };
    const manifests = synth((scope) => new Telemetry(scope, 'telemetry', { tracing }));
    expect(one(manifests, 'Telemetry').spec.tracing[0].randomSamplingPercentage).toBe(0);
  });

  test('of an app stands where its pods are, since Istio looks nowhere else', () => {
    const scope = chart();
    const app = new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } });
    const props: TelemetryProps = { app, namespace: 'istio-system', accessLogging: { provider: 'envoy' } };
    expect(refusal(() => new Telemetry(scope, 'telemetry', props))).toBe(
      "[system/telemetry] namespace is 'istio-system', and the pods of app 'cart' are in 'shop', where alone Istio looks for what is said of them; leave namespace out (invalid-telemetry)",
    );
  });

  test.each<[string, TelemetryProps, string]>([
    ['nothing to say', {}, 'invalid-telemetry'],
    ['a provider without a name', { tracing: { provider: '' } }, 'invalid-telemetry'],
    ['more than all requests', { tracing: { provider: 'zipkin', randomSamplingPercentage: 100.1 } }, 'out-of-range'],
    ['no number', { tracing: { provider: 'zipkin', randomSamplingPercentage: Number.NaN } }, 'out-of-range'],
  ])('is refused with %s', (_, props, code) => {
    expect(refusal(() => new Telemetry(chart(), 'telemetry', props))).toMatch(new RegExp(`\\(${code}\\)$`));
  });
});
