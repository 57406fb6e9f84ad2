import fc from 'fast-check';
import { countGroups, escapeRe2, matchesRe2, mistakeInRe2 } from '../../lib/routing/re2';

test('escaped text matches itself and nothing else', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, other) => {
      expect(matchesRe2(escapeRe2(text), text)).toBe(true);
      expect(matchesRe2(escapeRe2(text), other)).toBe(text === other);
    }),
  );
});

test.each(['a', '(?i)a', '\\pL+', '[[:alpha:]]', '(?P<n>a)', 'a{2,3}?'])('%s is an expression of RE2', (regex) => {
  expect(mistakeInRe2(regex)).toBeUndefined();
});

test.each([
  ['(', 'missing closing ): `(`'],
  ['*', 'missing argument to repetition operator: `*`'],
  ['(?=a)', 'invalid or unsupported Perl syntax: `(?=`'],
  ['(?!a)', 'invalid or unsupported Perl syntax: `(?!`'],
  ['(?<=a)', 'invalid named capture: `(?<=a)`'],
  ['(a)\\1', 'invalid escape sequence: `\\1`'],
  ['a{2000}', 'invalid repeat count: `{2000}`'],
  ['[z-a]', 'invalid character class range: `z-a`'],
])('%s is none: %s', (regex, mistake) => {
  expect(mistakeInRe2(regex)).toBe(mistake);
});

test('an expression covers the whole value', () => {
  expect(matchesRe2('a', 'ab')).toBe(false);
  expect(matchesRe2('^a$', 'a')).toBe(true);
});

test('groups are counted, but for those that capture nothing', () => {
  expect(countGroups('(a)(?:b)(?P<n>c)')).toBe(2);
});
