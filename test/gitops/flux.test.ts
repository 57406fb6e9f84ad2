import { App, Chart, Duration, JsonPatch, Testing, Yaml } from 'cdk8s';
import {
  CrdsPolicy,
  DriftDetectionMode,
  FluxKustomization,
  type FluxKustomizationProps,
  GitRepository,
  type GitRepositoryProps,
  HelmChart,
  HelmRelease,
  type HelmReleaseProps,
  HelmRepository,
  type HelmRepositoryProps,
  ImagePolicy,
  type ImagePolicyProps,
  ImageRepository,
  type ImageRepositoryProps,
  ImageUpdateAutomation,
  type ImageUpdateAutomationProps,
} from 'cdk8s-istio';
import type { Construct } from 'constructs';
import { parse, parseAllDocuments, parseDocument } from 'yaml';
import { schemaMistakes } from '../support/schemas';
import { chart, meshApp, one, refusal, synth } from '../support/synth';

const MINUTE = Duration.minutes(1);
const LONG = 'a'.repeat(64);

function repository(scope: Construct, props: Partial<GitRepositoryProps> = {}): GitRepository {
  return new GitRepository(scope, props.name ?? 'demo', {
    url: 'https://git.example.com/demo',
    branch: 'main',
    interval: MINUTE,
    ...props,
  });
}

function policy(scope: Construct): ImagePolicy {
  const imageRepository = new ImageRepository(scope, 'cart-image', { image: 'docker.io/shop/cart', interval: MINUTE });
  return new ImagePolicy(scope, 'cart-policy', { imageRepository, semver: '~0.0' });
}

function everything(scope: Construct): void {
  const source = repository(scope);
  const system = new FluxKustomization(scope, 'system', { source, path: './dist/system', prune: true, interval: MINUTE });
  const gitProps: Required<GitRepositoryProps> = {
    name: 'private',
    url: 'ssh://git@git.example.com/demo',
    branch: 'release/1.0',
    interval: Duration.seconds(30),
    secretRef: 'git-credentials',
  };
  new GitRepository(scope, 'full-git', gitProps);
  const helmProps: Required<HelmRepositoryProps> = {
    name: 'flagger',
    url: 'https://flagger.app',
    interval: Duration.hours(1),
  };
  const charts = new HelmRepository(scope, 'full-helm', helmProps);
  new HelmRepository(scope, 'registry', { url: 'oci://ghcr.io/fluxcd/charts', interval: MINUTE });
  const kustomizationProps: Required<FluxKustomizationProps> = {
    name: 'apps',
    source,
    path: './dist/shop',
    prune: false,
    interval: Duration.minutes(10),
    wait: true,
    timeout: Duration.minutes(5),
    dependsOn: [system],
  };
  new FluxKustomization(scope, 'full-kustomization', kustomizationProps);
  const imageProps: Required<ImageRepositoryProps> = {
    name: 'cart',
    image: 'registry.example.com:5000/shop/cart',
    interval: MINUTE,
  };
  const imageRepository = new ImageRepository(scope, 'full-image', imageProps);
  const policyProps: Required<ImagePolicyProps> = { name: 'cart', imageRepository, semver: '~0.0' };
  const images = new ImagePolicy(scope, 'full-policy', policyProps);
  const flagger = new HelmRelease(scope, 'flagger', {
    chart: HelmChart.fromRepository(charts, 'flagger', '1.44.x'),
    interval: MINUTE,
    values: { meshProvider: 'istio', metricsServer: 'http://prometheus:9090' },
  });
  const releaseProps: Required<HelmReleaseProps> = {
    name: 'cart',
    chart: HelmChart.fromGit(source, './deploy/charts/cart'),
    interval: Duration.minutes(5),
    values: { image: { repository: 'shop/cart', tag: images.tag('0.0.1') }, full: images.image('0.0.1') },
    crds: CrdsPolicy.CREATE_REPLACE,
    remediationRetries: 3,
    driftDetection: DriftDetectionMode.ENABLED,
    driftIgnore: [{ paths: ['/spec/replicas'], kind: 'Deployment', name: 'cart' }, { paths: ['/data'] }],
    dependsOn: [flagger],
  };
  new HelmRelease(scope, 'full-release', releaseProps);
  const automationProps: Required<ImageUpdateAutomationProps> = {
    name: 'automation',
    source,
    path: './dist/shop',
    interval: Duration.minutes(30),
    authorEmail: 'flux@example.com',
    authorName: 'Flux',
    pushBranch: 'image-updates',
  };
  new ImageUpdateAutomation(scope, 'full-automation', automationProps);
}

