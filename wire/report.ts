import type { Outcome } from './scenarios/scenario';

const widths = [48, 44, 60];

/** Prints the table row by row, as the outcomes come, and keeps count. */
export class Report {
  private passed = 0;
  private failed = 0;
  private readonly started = Date.now();

  section(title: string): void {
    console.log(`\n${title}`);
    console.log(row(' ', 'scenario', 'expected', 'measured'));
  }

  add({ name, expected, measured, holds }: Outcome): void {
    if (holds) this.passed += 1;
    else this.failed += 1;
    console.log(row(holds ? '✓' : '✗', name, expected, measured === expected ? 'as expected' : measured));
  }

  get missed(): boolean {
    return this.failed > 0;
  }

  summary(): void {
    const seconds = Math.round((Date.now() - this.started) / 1000);
    console.log(`\n${this.passed} passed, ${this.failed} failed, in ${Math.floor(seconds / 60)} min ${seconds % 60} s`);
  }
}

/** Texts that are too long for their column go on in the next line. */
function row(mark: string, ...texts: string[]): string {
  const columns = texts.map((text, index) => wrap(text, widths[index]));
  const height = Math.max(...columns.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => {
    const cells = columns.map((lines, index) => (lines[line] ?? '').padEnd(widths[index]));
    return `${line === 0 ? mark : ' '} ${cells.join('  ')}`.trimEnd();
  }).join('\n');
}

/** Breaks at blanks, and in the middle of what has none. */
function wrap(text: string, width: number): string[] {
  return text.match(new RegExp(`\\S.{0,${width - 1}}(?!\\S)|\\S{1,${width}}`, 'gs'))?.map((line) => line.trimEnd()) ?? [];
}
