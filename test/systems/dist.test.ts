import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { temporaryFolder } from '../support/folders';

const ROOT = join(__dirname, '../..');

test('dist/ is what main.ts makes of the systems', () => {
  const folder = join(temporaryFolder(), 'dist');
  const env = { ...process.env, CDK8S_OUTDIR: folder };
  const synth = spawnSync('npm', ['run', '--silent', 'synth', '--', '--quiet'], { cwd: ROOT, env, encoding: 'utf8' });
  expect(synth.status).toBe(0);
  const diff = spawnSync('git', ['diff', '--no-index', '--stat', 'dist', folder], { cwd: ROOT, encoding: 'utf8' });
  expect(diff.stdout).toBe('');
});
