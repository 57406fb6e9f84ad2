import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { buildSync } from 'esbuild';
import { builtTools } from '../wire/paths';

const CACHE = join(__dirname, '..', '.cache', 'bench');

/** Helm, built from the `tool` line of this folder's go.mod; Go's own cache makes the second time quick. */
export function buildHelm(): string {
  mkdirSync(CACHE, { recursive: true });
  const args = ['build', '-buildvcs=false', '-ldflags=-s -w', '-o', `${CACHE}/`, 'helm.sh/helm/v4/cmd/helm'];
  const { status, error } = spawnSync('go', args, { cwd: __dirname, stdio: ['ignore', 'ignore', 'inherit'] });
  if (error !== undefined || status !== 0) {
    throw new Error(`cannot build helm with 'go ${args.join(' ')}': ${error?.message ?? `exit code ${status}`}`);
  }
  return join(CACHE, 'helm');
}

/** The wire lab's kubectl, or else the machine's. */
export function findKubectl(): string {
  const folders = [builtTools, ...(process.env.PATH ?? '').split(delimiter)];
  const found = folders.map((folder) => join(folder, 'kubectl')).find((file) => existsSync(file));
  if (found === undefined) {
    throw new Error('kubectl is missing; `npm run wire` builds it');
  }
  return found;
}

export function helmVersion(): string {
  const goMod = readFileSync(join(__dirname, 'go.mod'), 'utf8');
  return /helm\.sh\/helm\/v\d+ (v\S+)/.exec(goMod)?.[1] ?? 'unknown';
}

export function kubectlVersion(): string {
  const { stdout } = spawnSync(findKubectl(), ['version', '--client', '--output=json'], { encoding: 'utf8' });
  return JSON.parse(stdout).clientVersion.gitVersion;
}

export function packageVersion(name: string): string {
  return JSON.parse(readFileSync(join(__dirname, '..', 'node_modules', name, 'package.json'), 'utf8')).version;
}

/** A program of this folder as one file of JavaScript with its packages, which node starts faster than a hundred files. */
export function compile(program: string): string {
  const outfile = join(CACHE, `${program}.js`);
  buildSync({
    entryPoints: [join(__dirname, `${program}.ts`)],
    bundle: true,
    platform: 'node',
    // Read only where a regular expression is used, and here none is.
    external: ['re2js'],
    outfile,
    logLevel: 'error',
  });
  return outfile;
}
