import { Cookie, HeaderMatch, type RequestMatch } from 'cdk8s-istio';
import fc from 'fast-check';
import { accepts } from '../../lib/routing/string-match';
import { refusal } from '../support/synth';

const regexOf = (match: RequestMatch) => match._toMatches()[0].headers?.cookie.regex ?? '';
const holds = (match: RequestMatch, header: string) => accepts({ regex: regexOf(match) }, header);

describe('Cookie.equals', () => {
  const developer = Cookie.equals('user', 'developer');

  test('writes the expression that the header is held against', () => {
    expect(developer._toMatches()).toEqual([{ headers: { cookie: { regex: '^(.*;\\s*)?user=developer(\\s*;.*)?$' } } }]);
  });

  test.each([
    'user=developer',
    'user=developer;',
    'user=developer; ',
    'user=developer;theme=dark',
    'user=developer; theme=dark',
    'user=developer ; theme=dark',
    'theme=dark;user=developer',
    'theme=dark; user=developer',
    'theme=dark;   user=developer; lang=en',
    'theme=dark;\tuser=developer',
    'user=other; user=developer',
    'x=user=other; user=developer',
  ])('matches %j', (header) => {
    expect(holds(developer, header)).toBe(true);
  });

  test.each([
    '',
    'user=',
    'user=developers',
    'user=developer2; theme=dark',
    'xuser=developer',
    'theme=dark; xuser=developer',
    'theme=user=developer',
    'user=Developer',
    'User=developer',
    'user =developer',
    'user="developer"',
    'theme=dark user=developer',
    'user=developer, theme=dark',
  ])('does not match %j', (header) => {
    expect(holds(developer, header)).toBe(false);
  });

  test('takes special characters as they are', () => {
    const match = Cookie.equals('a.b', '1+1=(2)|[3]*$^{}?');
    expect(holds(match, 'a.b=1+1=(2)|[3]*$^{}?')).toBe(true);
    expect(holds(match, 'aXb=1+1=(2)|[3]*$^{}?')).toBe(false);
    expect(holds(match, 'a.b=11=2')).toBe(false);
  });

  test('agrees with a parser of cookies on random headers', () => {
    const name = fc.constantFrom('user', 'User', 'xuser', 'a');
    const value = fc.constantFrom('developer', 'developers', '', 'x=developer', 'dev');
    const separator = fc.constantFrom(';', '; ', ' ;', ';  ');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value, separator), { maxLength: 4 }), (cookies) => {
        const header = cookies.map(([key, text, end]) => `${key}=${text}${end}`).join('');
        const parsed = header.split(';').map((pair) => pair.trim());
        expect(holds(developer, header)).toBe(parsed.includes('user=developer'));
        expect(holds(Cookie.present('user'), header)).toBe(parsed.some((pair) => pair.startsWith('user=')));
        expect(holds(Cookie.regex('user', 'dev[^;]*'), header)).toBe(parsed.some((pair) => /^user=dev/.test(pair)));
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['a b', 'a;b', 'a,b', 'a"b', 'a\\b', 'a\nb', 'a\u0000b'])('refuses the value %j, which no cookie holds', (value) => {
    expect(refusal(() => Cookie.equals('user', value))).toBe(
      `value of cookie 'user' is '${value}'; a cookie holds no blank, comma, semicolon, quote or backslash (invalid-header)`,
    );
  });

  test.each(['', 'a b', 'a=b', 'a;b', 'ü'])('refuses the name %j', (name) => {
    expect(refusal(() => Cookie.equals(name, 'x'))).toBe(
      `header name is '${name}'; allowed are letters, digits and !#$%&'*+.^_\`|~- (invalid-header)`,
    );
  });

  test('refuses a value that makes the expression longer than Istio takes', () => {
    expect(refusal(() => Cookie.equals('user', 'x'.repeat(1000)))).toBe(
      "regex for cookie 'user' has 1025 bytes; Istio takes at most 1024 (invalid-regex)",
    );
  });
});

describe('Cookie.present', () => {
  test('matches every value, the empty one too', () => {
    expect(['user=', 'user=x', 'a=b; user=x; c=d'].map((header) => holds(Cookie.present('user'), header))).toEqual([
      true,
      true,
      true,
    ]);
    expect(['', 'xuser=x', 'a=user'].map((header) => holds(Cookie.present('user'), header))).toEqual([false, false, false]);
  });
});

describe('Cookie.regex', () => {
  test('covers the whole value', () => {
    const match = Cookie.regex('user', 'dev|test');
    expect(['user=dev', 'a=b; user=test; c=d'].map((header) => holds(match, header))).toEqual([true, true]);
    expect(['user=devs', 'user=atest', 'dev'].map((header) => holds(match, header))).toEqual([false, false, false]);
  });

  test('refuses what RE2 refuses', () => {
    expect(refusal(() => Cookie.regex('user', '(?=x)'))).toBe(
      "regex of cookie 'user' is '(?=x)', which is no RE2 expression (invalid or unsupported Perl syntax: `(?=`); see https://github.com/google/re2/wiki/Syntax (invalid-regex)",
    );
    expect(refusal(() => Cookie.regex('user', ''))).toContain('(invalid-regex)');
  });

  test.each(['^dev$', '^dev', 'dev$', '$'])('refuses the anchors in %j, which would never match', (regex) => {
    expect(refusal(() => Cookie.regex('user', regex))).toBe(
      `regex of cookie 'user' is '${regex}'; it covers the whole value as it is, so leave out '^' and '$', which never match inside the header (invalid-regex)`,
    );
  });

  test('takes a dollar sign of the value', () => {
    expect(holds(Cookie.regex('user', 'a\\$'), 'user=a$')).toBe(true);
  });
});

test('a cookie goes together with other headers', () => {
  expect(Cookie.present('a').and(HeaderMatch.exact('x', 'y'))._toMatches()[0].headers).toEqual({
    cookie: { regex: '^(.*;\\s*)?a=[^;]*(\\s*;.*)?$' },
    x: { exact: 'y' },
  });
});
