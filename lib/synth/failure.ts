import * as fs from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshError } from '../errors';

/** This library's own files, whose lines mean nothing to its users. */
const LIBRARY = path.dirname(__dirname) + path.sep;

/**
 * From now on an error that nobody catches is printed for a person: the message and the line of the user's own code, no stack.
 * The process then ends with exit code 1, as it would without this.
 *
 * An error that is neither ours nor a plain `Error` (a `TypeError`, say) is a mistake in a program and keeps its stack;
 * so does every error with `--stack` on the command line. Where somebody else listens for uncaught errors, they have the say.
 */
export function explainUncaughtErrors(): void {
  if (process.listenerCount('uncaughtException') === 0) {
    process.on('uncaughtException', explain);
  }
}

function explain(error: unknown): void {
  if (process.listenerCount('uncaughtException') > 1) {
    return;
  }
  fs.writeSync(process.stderr.fd, `${explanation(error, process.argv.includes('--stack'))}\n`);
  process.exit(1);
}

/**
 * What is printed for an error.
 *
 * @param error what was thrown
 * @param stack whether the stack is wanted
 */
export function explanation(error: unknown, stack: boolean): string {
  if (!(error instanceof Error)) {
    return `error: ${String(error)}`;
  }
  const mistake = error instanceof MeshError || error.constructor === Error;
  if (stack || !mistake) {
    return `error: ${withCauses(error)}`;
  }
  const line = ownLine(innermost(error)) ?? ownLine(error);
  return `error: ${error.message}${line === undefined ? '' : `\n  at ${line}`}`;
}

function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error;
}

function withCauses(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack;
}

/** The first line of a stack in code of the user: `systems/otus.ts:23:5`. */
export function ownLine(error?: Error): string | undefined {
  const frames = (error?.stack ?? '').split('\n').map((frame) => /^ +at (?:.* )?\(?(.+):(\d+):(\d+)\)?$/.exec(frame));
  for (const frame of frames) {
    const file = frame?.[1].startsWith('file:') ? fileURLToPath(frame[1]) : frame?.[1];
    if (
      frame &&
      file &&
      path.isAbsolute(file) &&
      !file.includes(`${path.sep}node_modules${path.sep}`) &&
      !file.startsWith(LIBRARY)
    ) {
      return `${path.relative('', file)}:${frame[2]}:${frame[3]}`;
    }
  }
  return undefined;
}
