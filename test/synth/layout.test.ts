import * as path from 'node:path';
import { ApiObject, Chart, YamlOutputType } from 'cdk8s';
import { Construct } from 'constructs';
import { MeshApp, type MeshAppProps } from '../../lib/synth/mesh-app';
import { RECORD } from '../../lib/synth/output-folder';
import { contents, temporaryFolder } from '../support/folders';

/** The names of the files of an app. */
function files(build: (app: MeshApp) => void, props: MeshAppProps = {}): string[] {
  const outdir = path.join(temporaryFolder(), 'dist');
  const app = new MeshApp({ outdir, quiet: true, ...props });
  build(app);
  app.synth();
  const all = Object.entries(contents(outdir));
  return all.filter(([file, content]) => content !== '/' && file !== RECORD).map(([file]) => file);
}

interface Identity {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

function add(scope: Construct, { apiVersion = 'v1', kind = 'ConfigMap', name, namespace }: Identity): void {
  new ApiObject(scope, `o${scope.node.children.length}`, { apiVersion, kind, metadata: { name, namespace } });
}

const RBAC = 'rbac.authorization.k8s.io/v1';

test('each chart has a folder and each object a file that says what it is', () => {
  const names = files((app) => {
    add(new Chart(app, 'otus'), { apiVersion: 'apps/v1', kind: 'Deployment', name: 'hw4-v1' });
    add(new Chart(app, 'shop'), { name: 'settings' });
  });
  expect(names).toEqual(['otus/Deployment.hw4-v1.k8s.yaml', 'shop/ConfigMap.settings.k8s.yaml']);
});

test('the extension of the files can be chosen', () => {
  const build = (app: MeshApp) => add(new Chart(app, 'c'), { name: 'a' });
  expect(files(build, { outputFileExtension: '.yaml' })).toEqual(['c/ConfigMap.a.yaml']);
});

test('objects of the same kind and name in two namespaces, or two groups, get a file each', () => {
  const names = files((app) => {
    const chart = new Chart(app, 'c');
    add(chart, { name: 'a', namespace: 'one' });
    add(chart, { name: 'a', namespace: 'two' });
    add(chart, { apiVersion: 'networking.istio.io/v1', kind: 'Gateway', name: 'g', namespace: 'n' });
    add(chart, { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Gateway', name: 'g', namespace: 'n' });
    add(chart, { name: 'b', namespace: 'one' });
  });
  expect(names).toEqual([
    'c/ConfigMap.a@one@.k8s.yaml',
    'c/ConfigMap.a@two@.k8s.yaml',
    'c/ConfigMap.b.k8s.yaml',
    'c/Gateway.g@n@gateway.networking.k8s.io.k8s.yaml',
    'c/Gateway.g@n@networking.istio.io.k8s.yaml',
  ]);
});

test('names that a file name cannot tell apart get a file each, also where upper and lower case are the same', () => {
  const names = files((app) => {
    const chart = new Chart(app, 'c');
    for (const name of ['a:b', 'ab', 'AB', 'a:B', 'other:name']) {
      add(chart, { apiVersion: RBAC, kind: 'ClusterRole', name });
    }
  });
  expect(names).toHaveLength(5);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(5);
  expect(names).toContain('c/ClusterRole.othername.k8s.yaml');
  expect(names).toContain('c/ClusterRole.a%3ab@@rbac.authorization.k8s.io.k8s.yaml');
});

test('a name made to look like a qualified one does not meet it', () => {
  const names = files((app) => {
    const chart = new Chart(app, 'c');
    add(chart, { apiVersion: RBAC, kind: 'Role', name: 'a', namespace: 'n' });
    add(chart, { apiVersion: RBAC, kind: 'Role', name: 'a', namespace: 'm' });
    add(chart, { apiVersion: RBAC, kind: 'Role', name: 'a@n@rbac.authorization.k8s.io', namespace: 'n' });
    add(chart, { apiVersion: RBAC, kind: 'Role', name: 'an@rbac.authorization.k8s.io', namespace: 'n' });
  });
  expect(names).toHaveLength(4);
});

test('the longest names that Kubernetes allows fit into a file name', () => {
  const long = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.efghijkl`;
  expect(long).toHaveLength(252);
  const names = files((app) => {
    const chart = new Chart(app, 'c');
    add(chart, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: `${long}m` });
    add(chart, { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', name: `${long}n` });
  });
  expect(names).toHaveLength(2);
  expect(Math.max(...names.map((name) => path.basename(name).length))).toBeLessThanOrEqual(255);
});

test('with one file per object and no folders, same-named objects of two charts get a file each', () => {
  const build = (app: MeshApp) => {
    add(new Chart(app, 'a'), { name: 'x', namespace: 'one' });
    add(new Chart(app, 'b'), { name: 'x', namespace: 'two' });
  };
  const names = files(build, { yamlOutputType: YamlOutputType.FILE_PER_RESOURCE });
  expect(names).toEqual(['ConfigMap.x@one@.k8s.yaml', 'ConfigMap.x@two@.k8s.yaml']);
});

test('two charts that would write the same file are named', () => {
  const build = (app: MeshApp) => {
    add(new Chart(new Construct(app, 'x'), 'c'), { name: 'a' });
    add(new Chart(new Construct(new Construct(app, 'Default'), 'x'), 'c'), { name: 'b' });
  };
  expect(() => files(build, { yamlOutputType: YamlOutputType.FILE_PER_CHART })).toThrow(
    /^\[Default\/x\/c\] would be written to the same file as \[x\/c\]: .* \(duplicate-file\)$/,
  );
  expect(files(build)).toHaveLength(2);
});

test('the order in which unrelated objects and charts are made does not matter', () => {
  const outdirs = [0, 1].map((reversed) => {
    const outdir = path.join(temporaryFolder(), 'dist');
    const app = new MeshApp({ outdir, quiet: true });
    const ids = ['a', 'b', 'c'];
    for (const id of reversed ? ids.reverse() : ids) {
      const chart = new Chart(app, id, { namespace: id });
      for (const name of reversed ? ['y', 'x'] : ['x', 'y']) {
        new ApiObject(chart, name, { apiVersion: 'v1', kind: 'ConfigMap' });
      }
    }
    app.synth();
    return outdir;
  });
  expect(contents(outdirs[0])).toEqual(contents(outdirs[1]));
});
