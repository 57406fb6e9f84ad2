import { QueryMatch } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('a condition on a parameter of the query', () => {
  test.each([
    [QueryMatch.exact('Version', 'v2'), { exact: 'v2' }],
    [QueryMatch.prefix('Version', 'v'), { prefix: 'v' }],
    [QueryMatch.regex('Version', 'v\\d'), { regex: 'v\\d' }],
    [QueryMatch.present('Version'), {}],
  ])('is written as Istio reads it, with the name as it is', (match, expected) => {
    expect(match._toMatches()).toEqual([{ queryParams: { Version: expected } }]);
  });

  test.each(['', 'a b', 'a=b', 'a&b', '?a', 'a#'])('is refused for the name %j', (name) => {
    expect(refusal(() => QueryMatch.present(name))).toBe(
      `query parameter is '${name}'; it must not be empty or hold blanks, '&', '=', '#', '?' (invalid-query)`,
    );
  });

  test('is refused without any characters to begin with, and with a bad expression', () => {
    expect(refusal(() => QueryMatch.prefix('q', ''))).toBe(
      "prefix of query parameter 'q' is ''; it must hold at least one character (invalid-query)",
    );
    expect(refusal(() => QueryMatch.regex('q', '('))).toContain(
      "regex of query parameter 'q' is '(', which is no RE2 expression",
    );
  });
});
