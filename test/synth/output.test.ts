import * as path from 'node:path';
import { ApiObject, Chart } from 'cdk8s';
import { ErrorCode, MeshError } from '../../lib/errors';
import { MeshApp } from '../../lib/synth/mesh-app';
import { OutputFolder, RECORD } from '../../lib/synth/output-folder';
import { contents, temporaryFolder } from '../support/folders';

/** Which call of which function of the file system fails, maybe with all later ones, and how. */
const mockFault: { calls: number; failAt: number; code: string; only?: string; always?: boolean } = {
  calls: 0,
  failAt: 0,
  code: '',
};

jest.mock('node:fs', () => {
  const real = jest.requireActual('node:fs');
  const faulty = (name: string) => {
    return (...args: unknown[]) => {
      if (mockFault.only === undefined || mockFault.only === name) {
        mockFault.calls += 1;
        const late = mockFault.always && mockFault.failAt > 0 && mockFault.calls > mockFault.failAt;
        if (mockFault.calls === mockFault.failAt || late) {
          if (name === 'writeFileSync') {
            real.writeFileSync(args[0], String(args[1]).slice(0, 5));
          }
          throw Object.assign(new Error(`${mockFault.code}: ${name} fails`), { code: mockFault.code });
        }
      }
      return real[name](...args);
    };
  };
  const names = ['openSync', 'readFileSync', 'lstatSync', 'readdirSync', 'mkdirSync', 'writeFileSync', 'linkSync', 'symlinkSync'];
  names.push('renameSync', 'chmodSync', 'chownSync', 'rmdirSync', 'unlinkSync', 'copyFileSync', 'utimesSync', 'realpathSync');
  return { ...real, ...Object.fromEntries(names.map((name) => [name, faulty(name)])) };
});

import * as fs from 'node:fs';

afterEach(() => {
  Object.assign(mockFault, { calls: 0, failAt: 0, code: '', only: undefined, always: false });
});

/** Synthesizes one ConfigMap per entry: the name is `<chart>/<name>`, the text its data. */
function synth(outdir: string, objects: Record<string, string>): void {
  const app = new MeshApp({ outdir, quiet: true });
  for (const [name, text] of Object.entries(objects)) {
    const [chart, id] = name.split('/');
    const scope = (app.node.tryFindChild(chart) as Chart | undefined) ?? new Chart(app, chart);
    new ApiObject(scope, id, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: id }, data: { text } } as never);
  }
  app.synth();
}

function thrown(action: () => void): MeshError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(MeshError);
    return error as MeshError;
  }
  throw new Error('nothing was thrown');
}

const file = (name: string) => `${name.replace('/', '/ConfigMap.')}.k8s.yaml`;
const OLD = { 'a/one': '1', 'a/two': '2', 'b/three': '3', 'c/four': '4' };
const NEW = { 'a/one': 'changed', 'a/two': '2', 'b/five': '5', 'd/six': '6' };

let parent: string;
let dist: string;
beforeEach(() => {
  parent = temporaryFolder();
  dist = path.join(parent, 'dist');
});

