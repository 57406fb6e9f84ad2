import type { Changes } from './replace';

/** So many files are named; the rest is counted. */
const MAX_NAMED = 40;

/** Progress is shown for what takes longer than this, in milliseconds, and as often. */
const PROGRESS_EVERY = { first: 1000, next: 100 };

/**
 * What a person sees of a synthesis, on stderr: one line per file that changed, then a summary.
 * On a terminal also a progress line, while it takes long.
 */
export class Report {
  private readonly start = performance.now();
  private readonly terminal = process.stderr.isTTY === true;
  private nextProgress = this.start + PROGRESS_EVERY.first;
  private progressShown = false;

  /**
   * @param quiet print nothing at all
   */
  constructor(private readonly quiet: boolean) {}

  /** Tells that so many of all objects are rendered. */
  public progress(done: number, all: number): void {
    if (this.terminal && !this.quiet && done % 64 === 0 && performance.now() > this.nextProgress) {
      process.stderr.write(`\r${done} of ${all} objects`);
      this.nextProgress = performance.now() + PROGRESS_EVERY.next;
      this.progressShown = true;
    }
  }

  /** Removes the progress line, so that whatever is printed next begins on an empty line. */
  public clear(): void {
    if (this.progressShown) {
      process.stderr.write('\r\x1b[K');
      this.progressShown = false;
    }
  }

  /** Prints the changes and the summary. */
  public summary(outdir: string, objects: number, files: number, changes: Changes): void {
    if (this.quiet) {
      return;
    }
    this.clear();
    const lines = [
      ...changes.added.map((file) => this.line('+', GREEN, file)),
      ...changes.changed.map((file) => this.line('~', YELLOW, file)),
      ...changes.removed.map((file) => this.line('-', RED, file)),
    ];
    const named = lines.length <= MAX_NAMED ? lines : [...lines.slice(0, MAX_NAMED), `… and ${lines.length - MAX_NAMED} more`];
    const counts = [
      [changes.added.length, 'added'],
      [changes.changed.length, 'changed'],
      [changes.removed.length, 'removed'],
    ].flatMap(([count, what]) => (count === 0 ? [] : [`${count} ${what}`]));
    const seconds = ((performance.now() - this.start) / 1000).toFixed(2);
    const size = `${plural(objects, 'object')} in ${plural(files, 'file')}`;
    process.stderr.write(
      `${[...named, `${outdir}: ${size}, ${counts.join(', ') || 'nothing changed'} (${seconds} s)`].join('\n')}\n`,
    );
  }

  private line(mark: string, colour: number, file: string): string {
    const coloured = this.terminal && !process.env.NO_COLOR;
    return coloured ? `\x1b[${colour}m${mark} ${file}\x1b[0m` : `${mark} ${file}`;
  }
}

const RED = 31;
const GREEN = 32;
const YELLOW = 33;

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
