import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { transformSync } from '@swc/core';
import { MeshApp } from 'cdk8s-istio';
import { parseAllDocuments } from 'yaml';
import { temporaryFolder } from './folders';
import type { Manifest } from './synth';

const ROOT = join(__dirname, '../..');

/** A system of `systems/`, and what somebody writes in place of something else. */
export interface EditedSystem {
  /** The function that adds the system to an app. */
  readonly name: string;
  /** Its file, or the one that puts its files together: `systems/otus.ts`. */
  readonly file: string;
  /** What stands there, in one of its files. */
  readonly from?: string;
  /** What is written instead. */
  readonly to?: string;
}

/** What a system becomes: its objects by folder, read back from the YAML. */
export function synthFolders(system: EditedSystem): Map<string, Manifest[]> {
  const dist = synthSystem(system, 'dist');
  const folders = readdirSync(dist).filter((name) => statSync(join(dist, name)).isDirectory());
  return new Map(folders.map((folder) => [folder, readFolder(join(dist, folder))]));
}

/** The diff of `dist/` that a reviewer sees when a system is edited. */
export function diffOfDist(system: Required<EditedSystem>): string {
  const folder = temporaryFolder();
  synthSystem({ name: system.name, file: system.file }, 'a/dist', folder);
  synthSystem(system, 'b/dist', folder);
  const options = ['--no-index', '--no-prefix', '--no-color', '--unified=2', '--no-renames'];
  const { stdout } = spawnSync('git', ['diff', ...options, 'a/dist', 'b/dist'], { cwd: folder, encoding: 'utf8' });
  const files = stdout.split(/^diff --git .*\n/m).filter((text) => text !== '' && !text.includes('/.cdk8s-istio'));
  return files
    .join('')
    .replace(/^(index|new file mode|deleted file mode) .*\n/gm, '')
    .replace(/^(---|\+\+\+) [ab]\/dist/gm, '$1 dist');
}

/** The lines of a diff that go and come, without their places. */
export function changedLines(diff: string): string[] {
  return diff.split('\n').filter((line) => /^[-+](?![-+])/.test(line));
}

/** Runs a system with its edit into `<folder>/<outdir>`. */
function synthSystem(system: EditedSystem, outdir: string, folder = temporaryFolder()): string {
  const source = new EditedSource(system);
  const app = new MeshApp({ outdir: join(folder, outdir), quiet: true });
  source.load(system.file)[system.name](app);
  if (system.from !== undefined && source.edits !== 1) {
    throw new Error(`'${system.from}' stands in the files of ${system.file} ${source.edits} times; it must be found once`);
  }
  app.synth();
  return join(folder, outdir);
}

// biome-ignore lint/suspicious/noExplicitAny: a module exports anything
type Exports = Record<string, any>;

/** Loads TypeScript modules of the repository with one text replaced. */
class EditedSource {
  public edits = 0;
  private readonly loaded = new Map<string, Exports>();

  public constructor(private readonly edit: EditedSystem) {}

  public load(file: string): Exports {
    const known = this.loaded.get(file);
    if (known !== undefined) {
      return known;
    }
    const module = { exports: {} as Exports };
    this.loaded.set(file, module.exports);
    const { code } = transformSync(this.read(file), {
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
      module: { type: 'commonjs' },
    });
    const load = (name: string) => (name.startsWith('.') ? this.load(resolveFile(join(dirname(file), name))) : require(name));
    new Function('require', 'module', 'exports', code)(load, module, module.exports);
    return module.exports;
  }

  private read(file: string): string {
    const text = readFileSync(join(ROOT, file), 'utf8');
    const { from, to } = this.edit;
    if (from === undefined || to === undefined) {
      return text;
    }
    this.edits += text.split(from).length - 1;
    return text.replace(from, to);
  }
}

function resolveFile(path: string): string {
  return existsSync(join(ROOT, `${path}.ts`)) ? `${path}.ts` : `${path}/index.ts`;
}

function readFolder(folder: string): Manifest[] {
  return readdirSync(folder).flatMap((file) =>
    parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Manifest),
  );
}
