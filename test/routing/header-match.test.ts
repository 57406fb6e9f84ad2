import { HeaderMatch } from 'cdk8s-istio';
import { accepts } from '../../lib/routing/string-match';
import { refusal } from '../support/synth';

describe('a condition on a header', () => {
  test.each([
    [HeaderMatch.exact('X-User', 'Jane'), { headers: { 'x-user': { exact: 'Jane' } } }],
    [HeaderMatch.exact('x', ''), { headers: { x: { exact: '' } } }],
    [HeaderMatch.prefix('x', 'Ja'), { headers: { x: { prefix: 'Ja' } } }],
    [HeaderMatch.regex('x', '^J.+e$'), { headers: { x: { regex: '^J.+e$' } } }],
    [HeaderMatch.contains('user-agent', 'Chrome/1.0 (x)'), { headers: { 'user-agent': { regex: '.*Chrome/1\\.0 \\(x\\).*' } } }],
    [HeaderMatch.present('x'), { headers: { x: {} } }],
    [HeaderMatch.absent('X-Bot'), { withoutHeaders: { 'x-bot': {} } }],
    [HeaderMatch.notExact('x', 'a'), { withoutHeaders: { x: { exact: 'a' } } }],
    [HeaderMatch.notRegex('x', 'a+'), { withoutHeaders: { x: { regex: 'a+' } } }],
  ])('is written as Istio reads it, with the name in lower case', (match, expected) => {
    expect(match._toMatches()).toEqual([expected]);
  });

  test('finds characters anywhere', () => {
    const [{ headers }] = HeaderMatch.contains('x', 'a.c')._toMatches();
    expect(['a.c', '-a.c-', 'abc', ''].map((value) => accepts(headers?.x ?? {}, value))).toEqual([true, true, false, false]);
  });

  test.each(['uri', 'scheme', 'method', 'authority', 'Method'])('is refused for %s, which Istio ignores', (name) => {
    expect(refusal(() => HeaderMatch.exact(name, 'x'))).toBe(
      `header '${name}' is ignored by Istio in a match; use PathMatch, MethodMatch or AuthorityMatch (invalid-header)`,
    );
  });

  test.each(['', ' ', 'a b', 'a:b', ':path', 'ä', 'a\nb'])('is refused for the name %j', (name) => {
    expect(refusal(() => HeaderMatch.present(name))).toBe(
      `header name is '${name}'; allowed are letters, digits and !#$%&'*+.^_\`|~- (invalid-header)`,
    );
  });

  test('is refused without any characters to begin with', () => {
    expect(refusal(() => HeaderMatch.prefix('x', ''))).toBe(
      "prefix of header 'x' is ''; it must hold at least one character (invalid-header)",
    );
  });

  test.each([
    [() => HeaderMatch.notRegex('x', '.*'), "regex '.*'"],
    [() => HeaderMatch.notExact('x', ''), "exact ''"],
  ])('is refused where it would exclude requests without the header', (build, what) => {
    expect(refusal(build)).toBe(
      `header 'x' must not be ${what}, which an empty value is; Istio takes a missing header for an empty one, so such requests would not match; use HeaderMatch.absent or a narrower expression (invalid-header)`,
    );
  });

  test.each([
    () => HeaderMatch.regex('x', '(?<!a)b'),
    () => HeaderMatch.notRegex('x', '['),
    () => HeaderMatch.regex('x', 'a\\1'),
  ])('is refused with an expression that RE2 refuses', (build) => {
    expect(refusal(build)).toMatch(/^regex of header 'x' is '.*', which is no RE2 expression \(.+\); .* \(invalid-regex\)$/);
  });

  test('is refused with an expression longer than Istio takes', () => {
    expect(HeaderMatch.regex('x', 'a'.repeat(1024))._toMatches()).toHaveLength(1);
    expect(refusal(() => HeaderMatch.regex('x', 'ä'.repeat(513)))).toBe(
      "regex of header 'x' has 1026 bytes; Istio takes at most 1024 (invalid-regex)",
    );
    expect(refusal(() => HeaderMatch.contains('x', 'a'.repeat(1021)))).toBe(
      "header 'x' has 1025 bytes; Istio takes at most 1024 (invalid-regex)",
    );
  });
});
