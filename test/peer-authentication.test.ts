import { Chart } from 'cdk8s';
import { AppPort, CanaryApp, MtlsMode, PeerAuthentication, type PeerAuthenticationProps } from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth } from './support/synth';

const newApp = (scope: Chart) =>
  new CanaryApp(scope, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} } });
const policy = (manifests: readonly Manifest[]) => one(manifests, 'PeerAuthentication');

describe('a PeerAuthentication', () => {
  test.each(Object.values(MtlsMode))('holds for a namespace: %s', (mode) => {
    const { metadata, spec } = policy(synth((scope) => new PeerAuthentication(scope, 'mtls', { mode })));
    expect(metadata).toEqual({ name: 'default', namespace: 'shop' });
    expect(spec).toEqual({ mtls: { mode } });
  });

  test('holds for the whole mesh in Istio’s root namespace', () => {
    const manifests = synth(
      (scope) => new PeerAuthentication(scope, 'mtls', { mode: MtlsMode.STRICT, namespace: 'istio-system' }),
    );
    expect(policy(manifests).metadata).toEqual({ name: 'default', namespace: 'istio-system' });
  });

  test('holds for the pods of an app, with every property', () => {
    const manifests = synth((scope) => {
      const props: Required<PeerAuthenticationProps> = {
        mode: MtlsMode.STRICT,
        app: newApp(scope),
        ports: { '9797': MtlsMode.DISABLE, '80': MtlsMode.PERMISSIVE },
        namespace: 'shop',
      };
      new PeerAuthentication(scope, 'mtls', props);
    });
    expect(policy(manifests).metadata).toEqual({ name: 'cart', namespace: 'shop' });
    expect(policy(manifests).spec).toEqual({
      selector: { matchLabels: { app: 'cart' } },
      mtls: { mode: 'STRICT' },
      portLevelMtls: { '80': { mode: 'PERMISSIVE' }, '9797': { mode: 'DISABLE' } },
    });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('follows its app into another namespace', () => {
    const app = meshApp();
    const cart = newApp(new Chart(app, 'shop', { namespace: 'shop' }));
    new PeerAuthentication(new Chart(app, 'policies', { namespace: 'policies' }), 'mtls', { mode: MtlsMode.STRICT, app: cart });
    expect(app.synthYaml()).not.toContain('namespace: policies');
  });

  test('is refused in another namespace than its app, where Istio would not look', () => {
    const scope = chart();
    const props = { mode: MtlsMode.STRICT, app: newApp(scope), namespace: 'istio-system' };
    expect(refusal(() => new PeerAuthentication(scope, 'mtls', props))).toBe(
      "[system/mtls] namespace is 'istio-system', and the pods of app 'cart' are in 'shop', where alone Istio looks for what is said of them; leave namespace out (invalid-resilience)",
    );
  });

  test('takes what is undefined for unsaid', () => {
    const manifests = synth(
      (scope) =>
        new PeerAuthentication(scope, 'mtls', { mode: MtlsMode.STRICT, app: undefined, ports: undefined, namespace: undefined }),
    );
    expect(policy(manifests).spec).toEqual({ mtls: { mode: 'STRICT' } });
  });

  test('is refused with ports and no app, which Istio would not take', () => {
    expect(
      refusal(() => new PeerAuthentication(chart(), 'mtls', { mode: MtlsMode.STRICT, ports: { '80': MtlsMode.DISABLE } })),
    ).toBe('[system/mtls] ports is set without app; Istio takes ports only for the pods of one app (invalid-resilience)');
  });

  test.each(['0', '', 'http', '70000', '1.5'])('is refused with port %j', (port) => {
    const scope = chart();
    expect(
      refusal(
        () =>
          new PeerAuthentication(scope, 'mtls', {
            mode: MtlsMode.STRICT,
            app: newApp(scope),
            ports: { [port]: MtlsMode.DISABLE },
          }),
      ),
    ).toBe(`[system/mtls] port is ${Number(port)}; allowed are whole numbers from 1 to 65535 (out-of-range)`);
  });

  test('is refused without a namespace', () => {
    expect(refusal(() => new PeerAuthentication(new Chart(meshApp(), 'system'), 'mtls', { mode: MtlsMode.STRICT }))).toContain(
      '(missing-namespace)',
    );
  });
});
