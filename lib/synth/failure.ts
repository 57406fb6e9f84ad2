import * as fs from 'node:fs';
import { SourceMap } from 'node:module';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MeshError } from '../errors';

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

/** Node adds a listener of this name beside any other where `domain` is loaded, as it is under ts-node; it handles no error. */
const NODES_OWN = 'domainUncaughtExceptionClear';

function explain(error: unknown): void {
  const others = process.listeners('uncaughtException').filter((listener) => listener !== explain && listener.name !== NODES_OWN);
  if (others.length > 0) {
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
  const [inner, outer] = [ownLines(innermost(error)), ownLines(error)];
  return [`error: ${error.message}`, ...(inner.length > 0 ? inner : outer).map((line) => `  at ${line}`)].join('\n');
}

function innermost(error: Error): Error {
  return error.cause instanceof Error ? innermost(error.cause) : error;
}

function withCauses(error: Error): string {
  const stack = stackOf(error);
  return error.cause instanceof Error ? `${stack}\ncaused by: ${withCauses(error.cause)}` : stack;
}

/** So many lines lead from a constructor through a factory or two to the place that is to change. */
const SHOWN_LINES = 3;

/** The lines of a stack in code of the user, the place first and then who called it: `systems/otus.ts:23:5`. */
export function ownLines(error?: Error): string[] {
  const library = libraryFolder();
  return frames(error)
    .filter(
      ({ file }) =>
        path.isAbsolute(file) && !file.includes(`${path.sep}node_modules${path.sep}`) && !file.startsWith(library + path.sep),
    )
    .filter((frame, index, own) => !isWrapper(frame, own[index - 1]))
    .slice(0, SHOWN_LINES)
    .map(({ file, line, column }) => `${path.relative('', file)}:${line}:${column}`);
}

/**
 * The folder of this library's own files, whose lines mean nothing to its users: two above this file, as stacks name it.
 * `__dirname` would be wrong in a bundle.
 */
function libraryFolder(): string {
  return path.dirname(path.dirname(frames(new Error())[0]?.file ?? __filename));
}

/** A line of a stack: what comes before the place, the place, and the bracket behind it. */
const FRAME = /^( +at (?:[^(\n]+ \(|async )?)(.+):(\d+):(\d+)(\)?)$/gm;

interface Frame {
  readonly where: string;
  readonly file: string;
  readonly line: string;
  readonly column: string;
}

function frames(error?: Error): Frame[] {
  const stack = error === undefined ? '' : stackOf(error);
  return [...stack.matchAll(FRAME)].map(([, where, file, line, column]) => ({ where, file, line, column }));
}

/** tsx puts a function around a module and calls it from the module's last line, which is nobody's code. */
function isWrapper(frame: Frame, inner?: Frame): boolean {
  return (
    inner !== undefined && inner.file === frame.file && /at <anonymous> /.test(inner.where) && /at Object\./.test(frame.where)
  );
}

/**
 * The stack in terms of the sources, where a file has a source map beside it. Node does that too if asked to, but then it reads
 * the maps of all files at the start of every run; here they are read when there is an error to explain.
 */
function stackOf(error: Error): string {
  const maps = new Map<string, SourceMap | undefined>();
  return (error.stack ?? error.message).replace(FRAME, (_, before, place, line, column, after) => {
    // Modules (import, not require) are named by their URL.
    const file = place.startsWith('file:///') ? fileURLToPath(place) : place;
    if (!maps.has(file)) {
      maps.set(file, sourceMapOf(file));
    }
    const entry = maps.get(file)?.findEntry(Number(line) - 1, Number(column) - 1);
    const source =
      entry === undefined || !('originalSource' in entry)
        ? `${file}:${line}:${column}`
        : `${path.resolve(path.dirname(file), entry.originalSource)}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    return `${before}${source}${after}`;
  });
}

function sourceMapOf(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(fs.readFileSync(`${file}.map`, 'utf8')));
  } catch {
    return undefined;
  }
}
