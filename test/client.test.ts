import { Duration } from 'cdk8s';
import {
  ClientDeployment,
  type ClientDeploymentProps,
  ClientPod,
  type ClientPodProps,
  LifecycleHandler,
  Probe,
} from 'cdk8s-istio';
import { Cpu, EnvValue, ImagePullPolicy } from 'cdk8s-plus-27';
import { chart, one, refusal, synth } from './support/synth';

const POD: Required<ClientPodProps> = {
  image: 'curlimages/curl',
  name: 'caller',
  command: ['sleep'],
  args: ['infinity'],
  workingDir: '/tmp',
  env: { TARGET: 'http://cart' },
  envVariables: { NODE: EnvValue.fromValue('n') },
  imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
  readiness: Probe.exec(['true']),
  liveness: Probe.exec(['true']),
  startup: Probe.exec(['true'], { period: Duration.seconds(2) }),
  lifecycle: { preStop: LifecycleHandler.exec(['true']) },
  resources: { cpu: { request: Cpu.millis(10) } },
  securityContext: { ensureNonRoot: true },
  volumeMounts: [],
};

describe('a client', () => {
  test('is a Pod with an identity and without a Service', () => {
    const manifests = synth((scope) => new ClientPod(scope, 'curl', { image: 'curlimages/curl', command: ['sleep', '100000'] }));
    expect(manifests).toEqual([
      expect.objectContaining({ kind: 'ServiceAccount', metadata: expect.objectContaining({ name: 'curl', namespace: 'shop' }) }),
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'curl', namespace: 'shop', labels: { app: 'curl', 'app.kubernetes.io/name': 'curl' } },
        spec: {
          serviceAccountName: 'curl',
          containers: [{ name: 'curl', image: 'curlimages/curl', command: ['sleep', '100000'] }],
        },
      },
    ]);
  });

  test('is a Deployment whose pods its selector finds', () => {
    const props: Required<ClientDeploymentProps> = { ...POD, replicas: 3 };
    const manifests = synth((scope) => new ClientDeployment(scope, 'loader', props));
    const { metadata, spec } = one(manifests, 'Deployment');
    expect(metadata.name).toBe('caller');
    expect(spec.replicas).toBe(3);
    expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
    expect(spec.template.spec.containers[0]).toMatchObject({
      command: ['sleep'],
      args: ['infinity'],
      workingDir: '/tmp',
      imagePullPolicy: 'IfNotPresent',
      resources: { requests: { cpu: '10m' } },
    });
  });

  test('takes every property of a container', () => {
    const [container] = one(
      synth((scope) => new ClientPod(scope, 'curl', POD)),
      'Pod',
      'caller',
    ).spec.containers;
    expect(container.env).toEqual([
      { name: 'TARGET', value: 'http://cart' },
      { name: 'NODE', value: 'n' },
    ]);
    expect(container.startupProbe).toEqual({ exec: { command: ['true'] }, periodSeconds: 2 });
  });

  test.each(['Curl', 'a'.repeat(64), '', 'my_client'])('is refused under the name %p', (name) => {
    expect(refusal(() => new ClientPod(chart(), 'curl', { image: 'curl', name }))).toMatch(/\(invalid-name\)$/);
    expect(refusal(() => new ClientDeployment(chart(), 'curl', { image: 'curl', name }))).toMatch(/\(invalid-name\)$/);
  });

  test('is refused without an image', () => {
    expect(refusal(() => new ClientPod(chart(), 'curl', { image: '' }))).toBe(
      "[system/curl] image of container 'curl' is ''; it must name an image (invalid-workload)",
    );
  });
});