describe('the objects of Flux', () => {
  test('are what Flux takes, with every property set', () => {
    const manifests = synth(everything);
    expect(schemaMistakes(manifests, ['flux'])).toEqual([]);
    expect(manifests.length).toBe(11);
  });

  test('are written as a reviewer reads them', () => {
    const app = meshApp();
    everything(new Chart(app, 'system', { namespace: 'flux-system' }));
    expect(app.synthYaml()).toMatchSnapshot();
  });

  test('say no more than was asked for', () => {
    const manifests = synth((scope) => {
      const source = repository(scope);
      new FluxKustomization(scope, 'apps', { source, path: '.', prune: true, interval: MINUTE });
      new HelmRelease(scope, 'cart', { chart: HelmChart.fromGit(source, './charts/cart'), interval: MINUTE });
    });
    expect(one(manifests, 'GitRepository').spec).toEqual({
      url: 'https://git.example.com/demo',
      ref: { branch: 'main' },
      interval: '60s',
    });
    expect(one(manifests, 'Kustomization').spec).toEqual({
      sourceRef: { kind: 'GitRepository', name: 'demo', namespace: 'shop' },
      path: '.',
      prune: true,
      interval: '60s',
    });
    expect(one(manifests, 'HelmRelease').spec).toEqual({
      chart: { spec: { chart: './charts/cart', sourceRef: { kind: 'GitRepository', name: 'demo', namespace: 'shop' } } },
      interval: '60s',
    });
  });

  test('name each other with their namespace, also across charts', () => {
    const app = meshApp();
    const source = repository(new Chart(app, 'flux', { namespace: 'flux-system' }));
    const shop = new Chart(app, 'shop', { namespace: 'shop' });
    new FluxKustomization(shop, 'apps', { source, path: './dist', prune: true, interval: MINUTE });
    expect(app.synthYaml()).toContain('name: demo\n    namespace: flux-system');
  });

  test('wait for each other in the order that is said', () => {
    const names = ['istio-base', 'istiod', 'gateway', 'flagger', 'apps'];
    const manifests = synth((scope) => {
      const source = repository(scope);
      names.reduce<FluxKustomization[]>(
        (dependsOn, name) => [
          new FluxKustomization(scope, name, { source, path: `./dist/${name}`, prune: true, interval: MINUTE, dependsOn }),
        ],
        [],
      );
    });
    expect(names.map((name) => one(manifests, 'Kustomization', name).spec.dependsOn?.[0].name)).toEqual([
      undefined,
      ...names.slice(0, -1),
    ]);
  });

  test('install and upgrade with the same care', () => {
    const [, release] = synth((scope) => {
      const chart = HelmChart.fromGit(repository(scope), './charts/cart');
      new HelmRelease(scope, 'cart', { chart, interval: MINUTE, crds: CrdsPolicy.CREATE_REPLACE, remediationRetries: -1 });
    });
    expect(release.spec.install).toEqual({ crds: 'CreateReplace', remediation: { retries: -1 } });
    expect(release.spec.upgrade).toEqual(release.spec.install);
  });
});

