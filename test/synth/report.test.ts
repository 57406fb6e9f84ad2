import * as path from 'node:path';
import { ApiObject, Chart } from 'cdk8s';
import { MeshApp, type MeshAppProps } from '../../lib/synth/mesh-app';
import { temporaryFolder } from '../support/folders';

let printed: string;
let dist: string;
beforeEach(() => {
  printed = '';
  dist = path.join(temporaryFolder(), 'dist');
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    printed += text;
    return true;
  });
});

const terminal = process.stderr.isTTY;
const colour = process.env.NO_COLOR;
const argv = process.argv;
afterEach(() => {
  jest.restoreAllMocks();
  process.stderr.isTTY = terminal;
  process.argv = argv;
  delete process.env.NO_COLOR;
  if (colour !== undefined) {
    process.env.NO_COLOR = colour;
  }
});

function synth(objects: Record<string, string>, props: MeshAppProps = {}): string {
  printed = '';
  const app = new MeshApp({ outdir: dist, ...props });
  const chart = new Chart(app, 'otus');
  for (const [name, text] of Object.entries(objects)) {
    new ApiObject(chart, name, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text } } as never);
  }
  app.synth();
  return printed.replace(/\(\d+\.\d\d s\)/g, '(TIME)').replaceAll(dist, 'dist');
}

test('tells which files were added, changed and removed, and sums up', () => {
  expect(synth({ a: '1', b: '2' })).toBe(
    '+ otus/ConfigMap.a.k8s.yaml\n+ otus/ConfigMap.b.k8s.yaml\ndist: 2 objects in 2 files, 2 added (TIME)\n',
  );
  expect(synth({ a: 'x', c: '3' })).toBe(
    '+ otus/ConfigMap.c.k8s.yaml\n~ otus/ConfigMap.a.k8s.yaml\n- otus/ConfigMap.b.k8s.yaml\n' +
      'dist: 2 objects in 2 files, 1 added, 1 changed, 1 removed (TIME)\n',
  );
  expect(synth({ a: 'x', c: '3' })).toBe('dist: 2 objects in 2 files, nothing changed (TIME)\n');
  expect(synth({ a: 'x' })).toContain('dist: 1 object in 1 file, 1 removed (TIME)\n');
});

test('names no more files than a person reads', () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`n${i}`, 'x']));
  const lines = synth(many).split('\n');
  expect(lines).toHaveLength(43);
  expect(lines[40]).toBe('… and 260 more');
});

test('prints nothing when asked to be quiet, in code or on the command line', () => {
  expect(synth({ a: '1' }, { quiet: true })).toBe('');
  process.argv = [...argv, '--quiet'];
  expect(synth({ a: '2' })).toBe('');
  expect(synth({ a: '3' }, { quiet: false })).not.toBe('');
});

test('is coloured on a terminal, and plain with NO_COLOR or without a terminal', () => {
  process.stderr.isTTY = true;
  delete process.env.NO_COLOR;
  expect(synth({ a: '1' })).toContain('\x1b[32m+ otus/ConfigMap.a.k8s.yaml\x1b[0m\n');
  process.env.NO_COLOR = '1';
  expect(synth({ b: '1' })).not.toContain('\x1b');
  delete process.env.NO_COLOR;
  process.stderr.isTTY = false;
  expect(synth({ c: '1' })).not.toContain('\x1b');
});

describe('when it takes long', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`n${i}`, 'x']));
  beforeEach(() => {
    let now = 0;
    jest.spyOn(performance, 'now').mockImplementation(() => {
      now += 600;
      return now;
    });
  });

  test('shows the progress on a terminal, on a line that goes again', () => {
    process.stderr.isTTY = true;
    const output = synth(many);
    expect(output).toContain('\r128 of 200 objects');
    expect(output.indexOf('\r\x1b[K')).toBeLessThan(output.indexOf('+ otus'));
  });

  test('the progress line is gone before an error is printed', () => {
    process.stderr.isTTY = true;
    const app = new MeshApp({ outdir: dist });
    const chart = new Chart(app, 'otus');
    for (let i = 0; i < 200; i++) {
      new ApiObject(chart, `o${i}`, { apiVersion: 'v1', kind: 'ConfigMap', spec: i === 199 ? new Date() : 0 } as never);
    }
    expect(() => app.synth()).toThrow();
    expect(printed.endsWith('\r\x1b[K')).toBe(true);
  });

  test.each<[string, boolean, MeshAppProps]>([
    ['without a terminal', false, {}],
    ['when quiet', true, { quiet: true }],
  ])('shows none %s', (_, isTTY, props) => {
    process.stderr.isTTY = isTTY;
    expect(synth(many, props)).not.toContain('\r');
  });
});
