import { Chart } from 'cdk8s';
import fc from 'fast-check';
import { requireSplit } from '../../lib/routing/traffic-split';
import { meshApp, refusal } from '../support/synth';

const construct = new Chart(meshApp(), 'shop');
const split = (shares: { [version: string]: number }, versions = ['v1', 'v2', 'v3']) => [
  ...requireSplit('split', shares, versions, construct),
];

describe('a split', () => {
  test('follows the order of the versions, not the order in which it was written', () => {
    expect(split({ v3: 20, v1: 80 })).toEqual([
      ['v1', 80],
      ['v3', 20],
    ]);
  });

  test('may leave a version out, or give it nothing', () => {
    expect(split({ v2: 100 })).toEqual([['v2', 100]]);
    expect(split({ v1: 100, v2: 0 })).toEqual([
      ['v1', 100],
      ['v2', 0],
    ]);
  });

  test.each([
    [{ v1: 90, v2: 20 }, 'split sums to 110 percent (v1: 90, v2: 20); it must sum to 100 (invalid-split)'],
    [{ v1: 90 }, 'split sums to 90 percent (v1: 90); it must sum to 100 (invalid-split)'],
    [{}, 'split sums to 0 percent (none); it must sum to 100 (invalid-split)'],
    [
      { v1: 99.5, v2: 0.5 },
      "split gives 99.5 percent to version 'v1'; allowed are whole percentages from 0 to 100 (invalid-split)",
    ],
    [{ v1: 101, v2: -1 }, "split gives 101 percent to version 'v1'; allowed are whole percentages from 0 to 100 (invalid-split)"],
    [{ v1: Number.NaN }, "split gives NaN percent to version 'v1'; allowed are whole percentages from 0 to 100 (invalid-split)"],
    [{ v1: 100, v4: 0 }, "split names version 'v4', which the app does not have; it has v1, v2, v3 (unknown-version)"],
  ])('%j is refused', (shares, message) => {
    expect(refusal(() => split(shares))).toBe(`[shop] ${message}`);
  });

  test('is no fool of names that every object has', () => {
    expect(split({ v1: 100 }, ['v1', 'constructor'])).toEqual([['v1', 100]]);
  });

  test('is taken exactly when its whole percentages sum to 100', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1, 33, 34, 50, 67, 99, 100), { minLength: 1, maxLength: 3 }), (weights) => {
        const shares = Object.fromEntries(weights.map((weight, index) => [`v${index + 1}`, weight]));
        const isWhole = weights.reduce<number>((sum, weight) => sum + weight, 0) === 100;
        if (isWhole) {
          expect(split(shares)).toEqual(Object.entries(shares));
        } else {
          expect(refusal(() => split(shares))).toContain('(invalid-split)');
        }
      }),
    );
  });
});
