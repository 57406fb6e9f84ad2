import type { Outcome } from './scenarios/scenario';

const nameWidth = 52;
const expectedWidth = 36;

/** Prints the table row by row, as the outcomes come, and keeps count. */
export class Report {
  private passed = 0;
  private failed = 0;

  section(title: string): void {
    console.log(`\n${title}`);
    console.log(row(' ', 'scenario', 'expected', 'measured'));
  }

  add({ name, expected, measured, holds }: Outcome): void {
    if (holds) this.passed += 1;
    else this.failed += 1;
    console.log(row(holds ? '✓' : '✗', name, expected, measured));
  }

  get missed(): boolean {
    return this.failed > 0;
  }

  summary(): void {
    console.log(`\n${this.passed} passed, ${this.failed} failed`);
  }
}

function row(mark: string, name: string, expected: string, measured: string): string {
  return `${mark} ${name.padEnd(nameWidth)}  ${expected.padEnd(expectedWidth)}  ${measured}`;
}
