import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as library from 'cdk8s-istio';
import { Construct } from 'constructs';
import { codeBlocks, generate } from '../scripts/readme';

const root = join(__dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

describe('the README', () => {
  test('shows the YAML, the diff, the error and the codes that the library gives today (if not: npm run readme)', () => {
    expect(generate(readme)).toBe(readme);
  }, 60_000);

  test('has code that compiles and synthesizes: the first block with the others in their place', () => {
    const [example, ...additions] = codeBlocks(readme);
    expect(additions).toHaveLength(4);
    const program = example.replace('app.synth();', [...additions, 'app.synth();'].join('\n'));
    const folder = join(root, '.cache/readme-types');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'main.ts'), program);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../../tsconfig.json', include: ['main.ts'] }));
    expect(() => execFileSync(join(root, 'node_modules/.bin/tsc'), ['--project', folder], { stdio: 'pipe' })).not.toThrow();
    expect(() => execFileSync(join(root, 'node_modules/.bin/tsx'), ['main.ts'], { cwd: folder, stdio: 'pipe' })).not.toThrow();
  }, 60_000);

  test('has a row for each construct, and none for what is no construct', () => {
    const constructs = Object.entries(library)
      .filter(([, value]) => typeof value === 'function' && value.prototype instanceof Construct)
      .map(([name]) => name);
    const [, table] = readme.split('| construct | what it creates |\n|---|---|\n');
    const rows = [...table.split('\n\n')[0].matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(rows.sort()).toEqual(constructs.sort());
  });

  test('has a row for each error code', () => {
    const codes = [...readme.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, code]) => code);
    expect(codes).toEqual(Object.values(library.ErrorCode));
  });

  test('names files, folders and sections that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https:)([^)]+)\)/g)].map(([, link]) => link);
    expect(links).toContain('CONTRIBUTING.md');
    const sections = [...readme.matchAll(/^#+ (.+)$/gm)].map(([, title]) => `#${title.toLowerCase().replaceAll(' ', '-')}`);
    expect(links.filter((link) => !sections.includes(link) && !existsSync(join(root, link)))).toEqual([]);
  });
});
