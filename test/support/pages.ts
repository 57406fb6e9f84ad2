import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { diffOfDist } from './systems';

const ROOT = join(__dirname, '../..');

/** A page of `docs/systems/` and the system it is about. */
export interface Page {
  /** The name of the page and of the system's folders in `dist/`: `book-store`. */
  readonly name: string;
  /** The function that adds the system to an app. */
  readonly system: string;
  /** The file of the system, or the one that puts its files together. */
  readonly file: string;
}

/** Holds a page against the system, so that nothing on it rots: its TypeScript, its diffs, its commands, its links and its line counts. */
export function describePage({ name, system, file }: Page): void {
  const page = () => readFileSync(join(ROOT, 'docs/systems', `${name}.md`), 'utf8');

  describe(`docs/systems/${name}.md`, () => {
    test('shows the TypeScript as it stands in the system', () => {
      const source = sources(file).join('\n');
      const shown = blocks(page(), 'ts');
      expect(shown.length).toBeGreaterThan(0);
      expect(shown.filter((block) => !source.includes(block.trimEnd()))).toEqual([]);
    });

    test('shows what a change of the TypeScript does to dist/', () => {
      const diffs = blocks(page(), 'diff');
      expect(diffs.length).toBeGreaterThanOrEqual(2);
      expect(diffs.length % 2).toBe(0);
      for (let index = 0; index < diffs.length; index += 2) {
        const from = side(diffs[index], '-');
        const to = side(diffs[index], '+');
        expect(diffs[index + 1]).toBe(diffOfDist({ name: system, file, from, to }));
      }
    });

    test('names files and folders that exist', () => {
      const links = [...page().matchAll(/\]\(([^):]+)\)/g)].map(([, link]) => join('docs/systems', link));
      const applied = blocks(page(), 'sh').flatMap((block) => block.match(/\bdist\/[\w./-]+/g) ?? []);
      expect(applied.length).toBeGreaterThan(0);
      expect([...links, ...applied].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    });

    test('shows what a command prints', () => {
      const shown = blocks(page(), 'sh').filter((block) => block.startsWith('$ '));
      expect(shown.map(printed)).toEqual(shown);
    });

    test('counts the lines of TypeScript and of YAML', () => {
      const yaml = readdirSync(join(ROOT, 'dist')).filter((folder) => folder === name || folder.startsWith(`${name}-`));
      const files = yaml.flatMap((folder) => readdirSync(join(ROOT, 'dist', folder)).map((entry) => join('dist', folder, entry)));
      const lines = files.map((path) => readFileSync(join(ROOT, path), 'utf8'));
      expect(page()).toContain(
        `${number(countLines(sources(file)))} lines of TypeScript, ${number(countLines(lines))} lines of YAML in ${number(files.length)} files`,
      );
    });
  });
}

/** The texts of a system: its file, or all files of its folder. */
function sources(file: string): string[] {
  const path = join(ROOT, file);
  const folder = join(path, '..');
  const paths = file.endsWith('/index.ts') ? readdirSync(folder).map((entry) => join(folder, entry)) : [path];
  return paths.filter((entry) => statSync(entry).isFile()).map((entry) => readFileSync(entry, 'utf8'));
}

/** The fenced blocks of a language. */
function blocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block]) => block);
}

/** A command behind `$`, and what it prints. */
function printed(block: string): string {
  const [command] = block.split('\n');
  const { stdout } = spawnSync('sh', ['-c', command.slice(2)], { cwd: ROOT, encoding: 'utf8' });
  return `${command}\n${stdout}`;
}

/** What a diff of TypeScript takes away or adds, with the unchanged lines around it. */
function side(diff: string, sign: '-' | '+'): string {
  return diff
    .split('\n')
    .filter((line) => line.startsWith(sign) || line.startsWith(' '))
    .map((line) => line.slice(1))
    .join('\n');
}

function countLines(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.trimEnd().split('\n').length, 0);
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