describe('the files of an app', () => {
  test('appear, change and go with its objects', () => {
    synth(dist, OLD);
    synth(dist, NEW);
    expect(Object.keys(contents(dist))).toEqual(
      [RECORD, 'a', file('a/one'), file('a/two'), 'b', file('b/five'), 'd', file('d/six')].sort(),
    );
    expect(contents(dist)[file('a/one')]).toContain('text: changed');
    expect(fs.readdirSync(parent)).toEqual(['dist']);
  });

  test('are listed in a file that people and git can read', () => {
    synth(dist, OLD);
    const lines = contents(dist)[RECORD].split('\n');
    expect(lines[0]).toMatch(/^# /);
    expect(lines.slice(1)).toEqual([...Object.keys(OLD).map(file), '']);
  });

  test('keep their time when their content stays', () => {
    synth(dist, OLD);
    fs.utimesSync(path.join(dist, file('a/two')), 1000, 1000);
    synth(dist, NEW);
    expect(fs.statSync(path.join(dist, file('a/two'))).mtimeMs).toBe(1_000_000);
  });

  test('keep their mode when their content changes', () => {
    synth(dist, OLD);
    fs.chmodSync(path.join(dist, file('a/one')), 0o640);
    synth(dist, { ...OLD, 'a/one': 'changed' });
    expect(fs.statSync(path.join(dist, file('a/one'))).mode & 0o777).toBe(0o640);
    synth(dist, { ...NEW, 'a/one': 'changed with others' });
    expect(fs.statSync(path.join(dist, file('a/one'))).mode & 0o777).toBe(0o640);
  });

  test('are not touched, nor their folders, when nothing changes', () => {
    synth(dist, OLD);
    const stats = () =>
      ['', 'a', 'b', RECORD, ...Object.keys(OLD).map(file)].map((f) => fs.statSync(path.join(dist, f), { bigint: true }));
    const before = stats();
    synth(dist, OLD);
    expect(stats().map((s) => [s.ino, s.mtimeNs, s.ctimeNs])).toEqual(before.map((s) => [s.ino, s.mtimeNs, s.ctimeNs]));
  });

  test('are written again when somebody changed or deleted them', () => {
    synth(dist, OLD);
    const before = contents(dist);
    fs.writeFileSync(path.join(dist, file('a/one')), 'scribble');
    fs.rmSync(path.join(dist, 'b'), { recursive: true });
    synth(dist, OLD);
    expect(contents(dist)).toEqual(before);
  });

  test('are written again when somebody deleted one folder of them', () => {
    synth(dist, OLD);
    const before = contents(dist);
    fs.rmSync(path.join(dist, 'b'), { recursive: true });
    synth(dist, OLD);
    expect(contents(dist)).toEqual(before);
  });

  test('change one by one without a new folder around them, so that a shell in it stays where it is', () => {
    synth(dist, OLD);
    const inode = fs.statSync(path.join(dist, 'a')).ino;
    synth(dist, { ...OLD, 'a/one': 'changed' });
    expect(fs.statSync(path.join(dist, 'a')).ino).toBe(inode);
    expect(contents(dist)[file('a/one')]).toContain('changed');
  });

  test('change within one chart without touching the other charts', () => {
    synth(dist, OLD);
    const inodes = () => ['', 'b', 'c'].map((f) => fs.statSync(path.join(dist, f)).ino);
    const before = inodes();
    synth(dist, { ...OLD, 'a/one': 'changed', 'a/two': 'changed' });
    expect(inodes()).toEqual(before);
    expect(Object.values(contents(dist)).filter((text) => text.includes('text: changed'))).toHaveLength(2);
  });

  test('change in several charts at once', () => {
    synth(dist, OLD);
    const next = { ...OLD, 'a/one': 'changed', 'b/three': 'changed' };
    synth(dist, next);
    const after = contents(dist);
    fs.rmSync(dist, { recursive: true });
    synth(dist, next);
    expect(after).toEqual(contents(dist));
  });

  test('all go when the app holds nothing any more', () => {
    synth(dist, OLD);
    synth(dist, {});
    expect(Object.keys(contents(dist))).toEqual([RECORD]);
  });
});

describe('files of somebody else', () => {
  function handWritten(): Record<string, string> {
    fs.writeFileSync(path.join(dist, 'kustomization.yaml'), 'resources: []\n', { mode: 0o600 });
    fs.writeFileSync(path.join(dist, 'b', 'README.md'), 'mine');
    fs.mkdirSync(path.join(dist, '.git', 'objects', '00'), { recursive: true });
    fs.writeFileSync(path.join(dist, '.git', 'objects', '00', 'x'), 'packed', { mode: 0o444 });
    fs.mkdirSync(path.join(dist, 'empty'), { mode: 0o750 });
    fs.symlinkSync('kustomization.yaml', path.join(dist, 'link'));
    fs.symlinkSync('/nowhere', path.join(dist, 'b', 'dangling'));
    fs.utimesSync(path.join(dist, 'kustomization.yaml'), 2000, 2000);
    const ours = new Set([...Object.keys(OLD).map(file), ...Object.keys(NEW).map(file), 'a', 'b', 'c', 'd', RECORD]);
    return Object.fromEntries(Object.entries(contents(dist)).filter(([name]) => !ours.has(name)));
  }

  test('survive with content, mode and time when everything around them changes', () => {
    synth(dist, OLD);
    const mine = handWritten();
    synth(dist, NEW);
    expect(contents(dist)).toMatchObject(mine);
    synth(dist, {});
    expect(contents(dist)).toEqual({ ...mine, b: '/', [RECORD]: expect.any(String) });
    const stat = fs.statSync(path.join(dist, 'kustomization.yaml'));
    expect([stat.mode & 0o777, stat.mtimeMs]).toEqual([0o600, 2_000_000]);
    expect(fs.statSync(path.join(dist, 'empty')).mode & 0o777).toBe(0o750);
    expect(fs.statSync(path.join(dist, '.git', 'objects', '00', 'x')).mode & 0o777).toBe(0o444);
  });

  test('survive where the file system has no hard links', () => {
    synth(dist, OLD);
    const mine = handWritten();
    Object.assign(mockFault, { only: 'linkSync', failAt: 1, code: 'EPERM', always: true });
    synth(dist, NEW);
    expect(contents(dist)).toMatchObject(mine);
    expect(fs.statSync(path.join(dist, 'kustomization.yaml')).mtimeMs).toBe(2_000_000);
  });

  test('are never overwritten: the file in the way is named', () => {
    fs.mkdirSync(path.join(dist, 'a'), { recursive: true });
    fs.writeFileSync(path.join(dist, file('a/one')), 'mine');
    const error = thrown(() => synth(dist, OLD));
    expect(error.code).toBe(ErrorCode.FOREIGN_FILE);
    expect(error.message).toContain(path.join(dist, file('a/one')));
    expect(contents(dist)).toEqual({ a: '/', [file('a/one')]: 'mine' });
  });

  test('become ours when they have the very content that would be written', () => {
    synth(dist, OLD);
    const before = contents(dist);
    fs.rmSync(path.join(dist, RECORD));
    synth(dist, OLD);
    expect(contents(dist)).toEqual(before);
  });

  test.each([
    ['a symbolic link at the place of a file', file('a/one')],
    ['a symbolic link at the place of a folder', 'a'],
  ])('%s is in the way and is not followed', (_, place) => {
    synth(dist, OLD);
    const elsewhere = path.join(parent, 'elsewhere');
    fs.renameSync(path.join(dist, place), elsewhere);
    fs.symlinkSync(elsewhere, path.join(dist, place));
    const before = contents(parent);
    const error = thrown(() => synth(dist, NEW));
    expect(error.code).toBe(ErrorCode.FOREIGN_FILE);
    expect(error.message).toContain(`: ${path.join(dist, place)}`);
    expect(contents(parent)).toEqual(before);
  });

  test.each([
    ['a folder at the place of a file', file('a/one'), true],
    ['a file at the place of a folder', 'a', false],
    ['a folder at the place of the list', RECORD, true],
  ])('%s is in the way', (_, place, isFolder) => {
    fs.mkdirSync(path.dirname(path.join(dist, place)), { recursive: true });
    if (isFolder) {
      fs.mkdirSync(path.join(dist, place));
    } else {
      fs.writeFileSync(path.join(dist, place), 'mine');
    }
    const before = contents(parent);
    expect(thrown(() => synth(dist, OLD)).message).toContain(`: ${path.join(dist, place)} (foreign-file)`);
    expect(contents(parent)).toEqual(before);
  });

  test.each([
    ['a symbolic link', (place: string, elsewhere: string) => fs.symlinkSync(elsewhere, place)],
    ['a file', (place: string) => fs.writeFileSync(place, 'mine')],
  ])('%s is in the way of a folder of folders, and nothing is written behind it', (_, put) => {
    const elsewhere = path.join(parent, 'elsewhere');
    fs.mkdirSync(path.join(elsewhere, 'y'), { recursive: true });
    fs.mkdirSync(dist);
    put(path.join(dist, 'x'), elsewhere);
    const before = contents(parent);
    const error = thrown(() => new OutputFolder(dist).write(new Map([['x/y/z', () => 'new']])));
    expect(error.message).toContain(`: ${path.join(dist, 'x')} (foreign-file)`);
    expect(contents(parent)).toEqual(before);
  });

  test('are counted when there are many in the way', () => {
    const many = Object.fromEntries(Array.from({ length: 15 }, (_, i) => [`a/n${String(i).padStart(2, '0')}`, 'x']));
    fs.mkdirSync(path.join(dist, 'a'), { recursive: true });
    for (const name of Object.keys(many)) {
      fs.writeFileSync(path.join(dist, file(name)), 'mine');
    }
    expect(thrown(() => synth(dist, many)).message).toMatch(/ConfigMap\.n09\.k8s\.yaml and 5 more \(foreign-file\)$/);
  });
});

describe('the list of our files', () => {
  test.each(['../outside', '/etc/hostname', 'a/../../outside', '..', 'a//b'])('is refused when it names %s', (line) => {
    synth(dist, OLD);
    fs.writeFileSync(path.join(parent, 'outside'), 'mine');
    fs.appendFileSync(path.join(dist, RECORD), `${line}\n`);
    const before = contents(parent);
    const error = thrown(() => synth(dist, NEW));
    expect(error.code).toBe(ErrorCode.OUTPUT_FAILED);
    expect(error.message).toContain(JSON.stringify(line));
    expect(contents(parent)).toEqual(before);
  });

  test('leads to nothing behind a symbolic link, nor to a folder', () => {
    synth(dist, OLD);
    fs.mkdirSync(path.join(parent, 'elsewhere'));
    fs.writeFileSync(path.join(parent, 'elsewhere', 'file'), 'mine');
    fs.symlinkSync('../elsewhere', path.join(dist, 'link'));
    fs.mkdirSync(path.join(dist, 'folder', 'inner'), { recursive: true });
    fs.appendFileSync(path.join(dist, RECORD), 'link/file\nlink\nfolder/inner\nfolder\n');
    synth(dist, NEW);
    expect(contents(parent)).toMatchObject({
      'elsewhere/file': 'mine',
      'dist/link': '-> ../elsewhere',
      'dist/folder/inner': '/',
    });
  });

  test('may hold comments of any kind', () => {
    synth(dist, OLD);
    const before = contents(dist);
    fs.appendFileSync(path.join(dist, RECORD), '# see https://example.com/../docs\n');
    synth(dist, OLD);
    expect(contents(dist)).toEqual(before);
  });

  test('may have been checked out with other line ends, or merged by git with a conflict', () => {
    synth(dist, OLD);
    const record = path.join(dist, RECORD);
    const lines = fs.readFileSync(record, 'utf8');
    fs.writeFileSync(record, `<<<<<<< HEAD\n${lines}=======\n>>>>>>> other\n`.replaceAll('\n', '\r\n'));
    synth(dist, NEW);
    expect(Object.keys(contents(dist))).toEqual([
      RECORD,
      'a',
      file('a/one'),
      file('a/two'),
      'b',
      file('b/five'),
      'd',
      file('d/six'),
    ]);
  });
});

describe('the output folder', () => {
  test('may be a symbolic link: the folder it points to is written, and the link stays', () => {
    fs.mkdirSync(path.join(parent, 'real', 'out'), { recursive: true });
    fs.symlinkSync('real/out', dist);
    synth(dist, OLD);
    synth(dist, NEW);
    expect(fs.readlinkSync(dist)).toBe('real/out');
    expect(fs.readdirSync(path.join(parent, 'real'))).toEqual(['out']);
    expect(contents(path.join(parent, 'real', 'out'))[file('a/one')]).toContain('changed');
  });

  test('is made with the folders around it', () => {
    synth(path.join(parent, 'x', 'y', 'dist'), OLD);
    expect(fs.readdirSync(path.join(parent, 'x', 'y'))).toEqual(['dist']);
  });

  test('cannot be a file', () => {
    fs.writeFileSync(dist, 'mine');
    expect(thrown(() => synth(dist, OLD)).message).toBe(
      `cannot write the output folder ${dist}: it is a file, not a folder (output-failed)`,
    );
    expect(contents(parent)).toEqual({ dist: 'mine' });
  });

  test('cannot be a symbolic link that leads nowhere', () => {
    fs.symlinkSync('nowhere', dist);
    expect(thrown(() => synth(dist, OLD)).message).toContain('it is a symbolic link to nowhere, which does not exist');
  });

  test('cannot be around the working directory, which would be replaced under the feet of the user', () => {
    expect(thrown(() => synth(process.cwd(), OLD)).message).toContain('the working directory lies in it');
    expect(thrown(() => synth(path.dirname(process.cwd()), OLD)).message).toContain('the working directory lies in it');
    expect(thrown(() => synth('/', OLD)).message).toContain('the working directory lies in it');
  });

  test('cannot be left by a file extension', () => {
    const app = new MeshApp({ outdir: dist, quiet: true, outputFileExtension: '/../../../x' });
    new ApiObject(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'ConfigMap' });
    expect(thrown(() => app.synth()).message).toContain('which is no path of a file inside it');
  });
});

