import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { buildSync } from 'esbuild';
import { contents, temporaryFolder } from '../support/folders';
import { installLibrary } from './program';

let project: string;
beforeAll(() => {
  project = temporaryFolder();
  installLibrary(project);
});

const HEAD = `const { MeshApp } = require('cdk8s-istio'); const { ApiObject, Chart, Lazy } = require('cdk8s');\n`;

/** Runs a program of a user; its first line is line 2. */
function run(program: string, ...args: string[]) {
  fs.mkdirSync(path.join(project, 'systems'), { recursive: true });
  fs.writeFileSync(path.join(project, 'systems', 'main.js'), HEAD + program);
  return spawnSync(process.execPath, ['systems/main.js', ...args], { cwd: project, encoding: 'utf8' });
}

const WRONG_NAME = `const app = new MeshApp(); const chart = new Chart(app, 'c');
new ApiObject(chart, 'o', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Upper' } });
app.synth();`;

test('a mistake ends the process with exit code 1 and a readable message, without a stack; stdout stays empty', () => {
  const { status, stderr, stdout } = run(WRONG_NAME);
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(
    /^error: \[c\/o\] the name of this ConfigMap is "Upper", allowed is .* \(invalid-name\)\n\s+at systems\/main\.js:\d+:\d+\n$/,
  );
});

test('nothing is written, and the folder of the last time stays', () => {
  run(
    `const app = new MeshApp(); new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap' }); app.synth();`,
  );
  const before = contents(path.join(project, 'dist'));
  expect(Object.keys(before)).toHaveLength(3);
  expect(run(WRONG_NAME).status).toBe(1);
  expect(contents(path.join(project, 'dist'))).toEqual(before);
});

test('the stack is there when asked for', () => {
  const { status, stderr } = run(WRONG_NAME, '--stack');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: MeshError: \[c\/o\] the name .*\n\s+at /);
});

test('an error between new MeshApp() and synth() names the line of the user', () => {
  const { status, stderr } = run(`new MeshApp();\nnew Chart(undefined, '');\nthrow new Error('no such team');`);
  expect(status).toBe(1);
  expect(stderr).toBe('error: no such team\n  at systems/main.js:4:7\n');
});

test('a mistake in a function of the user names the line in it, and the line that called it', () => {
  const { stderr } = run(`function shop(app, id, name) {
  return new ApiObject(new Chart(app, id), 'o', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } });
}
const app = new MeshApp();
shop(app, 'a', 'fine');
for (const name of ['']) { shop(app, name, 'b'); }
app.synth();`);
  expect(stderr).toBe('error: Only root constructs may have an empty ID\n  at systems/main.js:3:24\n  at systems/main.js:7:28\n');
});

test.each(['my shop', 'shop (1)', 'läden'])('a mistake names its line in a folder called %j', (folder) => {
  fs.mkdirSync(path.join(project, folder), { recursive: true });
  fs.writeFileSync(path.join(project, folder, 'main.js'), HEAD + WRONG_NAME);
  const { stderr } = spawnSync(process.execPath, [path.join(project, folder, 'main.js')], { cwd: project, encoding: 'utf8' });
  expect(stderr).toMatch(/^error: \[c\/o\] .*\n {2}at .*main\.js:4:5\n$/);
  expect(stderr).toContain(`at ${folder}/main.js:4:5`);
});

