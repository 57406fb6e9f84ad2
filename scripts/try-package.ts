/**
 * Shows that the package works for those who install it: `npm run package:test`.
 *
 * Packs it, lets publint and arethetypeswrong judge the tarball, installs it into an empty project outside the workspace,
 * and there type-checks and runs `test/package/consumer`: TypeScript, plain JavaScript and an ES module, with `MeshApp` and with
 * the `App` of cdk8s. All must give the same YAML.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

const root = join(__dirname, '..');
const { version, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What belongs into the package: nothing else may be in it. */
const CONTENTS =
  /^(build\/lib\/.+\.(js|d\.ts)|node_modules\/@cdk8s\/istio-imports\/(build\/.+\.(js|d\.ts)|package\.json)|package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;

/** The ways in which TypeScript finds a package and its types; all declarations are checked, ours among them. */
const STRICT = ['--strict', '--skipLibCheck', 'false', '--types', 'node', '--target', 'es2022'];
const COMPILERS = {
  node16: ['--module', 'node16', '--outDir', 'out'],
  bundler: ['--module', 'esnext', '--moduleResolution', 'bundler', '--noEmit'],
  commonjs: ['--module', 'commonjs', '--moduleResolution', 'node10', '--ignoreDeprecations', '6.0', '--noEmit'],
};

function main() {
  const project = mkdtempSync(join(tmpdir(), 'cdk8s-istio-package-'));
  try {
    const tarball = pack(project);
    judge(tarball);
    install(tarball, project);
    typeCheck(project);
    compareOutputs(project);
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function pack(folder: string): string {
  run('npm', ['pack', '--silent', '--pack-destination', folder], root);
  const tarball = join(folder, `cdk8s-istio-${version}.tgz`);
  const files = output('tar', ['-tzf', tarball], root)
    .trim()
    .split('\n')
    .map((file) => relative('package', file));
  const strange = files.filter((file) => !CONTENTS.test(file));
  for (const needed of ['README.md', 'LICENSE', 'CHANGELOG.md', 'node_modules/@cdk8s/istio-imports/build/index.js']) {
    expect(files.includes(needed), `${needed} is not in the package`);
  }
  expect(strange.length === 0, `the package holds files that no user needs: ${strange.join(', ')}`);
  say(`packed ${files.length} files`);
  return tarball;
}

function judge(tarball: string) {
  run(bin('publint'), ['run', tarball, '--strict'], root);
  run(bin('attw'), [tarball], root);
  say('publint and arethetypeswrong find nothing wrong');
}

function install(tarball: string, project: string) {
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'consumer', private: true }));
  const tools = ['typescript', '@types/node'].map((name) => `${name}@${devDependencies[name]}`);
  run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefer-offline', tarball, ...tools], project);
  cpSync(join(root, 'test/package/consumer'), project, { recursive: true });
  say('installed into an empty project');
}

function typeCheck(project: string) {
  copyFileSync(join(project, 'shop.ts'), join(project, 'module.mts'));
  for (const [name, options] of Object.entries(COMPILERS)) {
    run(bin('tsc', project), [...STRICT, ...options, 'mesh-app.ts', 'stock-app.ts', 'module.mts'], project);
    say(`type-checks with ${name}`);
  }
}

function compareOutputs(project: string) {
  const expected = synthesize(project, 'out/stock-app.js');
  expect(expected.size > 0, 'nothing was synthesized');
  for (const program of ['out/mesh-app.js', 'plain.cjs', 'module.mjs']) {
    expect(isDeepStrictEqual(synthesize(project, program), expected), `${program} gives other YAML than stock-app.ts`);
    say(`${program} gives the same ${expected.size} files`);
  }
}

/** The YAML files that a program writes, by path. */
function synthesize(project: string, program: string): Map<string, string> {
  const outdir = mkdtempSync(join(project, 'dist-'));
  run(process.execPath, [program], project, { CDK8S_OUTDIR: outdir });
  const files = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  return new Map(files.sort().map((file) => [file, readFileSync(join(outdir, file), 'utf8')]));
}

function bin(name: string, folder = root): string {
  return join(folder, 'node_modules/.bin', name);
}

function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}) {
  output(command, args, cwd, env);
}

/** What a command prints; when it fails, all of it is shown. */
function output(command: string, args: string[], cwd: string, env: Record<string, string> = {}): string {
  try {
    return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: 'pipe', env: { ...process.env, ...env } });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${[command, ...args].join(' ')} failed\n${stdout ?? ''}${stderr ?? ''}`);
  }
}

function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) {
    throw new Error(otherwise);
  }
}

function say(text: string) {
  console.error(`package: ${text}`);
}

try {
  main();
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
