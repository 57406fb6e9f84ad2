import { spawn } from 'node:child_process';
import * as path from 'node:path';
import { installTools } from './tools/install';

/**
 * `npm run wire [-- [--keep] [system ...]]`: installs the tools, then runs the lab as the first process of namespaces of its own.
 * When that process ends, for whatever reason, the kernel ends every other and takes networks and mounts away with them.
 */
function main(): void {
  installTools();
  const namespaces = ['--net', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child=SIGKILL'];
  const lab = [process.execPath, ...process.execArgv, path.join(__dirname, 'lab.ts'), ...process.argv.slice(2)];
  const command = ['setpriv', '--pdeathsig', 'KILL', 'unshare', ...namespaces, ...lab];
  // The shell tells the lab its own process id outside, by which a person can enter the namespaces.
  const child = spawn('sh', ['-c', 'WIRE_PID=$$ exec "$@"', 'sh', ...command], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill('SIGKILL'));
  child.on('exit', (code) => process.exit(code ?? 1));
}

try {
  main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
