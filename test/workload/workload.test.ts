import { Duration } from 'cdk8s';
import { AppPort, CanaryApp, type CanaryAppProps, type VersionProps, type WorkloadOptions } from 'cdk8s-istio';
import { Volume } from 'cdk8s-plus-27';
import { mergeWorkload } from '../../lib/workload/workload';
import { chart, one, refusal, synth } from '../support/synth';

const app = (props: Partial<CanaryAppProps>, v1: VersionProps = {}): CanaryAppProps => ({
  image: 'cart:1',
  ports: [AppPort.http(80)],
  versions: { v1 },
  ...props,
});
const deployment = (props: Partial<CanaryAppProps>, v1: VersionProps = {}) =>
  one(
    synth((scope) => new CanaryApp(scope, 'cart', app(props, v1))),
    'Deployment',
  ).spec;
const message = (props: Partial<CanaryAppProps>, v1: VersionProps = {}) =>
  refusal(() => new CanaryApp(chart(), 'cart', app(props, v1)));

describe('what a version says', () => {
  test('stands over what the app says; maps are joined', () => {
    const general: WorkloadOptions = { image: 'a', args: ['1'], env: { A: '1', B: '1' }, podLabels: { x: '1' } };
    expect(mergeWorkload(general, { image: 'b', args: [], env: { B: '2' } })).toEqual({
      image: 'b',
      args: [],
      env: { A: '1', B: '2' },
      podLabels: { x: '1' },
    });
  });

  test('stands alone where the app says nothing', () => {
    expect(mergeWorkload({}, { files: { '/a': 'x' } })).toEqual({ files: { '/a': 'x' } });
  });

  test('leaves the app’s where it is said to be undefined', () => {
    expect(mergeWorkload({ image: 'a', env: { A: '1' } }, { image: undefined, env: undefined })).toEqual({
      image: 'a',
      env: { A: '1' },
    });
  });
});