describe('whatever fails in the file system', () => {
  test.each([
    ['ENOSPC', 'no space left on the device'],
    ['EDQUOT', 'the disk quota is used up'],
    ['EACCES', 'no permission to write it'],
    ['EPERM', 'no permission to write it'],
    ['EROFS', 'the file system is read-only'],
    ['EBUSY', 'it is a mount point'],
    ['EXDEV', 'it is a mount point'],
    ['EIO', 'EIO: renameSync fails'],
  ])('says so: %s', (code, message) => {
    synth(dist, OLD);
    Object.assign(mockFault, { only: 'renameSync', failAt: mockFault.calls + 1, calls: mockFault.calls, code });
    const error = thrown(() => synth(dist, NEW));
    expect(error.code).toBe(ErrorCode.OUTPUT_FAILED);
    expect(error.message).toContain(`cannot write the output folder ${dist}: ${message}`);
    expect(error.message).toContain('it is as it was');
  });

  test('no mistake of a program is taken for one of the file system', () => {
    const bug = new TypeError('bug');
    const content = () => {
      throw bug;
    };
    expect(() => new OutputFolder(dist).write(new Map([['a', content]]))).toThrow(bug);
    expect(fs.existsSync(dist)).toBe(false);
  });

  test('no file stays open, however many are compared', () => {
    const freeDescriptor = () => {
      const descriptor = fs.openSync(__filename, 'r');
      fs.closeSync(descriptor);
      return descriptor;
    };
    synth(dist, OLD);
    const before = freeDescriptor();
    synth(dist, OLD);
    expect(freeDescriptor()).toBe(before);
  });

  test.each([
    ['several charts change', NEW],
    ['one chart changes', { ...OLD, 'a/one': 'changed', 'a/two': 'changed' }],
    ['one file changes', { ...OLD, 'a/one': 'changed' }],
  ])('at any step, the folder is as it was or as it will be, and the next synth leaves nothing behind: %s', (_, next) => {
    synth(dist, next);
    const after = contents(dist);
    fs.rmSync(dist, { recursive: true });
    synth(dist, OLD);
    const before = contents(dist);
    let failures = 0;
    for (let failAt = 1; ; failAt++) {
      Object.assign(mockFault, { calls: 0, failAt, code: 'ENOSPC' });
      let failed = false;
      try {
        synth(dist, next);
      } catch (error) {
        expect((error as MeshError).code).toBe(ErrorCode.OUTPUT_FAILED);
        failed = true;
      }
      const { calls } = mockFault;
      mockFault.failAt = 0;
      expect(contents(dist)).toEqual(failed ? before : after);
      synth(dist, OLD);
      expect(fs.readdirSync(parent)).toEqual(['dist']);
      failures += failed ? 1 : 0;
      if (calls < failAt) {
        break;
      }
    }
    expect(failures).toBeGreaterThan(5);
  });

  test('on the second of the two renames, the old folder gets its name back', () => {
    synth(dist, OLD);
    const before = contents(parent);
    Object.assign(mockFault, { only: 'renameSync', calls: 0, failAt: 2, code: 'EIO' });
    expect(thrown(() => synth(dist, NEW)).code).toBe(ErrorCode.OUTPUT_FAILED);
    expect(contents(parent)).toEqual(before);
  });

  test('on that and on every rename after it, the next synth gives the old folder its name back', () => {
    synth(dist, OLD);
    fs.writeFileSync(path.join(dist, 'a', 'README.md'), 'mine');
    Object.assign(mockFault, { only: 'renameSync', calls: 0, failAt: 2, code: 'EIO', always: true });
    const next = { ...OLD, 'a/one': 'changed', 'a/two': 'changed' };
    expect(thrown(() => synth(dist, next)).code).toBe(ErrorCode.OUTPUT_FAILED);
    expect(fs.existsSync(path.join(dist, 'a'))).toBe(false);
    mockFault.failAt = 0;
    synth(dist, next);
    expect(contents(dist)).toMatchObject({ 'a/README.md': 'mine', [file('a/one')]: expect.stringContaining('changed') });
    expect(fs.readdirSync(parent)).toEqual(['dist']);
  });
});

