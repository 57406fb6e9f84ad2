import type { Chart } from 'cdk8s';
import { AppPort, CanaryApp, ClientTls, MtlsMode, MutualTls, type MutualTlsProps, ResilienceRules } from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, one, refusal, synth } from './support/synth';

function cart(scope: Chart): CanaryApp {
  return new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } });
}

test.each([
  [MtlsMode.DISABLE, 'DISABLE'],
  [MtlsMode.PERMISSIVE, 'ISTIO_MUTUAL'],
  [MtlsMode.STRICT, 'ISTIO_MUTUAL'],
])('pods that accept %s are called with client TLS %s', (mode, client) => {
  const manifests = synth((scope) => {
    const props: Required<MutualTlsProps> = { app: cart(scope), mode };
    new MutualTls(scope, 'tls', props);
  });
  expect(one(manifests, 'DestinationRule').spec.trafficPolicy).toEqual({ tls: { mode: client } });
  expect(one(manifests, 'PeerAuthentication')).toMatchObject({
    metadata: { name: 'cart', namespace: 'shop' },
    spec: { selector: { matchLabels: { app: 'cart' } }, mtls: { mode } },
  });
  expect(schemaMistakes(manifests)).toEqual([]);
});

test('client TLS that is set already is not overruled', () => {
  const scope = chart();
  const app = cart(scope);
  new ResilienceRules(scope, 'rules', { app, clientTls: ClientTls.disable() });
  expect(refusal(() => new MutualTls(scope, 'tls', { app, mode: MtlsMode.STRICT }))).toBe(
    "[system/tls/Client] clientTls of app 'cart' is already set by 'system/rules'; say it once (conflicting-rules)",
  );
});
