import { AuthorityMatch, HttpMethod, MethodMatch, PortMatch } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('a condition on the method', () => {
  test('is one entry for each method', () => {
    expect(MethodMatch.oneOf(...Object.values(HttpMethod))._toMatches()).toEqual(
      ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE'].map((exact) => ({ method: { exact } })),
    );
  });

  test('is refused without any method, which would stand for every request', () => {
    expect(refusal(() => MethodMatch.oneOf())).toBe(
      'oneOf() names no method, which no request satisfies; name at least one (impossible-match)',
    );
  });
});

describe('a condition on the authority', () => {
  test.each([
    [AuthorityMatch.exact('shop.example.com'), { exact: 'shop.example.com' }],
    [AuthorityMatch.exact('shop.example.com:8080'), { exact: 'shop.example.com:8080' }],
    [AuthorityMatch.prefix('shop.'), { prefix: 'shop.' }],
    [AuthorityMatch.regex('[a-z]+\\.example\\.com(:\\d+)?'), { regex: '[a-z]+\\.example\\.com(:\\d+)?' }],
  ])('is written as Istio reads it', (match, authority) => {
    expect(match._toMatches()).toEqual([{ authority }]);
  });

  test.each(['', 'Shop.example.com', 'a b', 'a..b', '-a', 'a/b', `${'a'.repeat(64)}.com`])(
    'is refused for %j, which is no host',
    (host) => {
      expect(refusal(() => AuthorityMatch.exact(host))).toBe(
        `host is '${host}'; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label (invalid-host)`,
      );
    },
  );

  test('is refused for a pattern, which no request names', () => {
    expect(refusal(() => AuthorityMatch.exact('*.example.com'))).toBe(
      "host is '*.example.com'; '*' stands for many hosts, and here one is needed (invalid-host)",
    );
    expect(refusal(() => AuthorityMatch.prefix(''))).toBe(
      "prefix of the authority is ''; it must hold at least one character (invalid-host)",
    );
    expect(refusal(() => AuthorityMatch.regex('*'))).toContain("authority regex is '*', which is no RE2 expression");
  });
});

describe('a condition on the port', () => {
  test('is a number', () => {
    expect(PortMatch.of(65535)._toMatches()).toEqual([{ port: 65535 }]);
  });

  test.each([0, -1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('is refused for %p', (port) => {
    expect(refusal(() => PortMatch.of(port))).toBe(`port is ${port}; allowed are whole numbers from 1 to 65535 (out-of-range)`);
  });
});