describe('what a killed process leaves behind', () => {
  const DEAD = 4194303;

  test('its work folder goes with the next synth', () => {
    fs.mkdirSync(path.join(parent, `.dist.tmp-${DEAD}-0123abcd`, 'new', 'a'), { recursive: true });
    synth(dist, OLD);
    expect(fs.readdirSync(parent)).toEqual(['dist']);
  });

  test('an output folder between two names gets its name back, with the files of somebody else in it', () => {
    synth(dist, OLD);
    fs.writeFileSync(path.join(dist, 'README.md'), 'mine');
    const work = path.join(parent, `.dist.tmp-${DEAD}-0123abcd`);
    fs.mkdirSync(path.join(work, 'new'), { recursive: true });
    fs.writeFileSync(path.join(work, 'place'), '');
    fs.renameSync(dist, path.join(work, 'old'));
    const app = new MeshApp({ outdir: dist, quiet: true });
    new Chart(app, 'c').node.addValidation({ validate: () => ['wrong'] });
    expect(thrown(() => app.synth()).code).toBe(ErrorCode.VALIDATION_FAILED);
    expect(contents(dist)).toMatchObject({ 'README.md': 'mine', [file('a/one')]: expect.stringContaining('1') });
    expect(fs.readdirSync(parent)).toEqual(['dist']);
  });

  test('a chart between two names gets its name back', () => {
    synth(dist, OLD);
    const before = contents(dist);
    const work = path.join(parent, `.dist.tmp-${DEAD}-0123abcd`);
    fs.mkdirSync(path.join(work, 'new'), { recursive: true });
    fs.writeFileSync(path.join(work, 'place'), 'a');
    fs.renameSync(path.join(dist, 'a'), path.join(work, 'old'));
    const record = fs.statSync(path.join(dist, RECORD)).ino;
    synth(dist, OLD);
    expect(contents(dist)).toEqual(before);
    expect(fs.statSync(path.join(dist, RECORD)).ino).toBe(record);
  });

  test('the work folder of a living process, and anything that only looks like one, stays', () => {
    const names = [`.dist.tmp-${process.ppid}-0123abcd`, '.dist.tmp-backup', '.dist.tmp-1-mine', '.other.tmp-1-0123abcd'];
    for (const name of names) {
      fs.mkdirSync(path.join(parent, name));
    }
    synth(dist, OLD);
    expect(fs.readdirSync(parent).sort()).toEqual([...names, 'dist'].sort());
  });
});

describe('a mistake', () => {
  test.each<[string, (app: MeshApp) => void]>([
    ['in a validation', (app) => new Chart(app, 'x').node.addValidation({ validate: () => ['wrong'] })],
    [
      'in a lazy value',
      (app) => new ApiObject(new Chart(app, 'x'), 'o', { apiVersion: 'v1', kind: 'Thing', spec: new Date() } as never),
    ],
    [
      'in a name',
      (app) => new ApiObject(new Chart(app, 'x'), 'o', { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'UPPER' } }),
    ],
  ])('%s leaves the folder as it was', (_, add) => {
    synth(dist, OLD);
    const before = contents(parent);
    const app = new MeshApp({ outdir: dist, quiet: true });
    add(app);
    thrown(() => app.synth());
    expect(contents(parent)).toEqual(before);
  });
});
