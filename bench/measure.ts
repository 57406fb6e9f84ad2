import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A command as a person would type it, its standard output in a file. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  /** The file that takes standard output, or `undefined` to throw it away. */
  readonly stdout?: string;
}

/** What one run of a whole process costs. */
export interface Cost {
  readonly seconds: number;
  readonly userSeconds: number;
  readonly mebibytes: number;
}

/** Variables of a machine that change how long node takes to start: with `NODE_EXTRA_CA_CERTS` twice as long. */
const NODE_VARIABLES = ['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS'];

/** Runs a command once under GNU time. */
export function measure(command: Command): Cost {
  const folder = mkdtempSync(join(tmpdir(), 'bench-time-'));
  const report = join(folder, 'report');
  const stdout = openSync(command.stdout ?? '/dev/null', 'w');
  try {
    const started = process.hrtime.bigint();
    const { status, error, stderr } = spawnSync('time', ['-f', '%U %M', '-o', report, command.program, ...command.args], {
      stdio: ['ignore', stdout, 'pipe'],
      env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !NODE_VARIABLES.includes(name))),
    });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    if (error !== undefined) {
      throw new Error(`cannot run GNU time (Debian package 'time'): ${error.message}`);
    }
    if (status !== 0) {
      throw new Error(`${command.program} ${command.args.join(' ')} failed: ${stderr.toString().slice(-2000)}`);
    }
    const [user, kibibytes] = readFileSync(report, 'utf8').trim().split(' ').map(Number);
    return { seconds, userSeconds: user, mebibytes: kibibytes / 1024 };
  } finally {
    closeSync(stdout);
    rmSync(folder, { recursive: true });
  }
}

/** The cheapest of several runs: noise only ever adds. */
export function cheapest(costs: readonly Cost[]): Cost {
  const least = (field: keyof Cost) => Math.min(...costs.map((cost) => cost[field]));
  return { seconds: least('seconds'), userSeconds: least('userSeconds'), mebibytes: least('mebibytes') };
}