test('a mistake names one line of a module that tsx runs', () => {
  fs.writeFileSync(path.join(project, 'main.ts'), `${HEAD}new MeshApp();\nthrow new Error('no such team');`);
  const tsx = path.join(path.dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
  const { stderr } = spawnSync(process.execPath, [tsx, 'main.ts'], { cwd: project, encoding: 'utf8' });
  expect(stderr).toBe('error: no such team\n  at main.ts:3:7\n');
});

test("a mistake that a construct's own validation finds has the line that created it", () => {
  const program = (hosts: string[]) => `const { MeshGateway } = require('cdk8s-istio');
const app = new MeshApp();
const chart = new Chart(app, 'shop', { namespace: 'shop' });
${hosts.map((host) => `new MeshGateway(chart, '${host}');`).join('\n')}
app.synth();`;
  const mistake = 'listener http-80 serves no host; expose an app on it or remove it (invalid-listener)';
  expect(run(program(['one'])).stderr).toBe(`error: [shop/one] ${mistake}\n  at systems/main.js:5:1\n`);
  const { stderr } = run(program(['one', 'two']));
  expect(stderr).toContain(`[shop/one] ${mistake}\n    at systems/main.js:5:1\n`);
  expect(stderr).toContain(`[shop/two] ${mistake}\n    at systems/main.js:6:1\n`);
});

test('an error in a lazy value names the line inside it', () => {
  const { stderr } = run(`const app = new MeshApp();
new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap', data: Lazy.any({ produce: () => {
  throw new Error('no such user');
} }) });
app.synth();`);
  expect(stderr).toBe('error: [c/o] cannot be rendered: no such user (render-failed)\n  at systems/main.js:4:9\n');
});

test('a rejected promise is an error like any other', () => {
  const { status, stderr } = run(`new MeshApp();\nPromise.reject(new Error('later'));`);
  expect(status).toBe(1);
  expect(stderr).toBe('error: later\n  at systems/main.js:3:16\n');
});

test('a mistake in a program keeps its stack', () => {
  const { status, stderr } = run('new MeshApp();\nundefined.field;');
  expect(status).toBe(1);
  expect(stderr).toMatch(/^error: TypeError: Cannot read properties of undefined .*\n\s+at .*main\.js:3:11/);
});

test('what is thrown need not be an error', () => {
  expect(run(`new MeshApp(); throw 'text';`)).toMatchObject({ status: 1, stderr: 'error: text\n' });
});

test.each([
  ['before', `process.on('uncaughtException', (e) => console.log('mine', e.message)); new MeshApp(); throw new Error('x');`],
  ['after', `new MeshApp(); process.on('uncaughtException', (e) => console.log('mine', e.message)); throw new Error('x');`],
])('a program that listens for uncaught errors itself, %s making the app, has the say', (_, program) => {
  expect(run(program)).toMatchObject({ status: 0, stdout: 'mine x\n', stderr: '' });
});

test.each([
  ['before', `require('domain'); new MeshApp(); throw new Error('x');`],
  ['after', `new MeshApp(); require('domain'); throw new Error('x');`],
])("an error is printed and fails the run where Node's domain is loaded, as under ts-node, %s making the app", (_, program) => {
  const { status, stderr } = run(program);
  expect(status).toBe(1);
  expect(stderr).toContain('error: x');
});

test('errors can be caught', () => {
  const program = WRONG_NAME.replace('app.synth();', `try { app.synth() } catch (e) { console.log(e.code) }`);
  expect(run(program)).toMatchObject({ status: 0, stdout: 'invalid-name\n', stderr: '' });
});

test('many apps in one process print an error once', () => {
  expect(run(`for (let i = 0; i < 20; i++) new MeshApp(); throw new Error('x');`).stderr).toBe(
    'error: x\n  at systems/main.js:2:51\n',
  );
});

test('the cdk8s command writes the same files: it deletes the folder and runs the app', () => {
  fs.rmSync(path.join(project, 'dist'), { recursive: true, force: true });
  const program = `const app = new MeshApp(); new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap' }); app.synth();`;
  expect(run(program).status).toBe(0);
  const before = contents(path.join(project, 'dist'));
  fs.writeFileSync(path.join(project, 'dist', 'stale.yaml'), 'stale');
  const cli = path.join(path.dirname(require.resolve('cdk8s-cli/package.json')), 'bin/cdk8s');
  const env = { ...process.env, CDK8S_CHECK_UPGRADE: 'false' };
  const { status, stderr } = spawnSync(process.execPath, [cli, 'synth', '--app', 'node systems/main.js'], {
    cwd: project,
    env,
    encoding: 'utf8',
  });
  expect({ status, stderr: stderr.replace(/\(.*\)/, '') }).toEqual({ status: 0, stderr: expect.stringContaining('1 added') });
  expect(contents(path.join(project, 'dist'))).toEqual(before);
}, 60_000);

describe('a program that was compiled with a source map beside it', () => {
  function runCompiled(program: string) {
    const source = path.join(project, 'app/main.ts');
    const outfile = path.join(project, 'out/main.js');
    fs.mkdirSync(path.dirname(source), { recursive: true });
    fs.writeFileSync(source, `interface Unused {\n  readonly gone: true;\n}\n${HEAD}${program}`);
    buildSync({ entryPoints: [source], outfile, sourcemap: true, bundle: true, packages: 'external', platform: 'node' });
    return spawnSync(process.execPath, ['out/main.js'], { cwd: project, encoding: 'utf8' });
  }

  test('has the line of the source in the message of a mistake', () => {
    expect(runCompiled(WRONG_NAME).stderr).toMatch(/^error: \[c\/o\] the name .*\n {2}at app\/main\.ts:\d+:\d+\n$/);
    expect(runCompiled(`new MeshApp();\nthrow new Error('no such team');`).stderr).toBe(
      'error: no such team\n  at app/main.ts:6:7\n',
    );
  });

  test('has the lines of the source in the stack of a mistake in the program', () => {
    const stack = runCompiled(`new MeshApp();\nundefined.x;`).stderr;
    expect(stack).toContain(`at Object.<anonymous> (${path.join(fs.realpathSync(project), 'app/main.ts')}:6:`);
  });

  test('has the line of the source where it is a module', () => {
    const source = path.join(project, 'app/main.ts');
    const program = `import { MeshApp } from 'cdk8s-istio';\nnew MeshApp();\n\nthrow new Error('no such team');`;
    fs.writeFileSync(source, program);
    buildSync({
      entryPoints: [source],
      outfile: path.join(project, 'out/main.mjs'),
      sourcemap: true,
      bundle: true,
      packages: 'external',
      format: 'esm',
      minify: true,
    });
    const { stderr } = spawnSync(process.execPath, ['out/main.mjs'], { cwd: project, encoding: 'utf8' });
    expect(stderr).toBe('error: no such team\n  at app/main.ts:4:7\n');
  });

  test('may have a source map that is broken', () => {
    expect(runCompiled(`new MeshApp();\nthrow new Error('x');`).status).toBe(1);
    fs.writeFileSync(path.join(project, 'out/main.js.map'), 'no map');
    const { stderr } = spawnSync(process.execPath, ['out/main.js'], { cwd: project, encoding: 'utf8' });
    expect(stderr).toMatch(/^error: x\n {2}at out\/main\.js:\d+:\d+\n$/);
  });
});
