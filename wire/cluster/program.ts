import { type ChildProcess, execFile, spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { logs } from '../paths';

export interface ProgramOptions {
  /** The network namespace to run in; the lab's own when omitted. */
  readonly netns?: string;
  readonly uid?: number;
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** Opens a channel for messages between this process and the program. */
  readonly ipc?: boolean;
}

/** A program that runs until it is stopped, with its output in a log file. */
export class Program {
  private readonly exited: Promise<void>;

  static start(name: string, command: string[], options: ProgramOptions = {}): Program {
    const [file, ...args] = inNamespace(command, options);
    const log = fs.openSync(path.join(logs, `${name}.log`), 'a');
    // A proxy, which is another user, opens its standard output by name to log requests.
    fs.fchmodSync(log, 0o666);
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: { PATH: process.env.PATH, ...options.env },
      stdio: options.ipc ? ['ignore', log, log, 'ipc'] : ['ignore', log, log],
    });
    fs.closeSync(log);
    return new Program(name, child);
  }

  private constructor(
    readonly name: string,
    readonly process: ChildProcess,
  ) {
    this.exited = new Promise((resolve) => process.once('exit', () => resolve()));
  }

  get running(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.running) this.process.kill(signal);
    await this.exited;
  }
}

function inNamespace(command: string[], options: ProgramOptions): string[] {
  const enter = options.netns ? ['nsenter', `--net=/run/netns/${options.netns}`] : [];
  const become = options.uid ? ['setpriv', `--reuid=${options.uid}`, `--regid=${options.uid}`, '--clear-groups'] : [];
  return [...enter, ...become, ...command];
}

/** Runs a program to its end and returns what it printed. */
export function run(command: string[], options: ProgramOptions & { input?: string } = {}): Promise<string> {
  const [file, ...args] = inNamespace(command, options);
  const env = { PATH: process.env.PATH, ...options.env };
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { cwd: options.cwd, env, maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${command.slice(0, 4).join(' ')} failed: ${stderr || stdout || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.end(options.input);
  });
}

/** Asks again until there is an answer that is not `undefined`, `false` or an error. */
export async function eventually<T>(what: string, seconds: number, ask: () => Promise<T | undefined | false>): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
    } catch (error) {
      lastError = error;
    }
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`, { cause: lastError });
    await sleep(100);
  }
}
