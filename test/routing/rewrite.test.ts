import { PathMatch, type RequestMatch, Rewrite } from 'cdk8s-istio';
import { refusal } from '../support/synth';

const render = (rewrite: Rewrite, when?: RequestMatch) => rewrite._render(when?._toMatches() ?? []);

describe('Rewrite.path', () => {
  test.each<[string, RequestMatch]>([
    ['exact', PathMatch.exact('/a')],
    ['expression', PathMatch.template('/a/{*}')],
    ['both', PathMatch.exact('/a').or(PathMatch.regex('/b.*'))],
  ])('replaces the whole path under a match that covers it: %s', (_kind, when) => {
    expect(render(Rewrite.path('/b'), when)).toEqual({ uri: '/b' });
  });

  test.each<[string, RequestMatch | undefined]>([
    ['prefix', PathMatch.prefix('/a')],
    ['no path', undefined],
    ['a prefix among others', PathMatch.exact('/a').or(PathMatch.prefix('/b'))],
  ])('replaces the whole path where Istio would swap a prefix: %s', (_kind, when) => {
    expect(render(Rewrite.path('/b'), when)).toEqual({ uriRegexRewrite: { match: '^.*$', rewrite: '/b' } });
  });

  test('takes a backslash as it is', () => {
    expect(render(Rewrite.path('/a\\1'))).toEqual({ uriRegexRewrite: { match: '^.*$', rewrite: '/a\\\\1' } });
    expect(refusal(() => Rewrite.path('b'))).toBe("path is 'b'; it must begin with '/' (invalid-path)");
  });
});

describe('Rewrite.prefix', () => {
  test('swaps the prefix that is matched', () => {
    expect(render(Rewrite.prefix('/b/'), PathMatch.prefix('/a/'))).toEqual({ uri: '/b/' });
    expect(render(Rewrite.prefix('/b'), PathMatch.prefix('/a').or(PathMatch.prefix('/c')))).toEqual({ uri: '/b' });
  });

  test('replaces a path that is matched exactly', () => {
    expect(render(Rewrite.prefix('/b'), PathMatch.prefix('/a').or(PathMatch.exact('/c')))).toEqual({ uri: '/b' });
    expect(render(Rewrite.prefix('/b/'), PathMatch.exact('/a'))).toEqual({ uri: '/b/' });
  });

  test.each(['/', '/store/'])('makes %s of a path and what is below it', (to) => {
    expect(render(Rewrite.prefix(to), PathMatch.below('/cart'))).toEqual({ uri: to });
    expect(refusal(() => render(Rewrite.prefix('/store'), PathMatch.below('/cart')))).toContain("'/cart/a' becomes '/storea'");
  });

  test('is refused without a match by prefix', () => {
    expect(refusal(() => render(Rewrite.prefix('/b')))).toBe(
      "the route rewrites the prefix to '/b' but matches every path; match with PathMatch.prefix or PathMatch.below, or use Rewrite.path or Redirect.path (unsupported-rewrite)",
    );
    expect(refusal(() => render(Rewrite.prefix('/b'), PathMatch.prefix('/a').or(PathMatch.regex('/c.*'))))).toContain(
      "but matches path regex '/c.*'",
    );
  });

  test.each([
    ['/shop/', '/', undefined],
    ['/shop', '/cart', undefined],
    ['/', '/shop/', undefined],
    ['/shop', '/', "prefix '/shop' becomes '/', so '/shop/a' becomes '//a'; end both with '/' or neither (unsupported-rewrite)"],
    [
      '/shop/',
      '/cart',
      "prefix '/shop/' becomes '/cart', so '/shop/a' becomes '/carta'; end both with '/' or neither (unsupported-rewrite)",
    ],
  ])('heeds the slashes between %s and %s', (from, to, message) => {
    const build = () => render(Rewrite.prefix(to), PathMatch.prefix(from));
    expect(message === undefined ? build() : refusal(build)).toEqual(message ?? { uri: to });
  });
});

describe('Rewrite.regex', () => {
  test('substitutes, with groups and backslashes', () => {
    expect(render(Rewrite.regex('^/users/([^/]+)/(.*)$', '/\\2?id=\\1\\\\\\0'))).toEqual({
      uriRegexRewrite: { match: '^/users/([^/]+)/(.*)$', rewrite: '/\\2?id=\\1\\\\\\0' },
    });
  });

  test('is refused where Istio or Envoy would', () => {
    expect(refusal(() => Rewrite.regex('(', '/'))).toContain("rewrite regex is '(', which is no RE2 expression");
    expect(refusal(() => Rewrite.regex('/a', ''))).toBe(
      "substitution for '/a' is empty, which Istio refuses; write the path that is left, such as '/' (invalid-regex)",
    );
    expect(refusal(() => Rewrite.regex('/(a)', '/\\2'))).toBe(
      "substitution for '/(a)' is '/\\2', and '\\2' names none of its 1 groups (invalid-regex)",
    );
    expect(refusal(() => Rewrite.regex('/a', '/\\'))).toBe(
      "substitution for '/a' is '/\\', and '\\' names none of its 0 groups (invalid-regex)",
    );
    expect(refusal(() => Rewrite.regex('/a', '/\\n'))).toContain("'\\n' names none");
  });
});

describe('Rewrite.authority', () => {
  test('stands alone or beside a path', () => {
    expect(render(Rewrite.authority('inner.example.com'))).toEqual({ authority: 'inner.example.com' });
    expect(render(Rewrite.path('/b').withAuthority('inner.example.com'), PathMatch.exact('/a'))).toEqual({
      uri: '/b',
      authority: 'inner.example.com',
    });
  });

  test('leaves the rewrite that it was made from as it is', () => {
    const rewrite = Rewrite.path('/b');
    rewrite.withAuthority('inner.example.com');
    expect(render(rewrite, PathMatch.exact('/a'))).toEqual({ uri: '/b' });
  });

  test('is refused for what is no single host', () => {
    expect(refusal(() => Rewrite.authority('*'))).toBe(
      "host is '*'; '*' stands for many hosts, and here one is needed (invalid-host)",
    );
    expect(refusal(() => Rewrite.path('/').withAuthority('a b'))).toContain("host is 'a b'; allowed are lower-case DNS names");
  });
});
