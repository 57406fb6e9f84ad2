import { Chart } from 'cdk8s';
import { Injection, MeshNamespace, type MeshNamespaceProps } from 'cdk8s-istio';
import { chart, meshApp, one, refusal, synth } from './support/synth';

const namespace = (props?: MeshNamespaceProps) =>
  one(
    synth((scope) => new MeshNamespace(scope, 'namespace', props)),
    'Namespace',
  );

describe('a namespace', () => {
  test('is called like the chart’s, and its pods get sidecars', () => {
    expect(namespace()).toEqual({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
    });
    expect(namespace({ name: undefined, injection: undefined, labels: undefined })).toEqual(namespace());
  });

  test('has a name, an injection and labels of its own', () => {
    const props: Required<MeshNamespaceProps> = { name: 'true', injection: Injection.ambient(), labels: { team: 'on' } };
    expect(namespace(props).metadata).toEqual({ name: 'true', labels: { team: 'on', 'istio.io/dataplane-mode': 'ambient' } });
  });

  test.each([
    [Injection.enabled(), { 'istio-injection': 'enabled' }],
    [Injection.disabled(), { 'istio-injection': 'disabled' }],
    [Injection.revision('1-31'), { 'istio.io/rev': '1-31' }],
    [Injection.ambient(), { 'istio.io/dataplane-mode': 'ambient' }],
  ])('lets its pods join in one way: %#', (injection, labels) => {
    expect(namespace({ injection }).metadata.labels).toEqual(labels);
  });

  test.each(['default', 'kube-system', 'kube-public'])('is not pruned by Flux where Kubernetes never deletes it: %s', (name) => {
    expect(namespace({ name }).metadata.annotations).toEqual({ 'kustomize.toolkit.fluxcd.io/prune': 'disabled' });
  });

  test('stands in no namespace, also in a chart without one', () => {
    const app = meshApp();
    new MeshNamespace(new Chart(app, 'system'), 'namespace', { name: 'shop' });
    expect(app.synthYaml()).not.toContain('namespace: ');
  });

  test.each(['istio-injection', 'istio.io/rev', 'istio.io/dataplane-mode'])(
    'is refused with the label %s beside the injection',
    (label) => {
      expect(refusal(() => namespace({ labels: { [label]: 'x' } }))).toBe(
        `[system/namespace] label '${label}' says how pods join the mesh; say it with injection, so that there is one way (invalid-name)`,
      );
    },
  );

  test('is refused with bad names', () => {
    expect(refusal(() => new MeshNamespace(chart(), 'namespace', { name: 'My Shop' }))).toBe(
      "[system/namespace] namespace is 'My Shop'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    );
    expect(refusal(() => Injection.revision(''))).toContain("revision is ''; allowed are 1 to 63");
    expect(refusal(() => new MeshNamespace(new Chart(meshApp(), 'system'), 'namespace'))).toContain('(missing-namespace)');
  });
});