describe('a value that Flux keeps up to date', () => {
  const values = (scope: Construct) => {
    const images = policy(scope);
    new HelmRelease(scope, 'cart', {
      chart: HelmChart.fromGit(repository(scope), './charts/cart'),
      interval: MINUTE,
      values: { image: { repository: 'shop/cart', tag: images.tag('0.0.1') }, images: [images.image('0.10')] },
    });
  };

  test('keeps its marker in the YAML, where Flux finds it by the key path and the comment', () => {
    const app = meshApp();
    values(new Chart(app, 'system', { namespace: 'flux-system' }));
    const yaml = app.synthYaml();
    expect(yaml).toContain('      tag: 0.0.1 # {"$imagepolicy": "flux-system:cart-policy:tag"}\n');
    expect(yaml).toContain('      - docker.io/shop/cart:0.10 # {"$imagepolicy": "flux-system:cart-policy"}\n');
    const release = parseAllDocuments(yaml).find((document) => document.get('kind') === 'HelmRelease');
    const tag = release?.getIn(['spec', 'values', 'image', 'tag'], true) as { value: string; comment: string };
    expect(tag.value).toBe('0.0.1');
    expect(parse(tag.comment)).toEqual({ $imagepolicy: 'flux-system:cart-policy:tag' });
  });

  test('is a string to YAML, also where it looks like a number', () => {
    const app = meshApp();
    const scope = new Chart(app, 'system', { namespace: 'shop' });
    const images = policy(scope);
    const tags = ['1.0', '2026', 'null', 'true', '1e3', '0x1F', 'v1', '_', 'a'.repeat(128)];
    new HelmRelease(scope, 'cart', {
      chart: HelmChart.fromGit(repository(scope), './charts/cart'),
      interval: MINUTE,
      values: Object.fromEntries(tags.map((tag) => [`t${tag}`, images.tag(tag)])),
    });
    const release = parseAllDocuments(app.synthYaml()).find((document) => document.get('kind') === 'HelmRelease');
    for (const tag of tags) {
      expect(release?.getIn(['spec', 'values', `t${tag}`])).toBe(tag);
    }
  });

  test('survives a patch of the object it stands in', () => {
    const app = meshApp();
    const scope = new Chart(app, 'system', { namespace: 'shop' });
    values(scope);
    const release = scope.apiObjects.find(({ kind }) => kind === 'HelmRelease');
    release?.addJsonPatch(JsonPatch.add('/spec/suspend', true));
    expect(app.synthYaml()).toContain('tag: 0.0.1 # {"$imagepolicy": "shop:cart-policy:tag"}');
  });

  test('is written without the marker, and still valid, by a stock app', () => {
    const scope = new Chart(new App(), 'system', { namespace: 'shop' });
    values(scope);
    const release = Testing.synth(scope).find(({ kind }) => kind === 'HelmRelease');
    const text = Yaml.stringify(release);
    expect(parseDocument(text).getIn(['spec', 'values', 'image'])?.toString()).toContain('0.0.1');
    expect(parse(text).spec.values).toEqual({
      image: { repository: 'shop/cart', tag: '0.0.1' },
      images: ['docker.io/shop/cart:0.10'],
    });
  });
});

