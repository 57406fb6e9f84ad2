import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { OutputFolder } from '../../lib/synth/output-folder';
import { contents, temporaryFolder } from '../support/folders';
import { installLibrary } from './program';

/** Two states of an app: files are added, changed and removed between them. */
const SYNTH = `
  const { MeshApp } = require('cdk8s-istio');
  const { ApiObject, Chart } = require('cdk8s');
  exports.synth = function synth(state, charts, objects) {
    const app = new MeshApp({ quiet: true });
    for (let c = 0; c < charts; c++) {
      const chart = new Chart(app, 'chart-' + (c === 0 ? state : c), { namespace: 'n' + c });
      for (let o = 0; o < objects; o++) {
        const text = (o % 2 ? 'same' : state) + ' line\\n'.repeat(50);
        new ApiObject(chart, 'o' + o, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'n' + o }, data: { text } });
      }
    }
    app.synth();
  };
`;

let project: string;
let dist: string;
beforeAll(() => {
  project = temporaryFolder();
  dist = path.join(project, 'dist');
  installLibrary(project);
  fs.writeFileSync(path.join(project, 'synth.js'), SYNTH);
});

function run(program: string, ...args: string[]) {
  fs.writeFileSync(path.join(project, 'main.js'), `const { synth } = require('./synth');\n${program}`);
  return spawnSync(process.execPath, ['main.js', ...args], { cwd: project, encoding: 'utf8' });
}

/** What the output folder holds in either state, with a file of somebody else. */
function states(charts: number, objects: number): Record<string, string>[] {
  fs.rmSync(dist, { recursive: true, force: true });
  return ['old', 'new'].map((state) => {
    expect(run(`synth('${state}', ${charts}, ${objects})`).stderr).toBe('');
    fs.writeFileSync(path.join(dist, 'README.md'), 'mine');
    return contents(dist);
  });
}

/** Whether the folder is in one of the two states; if it was between two names, whether it is after what the next synth does first. */
function expectWhole(either: Record<string, string>[]): 'whole' | 'put back' {
  const texts = either.map((state) => JSON.stringify(state));
  if (texts.includes(JSON.stringify(contents(dist)))) {
    return 'whole';
  }
  const work = fs.readdirSync(project).filter((name) => name.startsWith('.dist.tmp-'));
  expect(work.map((name) => fs.existsSync(path.join(project, name, 'old')))).toContain(true);
  new OutputFolder(dist).recover();
  expect(texts).toContain(JSON.stringify(contents(dist)));
  return 'put back';
}

test('a process that is killed at any of 60 moments leaves the output folder whole', async () => {
  const either = states(8, 6);
  fs.writeFileSync(
    path.join(project, 'main.js'),
    `const { synth } = require('./synth');
     for (let i = 0; ; i++) {
       synth(i % 2 ? 'old' : 'new', 8, 6);
       if (i === 1) require('node:fs').writeSync(1, 'ready');
     }`,
  );
  for (let kill = 0; kill < 60; kill++) {
    const child = spawn(process.execPath, ['main.js'], { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 30));
    const ended = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
    child.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');
    expectWhole(either);
  }
  expect(run(`synth('old', 8, 6)`).stderr).toBe('');
  expect(contents(dist)).toEqual(either[0]);
  expect(fs.readdirSync(project).filter((name) => name.startsWith('.dist'))).toEqual([]);
}, 300_000);

test('a process that is killed before any of its calls to the file system leaves the output folder whole', () => {
  const either = states(2, 2);
  const outcomes: string[] = [];
  for (let killAt = 1; ; killAt++) {
    expect(run(`synth('old', 2, 2)`).stderr).toBe('');
    expect(contents(dist)).toEqual(either[0]);
    const { signal } = run(
      `const fs = require('node:fs');
       let calls = 0;
       for (const name of ['mkdirSync', 'writeFileSync', 'linkSync', 'renameSync', 'chmodSync', 'unlinkSync', 'rmdirSync']) {
         const real = fs[name];
         fs[name] = (...args) => {
           calls += 1;
           if (calls === ${killAt}) process.kill(process.pid, 'SIGKILL');
           return real(...args);
         };
       }
       synth('new', 2, 2);`,
    );
    if (signal === null) {
      expect(contents(dist)).toEqual(either[1]);
      break;
    }
    outcomes.push(expectWhole(either));
  }
  expect(outcomes.length).toBeGreaterThan(10);
  expect(outcomes.filter((outcome) => outcome === 'put back')).toHaveLength(1);
}, 300_000);
