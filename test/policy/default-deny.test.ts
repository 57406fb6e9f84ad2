import { App, Chart } from 'cdk8s';
import { DefaultDeny, type DefaultDenyProps } from 'cdk8s-istio';
import { schemaMistakes } from '../support/schemas';
import { one, refusal, synth } from '../support/synth';

describe('a closed namespace', () => {
  test('is closed to every identity and on the network, but for what proxies need', () => {
    const manifests = synth((chart) => new DefaultDeny(chart, 'deny', { prometheusNamespace: 'monitoring' }));
    expect(manifests).toMatchSnapshot();
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('may be another than the chart’s', () => {
    const props: Required<DefaultDenyProps> = { namespace: 'bank', prometheusNamespace: 'monitoring' };
    const manifests = synth((chart) => new DefaultDeny(chart, 'deny', props));
    expect(one(manifests, 'AuthorizationPolicy').metadata.namespace).toBe('bank');
    expect(one(manifests, 'NetworkPolicy').metadata.namespace).toBe('bank');
    expect(one(manifests, 'Sidecar').metadata.namespace).toBe('bank');
  });

  test('must be named', () => {
    expect(
      refusal(() => new DefaultDeny(new Chart(new App(), 'nowhere'), 'deny', { prometheusNamespace: 'monitoring' })),
    ).toContain('(missing-namespace)');
  });
});