describe('what Flux would refuse', () => {
  const build = (scope: Construct) => ({ scope, source: repository(scope), interval: MINUTE });

  test.each(['git@host:demo', 'ftp://host/demo', 'https://', 'https://a b', 'https://a\nb', ''])('URL %j', (url) => {
    expect(refusal(() => repository(chart(), { url }))).toContain(`url is '${url}'`);
  });

  test.each(['', '-main', 'a..b', 'a b', 'a\nb', 'a~1', 'a/', 'a.lock', '@{1}', '/a'])('branch %j', (branch) => {
    expect(refusal(() => repository(chart(), { branch }))).toContain('(invalid-name)');
  });

  test.each(['main', 'release/1.0', 'größe', 'a'.repeat(200), '#1'])('but not branch %j', (branch) => {
    const [manifest] = synth((scope) => repository(scope, { branch }));
    expect(manifest.spec.ref).toEqual({ branch });
  });

  test.each(['', 'dist', '/dist', './../dist', './a/../../b', './a b', './a\nb', `./${'a'.repeat(2048)}`])('path %j', (path) => {
    const { scope, source, interval } = build(chart());
    expect(refusal(() => new FluxKustomization(scope, 'apps', { source, path, prune: true, interval }))).toContain(
      '(invalid-path)',
    );
    expect(refusal(() => HelmChart.fromGit(source, path))).toContain('(invalid-path)');
  });

  test.each(['', ' ', 'latest', '~', '1.2.3.4', '>=1.0 &&', '1.0; rm', '1.0\n2.0', ' 1.0', '||', `${'1  '.repeat(80)}!`])(
    'range %j',
    (semver) => {
      const scope = chart();
      const imageRepository = new ImageRepository(scope, 'cart', { image: 'shop/cart', interval: MINUTE });
      expect(refusal(() => new ImagePolicy(scope, 'policy', { imageRepository, semver }))).toContain('(invalid-name)');
    },
  );

  test.each(['~0.0', '1.x', '*', '>=1.0.0 <2.0.0', '>=1.0.0-0, <2', '^1 || ^2', '1.2 - 2.3.4', 'v1.2.3-rc.1+build'])(
    'but not range %j',
    (semver) => {
      const scope = chart();
      const imageRepository = new ImageRepository(scope, 'cart', { image: 'shop/cart', interval: MINUTE });
      expect(new ImagePolicy(scope, 'policy', { imageRepository, semver }).resourceName).toBe('policy');
    },
  );

  test.each(['', 'shop/cart:1.0', 'shop/cart@sha256:abc', 'a b', 'shop//cart', 'shop/', 'cart:5000'])('image %j', (image) => {
    expect(refusal(() => new ImageRepository(chart(), 'cart', { image, interval: MINUTE }))).toContain('(invalid-workload)');
  });

  test.each(['', '.1', '-1', 'a b', 'a:b', 'a\n', 'ü', 'a'.repeat(129)])('tag %j', (tag) => {
    expect(refusal(() => policy(chart()).tag(tag))).toContain('(invalid-workload)');
  });

  test.each(['', 'nobody', 'a@b@c', 'a b@c', '<a@b>'])('e-mail address %j', (authorEmail) => {
    const { scope, source, interval } = build(chart());
    expect(refusal(() => new ImageUpdateAutomation(scope, 'auto', { source, interval, path: './dist', authorEmail }))).toContain(
      '(invalid-name)',
    );
  });

  test('names that Kubernetes does not take', () => {
    const { scope, interval } = build(chart());
    expect(refusal(() => repository(scope, { name: LONG }))).toContain('(invalid-name)');
    expect(refusal(() => new HelmRepository(scope, 'Charts', { url: 'https://a', interval }))).toContain('(invalid-name)');
  });

  test('a chart without a name or with one of blanks', () => {
    const charts = new HelmRepository(chart(), 'charts', { url: 'https://charts.example.com', interval: MINUTE });
    expect(refusal(() => HelmChart.fromRepository(charts, '', '1.x'))).toContain('(invalid-name)');
    expect(refusal(() => HelmChart.fromRepository(charts, 'a b', '1.x'))).toContain('(invalid-name)');
    expect(refusal(() => HelmChart.fromRepository(charts, 'flagger', 'latest'))).toContain('(invalid-name)');
  });

  test('differences to ignore where nobody looks for any', () => {
    const { scope, source, interval } = build(chart());
    const release = (id: string, props: Partial<HelmReleaseProps>) => () =>
      new HelmRelease(scope, id, { chart: HelmChart.fromGit(source, './cart'), interval, ...props });
    const driftIgnore = [{ paths: ['/spec/replicas'] }];
    expect(refusal(release('a', { driftIgnore }))).toContain('(conflicting-rules)');
    expect(refusal(release('b', { driftIgnore, driftDetection: DriftDetectionMode.DISABLED }))).toContain('(conflicting-rules)');
    const ignore = [{ paths: ['spec.replicas'] }];
    expect(refusal(release('c', { driftIgnore: ignore, driftDetection: DriftDetectionMode.WARN }))).toContain('(invalid-path)');
    expect(refusal(release('d', { driftIgnore: [{ paths: [] }], driftDetection: DriftDetectionMode.WARN }))).toContain(
      '(invalid-path)',
    );
  });

  test('two objects of one name', () => {
    expect(
      refusal(() =>
        synth((scope) => {
          repository(scope);
          new GitRepository(scope, 'other', { name: 'demo', url: 'https://a', branch: 'main', interval: MINUTE });
        }),
      ),
    ).toContain('(duplicate-object)');
  });
});