describe('a Deployment', () => {
  test('leaves to Kubernetes what nobody said', () => {
    expect(deployment({})).toEqual({
      selector: { matchLabels: { app: 'cart', version: 'v1' } },
      template: {
        metadata: {
          labels: { app: 'cart', version: 'v1', 'app.kubernetes.io/name': 'cart', 'app.kubernetes.io/version': 'v1' },
        },
        spec: {
          serviceAccountName: 'cart',
          containers: [{ name: 'cart', image: 'cart:1', ports: [{ name: 'http', containerPort: 80 }] }],
        },
      },
    });
  });

  test('selects by app and version alone, so that other labels may change', () => {
    const { selector, template } = deployment({ podLabels: { team: 'a' } });
    expect(selector).toEqual({ matchLabels: { app: 'cart', version: 'v1' } });
    expect(template.metadata.labels).toMatchObject({ app: 'cart', version: 'v1', team: 'a' });
  });

  test('has pods as they are said', () => {
    const { replicas, strategy, template } = deployment({
      replicas: 0,
      rollingUpdate: { maxSurge: 0, maxUnavailable: 1 },
      terminationGracePeriod: Duration.seconds(0),
      podAnnotations: { 'sidecar.istio.io/inject': 'true' },
      nodeSelector: { disk: 'ssd' },
      extraContainers: { log: { image: 'log:1', ports: [AppPort.tcp(9000)] } },
      files: { '/etc/a.conf': 'x' },
    });
    expect([replicas, strategy]).toEqual([0, { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }]);
    expect(template.metadata.annotations).toEqual({
      'sidecar.istio.io/inject': 'true',
      'checksum/config': expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(template.spec).toMatchObject({
      terminationGracePeriodSeconds: 0,
      nodeSelector: { disk: 'ssd' },
      volumes: [{ name: 'config', configMap: { name: 'cart-v1' } }],
    });
    expect(template.spec.containers[1]).toEqual({
      name: 'log',
      image: 'log:1',
      ports: [{ name: 'tcp', containerPort: 9000 }],
    });
  });

  test('holds a volume once that two containers mount', () => {
    const manifests = synth((scope) => {
      const volume = Volume.fromEmptyDir(scope, 'cache', 'cache');
      const volumeMounts = [{ path: '/cache', volume }];
      new CanaryApp(scope, 'cart', app({ volumeMounts, extraContainers: { log: { image: 'log:1', volumeMounts } } }));
    });
    expect(one(manifests, 'Deployment').spec.template.spec.volumes).toEqual([{ name: 'cache', emptyDir: {} }]);
  });

  test.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('is refused with %p replicas', (replicas) => {
    expect(message({ replicas })).toBe(
      `[system/cart] replicas is ${replicas}; allowed are whole numbers from 0 up (out-of-range)`,
    );
  });

  test('is refused where no pod could ever be replaced', () => {
    expect(message({ rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } })).toBe(
      '[system/cart] maxSurge and maxUnavailable are both 0, so no pod could ever be replaced (invalid-workload)',
    );
    expect(message({ rollingUpdate: { maxSurge: -1, maxUnavailable: 0 } })).toBe(
      '[system/cart] maxSurge is -1; allowed are whole numbers from 0 up (out-of-range)',
    );
    expect(message({ rollingUpdate: { maxSurge: 1, maxUnavailable: 0.5 } })).toBe(
      '[system/cart] maxUnavailable is 0.5; allowed are whole numbers from 0 up (out-of-range)',
    );
  });

  test('is refused without an image', () => {
    expect(message({ image: undefined })).toBe(
      "[system/cart] version 'v1' has no image; say image for the app or for each version (invalid-workload)",
    );
    expect(message({ image: '' })).toBe(
      "[system/cart] image of container 'cart' is ''; it must name an image (invalid-workload)",
    );
  });

  test('is refused with the app’s own labels, or what is no label', () => {
    expect(message({ podLabels: { app: 'other' } })).toBe(
      "[system/cart] pod label 'app' is set by the app itself to 'cart'; take another key (invalid-workload)",
    );
    for (const key of ['', ' ', 'a b', 'a/b/c', '/a', 'a/', 'A B/c', 'Example.com/a', '-a', 'é', 'a'.repeat(64)]) {
      expect(message({ podLabels: { [key]: '1' } })).toContain(`key of the pod label is '${key}'; allowed are`);
      expect(message({ podAnnotations: { [key]: '1' } })).toContain(`key of the pod annotation is '${key}'; allowed are`);
      expect(message({ nodeSelector: { [key]: '1' } })).toContain(`key of the node selector is '${key}'; allowed are`);
    }
    expect(message({ nodeSelector: { disk: 's s d' } })).toContain("node selector 'disk' is 's s d'; a label value");
    expect(message({ podLabels: { team: 'a b' } })).toContain("pod label 'team' is 'a b'; a label value has at most 63");
  });

  test('is refused with half a second to stop', () => {
    expect(message({ terminationGracePeriod: Duration.millis(500) })).toBe(
      '[system/cart] terminationGracePeriod is 0.5 s; allowed are whole seconds from 0 up (out-of-range)',
    );
  });

  test('is refused with a further container of the app’s name', () => {
    expect(message({ extraContainers: { cart: { image: 'x' } } })).toBe(
      "[system/cart] a further container is called 'cart' like the app's own; take another name (invalid-workload)",
    );
  });

  test('is refused with two volumes of one name, the files’ own among them', () => {
    const scope = chart();
    const volumes = ['config', 'data', 'data'].map((name, index) => Volume.fromEmptyDir(scope, `volume-${index}`, name));
    const mount = (index: number) => ({ path: `/mnt/${index}`, volume: volumes[index] });
    expect(message({ volumeMounts: [mount(1), mount(2)] })).toBe(
      "[system/cart] two volumes are called 'data'; give each a name of its own (invalid-workload)",
    );
    expect(message({ volumeMounts: [mount(0)], files: { '/etc/a': 'x' } })).toBe(
      "[system/cart] two volumes are called 'config' ('config' holds the app's files); give each a name of its own (invalid-workload)",
    );
  });
});
