/**
 * Writes the generated parts of README.md: `npm run readme`. They stand between `<!-- generated: … -->` and `<!-- /generated -->`:
 * what the first example writes, and what the docstrings of the error codes say.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');
const SPLIT = '  split: { v1: 90, v2: 10 },';
const NEW_SPLIT = '  split: { v1: 80, v2: 20 },';
const WRONG_SPLIT = '  split: { v1: 90, v3: 10 },';
const SHOWN = 'shop/VirtualService.cart.k8s.yaml';

/** The README with its generated parts as they must be. */
export function generate(readme: string): string {
  const work = join(root, '.cache/readme');
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const [example] = codeBlocks(readme);
  const yaml = files(synth(work, 'before', example));
  synth(work, 'after', example.replace(SPLIT, NEW_SPLIT));
  const parts: Record<string, string> = {
    routes: fenced('yaml', `# dist/${SHOWN}\n${yaml.get(SHOWN)}`),
    others: [...yaml].flatMap(([file, text]) => (file === SHOWN ? [] : [fenced('yaml', `# dist/${file}\n${text}`)])).join('\n\n'),
    change: fenced('diff', `-${SPLIT}\n+${NEW_SPLIT}\n${difference(work)}`),
    mistake: fenced('', synth(work, 'mistake', example.replace(SPLIT, WRONG_SPLIT)).stderr),
    errors: errorTable(),
  };
  return readme.replace(
    /(<!-- generated: (\w+) -->\n).*?(<!-- \/generated -->)/gs,
    (_, start, part, end) => `${start}\n${parts[part]}\n\n${end}`,
  );
}

/** The TypeScript in the README, block by block. */
export function codeBlocks(readme: string): string[] {
  return [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
}

interface Synthesized {
  readonly outdir: string;
  readonly stderr: string;
}

/** Runs a program as `npm run synth` runs `main.ts`. */
function synth(work: string, name: string, program: string): Synthesized {
  const folder = join(work, name);
  mkdirSync(folder);
  writeFileSync(join(folder, 'main.ts'), program);
  const esbuild = ['main.ts', '--bundle', '--platform=node', '--packages=external', '--sourcemap', '--log-level=warning'];
  execFileSync(join(root, 'node_modules/.bin/esbuild'), [...esbuild, '--outfile=main.js'], { cwd: folder });
  const { stderr } = spawnSync(process.execPath, ['main.js'], { cwd: folder, encoding: 'utf8' });
  return { outdir: join(folder, 'dist'), stderr };
}

function files({ outdir }: Synthesized): Map<string, string> {
  const names = readdirSync(outdir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  return new Map(names.sort().map((file) => [file, readFileSync(join(outdir, file), 'utf8')]));
}

/** The diff between the outputs `before` and `after`, with the names that the files have in `dist/`. */
function difference(work: string): string {
  const args = ['diff', '--no-index', '--no-color', '--no-prefix', '--unified=2', 'before/dist', 'after/dist'];
  const { stdout } = spawnSync('git', args, { cwd: work, encoding: 'utf8' });
  return stdout.replace(/^(diff|index) .*\n/gm, '').replace(/^(---|\+\+\+) (before|after)\//gm, '$1 ');
}

function errorTable(): string {
  const source = readFileSync(join(root, 'lib/errors.ts'), 'utf8');
  const rows = [...source.matchAll(/\/\*\* (.+?)\.? \*\/\n {2}[A-Z_]+ = '(.+)'/g)].map(
    ([, text, code]) => `| \`${code}\` | ${text} |`,
  );
  return ['| code | when |', '|---|---|', ...rows].join('\n');
}

function fenced(language: string, text: string): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

if (require.main === module) {
  const file = join(root, 'README.md');
  writeFileSync(file, generate(readFileSync(file, 'utf8')));
}
