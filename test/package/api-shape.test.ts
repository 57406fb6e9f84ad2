import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from 'cdk8s-istio';

const root = join(__dirname, '../..');
const project = join(root, '.cache/jsii');

interface Docs {
  readonly summary?: string;
  readonly default?: string;
}

interface Member {
  readonly name: string;
  readonly optional?: boolean;
  readonly docs?: Docs;
}

interface Type {
  readonly name: string;
  readonly kind: 'class' | 'enum' | 'interface';
  readonly docs?: Docs;
  readonly members?: Member[];
  readonly properties?: Member[];
  readonly methods?: Member[];
}

/**
 * jsii translates the API of a TypeScript library to Python, Java, Go and C#, and refuses what cannot be translated. The package is not
 * made with it today; that it could be keeps the door open.
 */
describe('the public API', () => {
  let types: Type[];

  beforeAll(() => {
    types = jsii();
  }, 120_000);

  test('has the shape that jsii accepts', () => {
    expect(types.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['CanaryApp', 'MeshGateway', 'ResilienceRules', 'MeshApp']),
    );
  });

  test('says of each class, struct, enum and member what it is for', () => {
    const silent = types.flatMap((type) => [
      ...undocumented(type.name, type),
      ...[type.members, type.properties, type.methods].flatMap((members = []) =>
        members.flatMap((member) => undocumented(`${type.name}.${member.name}`, member)),
      ),
    ]);
    expect(silent).toEqual([]);
  });

  test('says of each optional property what holds without it', () => {
    const silent = types
      .filter(({ kind }) => kind === 'interface')
      .flatMap(({ name, properties = [] }) =>
        properties
          .filter(({ optional, docs }) => optional && docs?.default === undefined)
          .map((property) => `${name}.${property.name}`),
      );
    expect(silent).toEqual([]);
  });
});

test('the library exports no function of its own use', () => {
  const functions = Object.entries(library).filter(([, value]) => typeof value === 'function' && !/^class\b/.test(String(value)));
  expect(functions.map(([name]) => name)).toEqual([]);
});

function undocumented(name: string, { docs }: { readonly docs?: Docs }): string[] {
  return docs?.summary === undefined ? [name] : [];
}

/** The public types as jsii sees them. It fails on whatever it does not accept, but for three things that are known. */
function jsii(): Type[] {
  rmSync(project, { recursive: true, force: true });
  cpSync(join(root, 'lib'), join(project, 'lib'), { recursive: true });
  // The generated classes would be a package of their own.
  replace('lib/index.ts', "export * as istio from '@cdk8s/istio-imports';\n", '');
  // Errors have no class in jsii: other languages see an exception of their own with the same message.
  replace('lib/index.ts', "export { ErrorCode, MeshError } from './errors';", "export { ErrorCode } from './errors';");
  // The one name that would have to change: every Java class has a method `equals`.
  replace('lib/routing/cookie.ts', 'static equals(', 'static exactly(');

  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest()));
  writeFileSync(join(project, 'README.md'), 'cdk8s-istio');
  const env = { ...process.env, JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: '1' };
  const args = ['--silence-warnings', 'reserved-word', '--silence-warnings', 'metadata/missing-dev-dependency'];
  const { status, stdout } = spawnSync(join(root, 'node_modules/.bin/jsii'), args, { cwd: project, encoding: 'utf8', env });
  if (status !== 0) {
    throw new Error(stdout);
  }
  return Object.values(JSON.parse(readFileSync(join(project, '.jsii'), 'utf8')).types);
}

function replace(file: string, before: string, after: string): void {
  const text = readFileSync(join(project, file), 'utf8');
  expect(text).toContain(before);
  writeFileSync(join(project, file), text.replace(before, after));
}

/** Our package.json with what jsii needs besides. */
function manifest(): object {
  const { name, version, description, license, peerDependencies, devDependencies, dependencies } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  return {
    name,
    version,
    description,
    license,
    peerDependencies,
    devDependencies,
    dependencies: { re2js: dependencies.re2js },
    bundleDependencies: ['re2js'],
    main: 'lib/index.js',
    types: 'lib/index.d.ts',
    author: { name, url: 'https://example.com' },
    repository: { type: 'git', url: 'https://example.com/cdk8s-istio.git' },
    jsii: { outdir: 'dist', targets: {}, versionFormat: 'short' },
  };
}
