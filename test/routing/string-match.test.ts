import fc from 'fast-check';
import { MeshError } from '../../lib/errors';
import { matchesRe2 } from '../../lib/routing/re2';
import { accepts, covers, describe as describeMatch, headOf, intersect, type StringMatch } from '../../lib/routing/string-match';
import { refusal } from '../support/synth';

const value = fc.string({ unit: fc.constantFrom('a', 'b', '/', '.', 'A'), maxLength: 5 });
const regex = fc.constantFrom('a.*', '.*b', '^/a[^/]+$', 'a|b', 'a*b', '(?i)a', '\\.a', 'a?', '/a{2}', '.+');
const match: fc.Arbitrary<StringMatch> = fc.oneof(
  value.map((exact) => ({ exact })),
  value.filter((prefix) => prefix !== '').map((prefix) => ({ prefix })),
  regex.map((regex) => ({ regex })),
  fc.constant({}),
);

describe('two string matches on one value', () => {
  test('hold together exactly when their intersection holds', () => {
    fc.assert(
      fc.property(match, match, value, (a, b, text) => {
        const both = unlessUnsupported(() => intersect('header', a, b));
        if (both !== UNSUPPORTED) {
          expect(both !== undefined && accepts(both, text)).toBe(accepts(a, text) && accepts(b, text));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('meet on paths, which all begin with a slash', () => {
    fc.assert(
      fc.property(match, match, value, (a, b, rest) => {
        const both = unlessUnsupported(() => intersect('path', a, b));
        if (both !== UNSUPPORTED) {
          expect(both !== undefined && accepts(both, `/${rest}`)).toBe(accepts(a, `/${rest}`) && accepts(b, `/${rest}`));
        }
      }),
      { numRuns: 5000 },
    );
  });

  test('hold for each other where one covers the other', () => {
    fc.assert(
      fc.property(match, match, value, (a, b, text) => {
        fc.pre(covers(a, b) && accepts(b, text));
        expect(accepts(a, text)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test('are refused together where Istio has no way to say it', () => {
    expect(refusal(() => intersect("'x-user'", { regex: 'a.*' }, { regex: '.*b' }))).toBe(
      "'x-user' must match both regex 'a.*' and regex '.*b', which Istio cannot say in one route; write the intersection as one expression (unsupported-match)",
    );
    expect(refusal(() => intersect('path', { prefix: '/ab' }, { regex: '/a.*' }))).toContain('unsupported-match');
  });

  test('need no expression where it begins as the prefix asks, or otherwise', () => {
    const template = { regex: '^/shop/[^/]+/cart$' };
    expect(intersect('path', template, { prefix: '/shop/' })).toEqual(template);
    expect(intersect('path', { prefix: '/.well-known/' }, template)).toBeUndefined();
    expect(intersect('path', { prefix: '/' }, { regex: '(/a|/b)' })).toEqual({ regex: '(/a|/b)' });
  });
});

describe('the beginning that an expression asks for', () => {
  test.each([
    ['^/shop/[^/]+$', '/shop/'],
    ['/a\\.b', '/a.b'],
    ['/ab*', '/a'],
    ['/ab?c', '/a'],
    ['/a{2}', '/'],
    ['/a|/b', ''],
    ['(?i)/a', ''],
    ['\\d+', ''],
    ['.*', ''],
    ['/a\\.*', '/a'],
    ['', ''],
  ])('%s is %j', (expression, head) => {
    expect(headOf({ regex: expression })).toBe(head);
  });

  test('is the beginning of every value', () => {
    fc.assert(
      fc.property(regex, value, (expression, text) => {
        fc.pre(matchesRe2(expression, text));
        expect(text.startsWith(headOf({ regex: expression }))).toBe(true);
      }),
    );
  });

  test('is the value of an exact match and the prefix of a prefix match', () => {
    expect(headOf({ exact: '/a' })).toBe('/a');
    expect(headOf({ prefix: '/b' })).toBe('/b');
    expect(headOf({})).toBe('');
  });
});

test('a match is described in words of Istio', () => {
  expect([{ exact: '' }, { prefix: '/a' }, { regex: '.+' }, {}].map(describeMatch)).toEqual([
    "exact ''",
    "prefix '/a'",
    "regex '.+'",
    'present',
  ]);
});

const UNSUPPORTED = Symbol('unsupported');

function unlessUnsupported<T>(compute: () => T): T | typeof UNSUPPORTED {
  try {
    return compute();
  } catch (error) {
    if (error instanceof MeshError) {
      return UNSUPPORTED;
    }
    throw error;
  }
}
