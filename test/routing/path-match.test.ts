import { PathMatch } from 'cdk8s-istio';
import fc from 'fast-check';
import { accepts } from '../../lib/routing/string-match';
import { refusal } from '../support/synth';

const holds = (match: PathMatch, path: string) => match._toMatches().some(({ uri = {} }) => accepts(uri, path));

describe('a condition on the path', () => {
  test.each([
    [PathMatch.exact('/shop'), { uri: { exact: '/shop' } }],
    [PathMatch.prefix('/'), { uri: { prefix: '/' } }],
    [PathMatch.exact('/Shop', { ignoreCase: true }), { uri: { exact: '/Shop' }, ignoreUriCase: true }],
    [PathMatch.prefix('/Shop', { ignoreCase: false }), { uri: { prefix: '/Shop' } }],
    [PathMatch.regex('/v[12]/.*'), { uri: { regex: '/v[12]/.*' } }],
    [PathMatch.template('/otusapp/{*}/whoiam'), { uri: { regex: '^/otusapp/[^/]+/whoiam$' } }],
    [PathMatch.template('/a.b/{**}'), { uri: { regex: '^/a\\.b/.*$' } }],
  ])('is written as Istio reads it', (match, expected) => {
    expect(match._toMatches()).toEqual([expected]);
  });

  test.each([
    ['', "it must begin with '/'"],
    ['shop', "it must begin with '/'"],
    [' /shop', "it must begin with '/'"],
    ['/shop?x=1', "'?' and '#' are not part of the path; match a query with QueryMatch"],
    ['/shop#top', "'?' and '#' are not part of the path; match a query with QueryMatch"],
    ['/a b', 'it holds a blank or a control character, which no path does'],
    ['/a\n', 'it holds a blank or a control character, which no path does'],
    ['/a\u0000', 'it holds a blank or a control character, which no path does'],
    ['/café', 'clients send characters beyond ASCII percent-encoded; write them so'],
    ['/\u{1f600}', 'clients send characters beyond ASCII percent-encoded; write them so'],
    ['/users/{id}', "braces belong to PathMatch.template, where '{*}' is one segment and '{**}' any number"],
  ])('is refused for %j', (path, why) => {
    expect(refusal(() => PathMatch.exact(path))).toBe(`path is '${path}'; ${why} (invalid-path)`);
    expect(refusal(() => PathMatch.prefix(path))).toBe(`path is '${path}'; ${why} (invalid-path)`);
    expect(refusal(() => PathMatch.below(path))).toBe(`path is '${path}'; ${why} (invalid-path)`);
  });

  test('takes what is percent-encoded', () => {
    expect(PathMatch.exact('/caf%C3%A9')._toMatches()).toEqual([{ uri: { exact: '/caf%C3%A9' } }]);
  });
});

describe('a path and all below it', () => {
  test.each(['/cart', '/cart/'])('is %s and whole segments behind it', (path) => {
    const cart = PathMatch.below(path);
    expect(['/cart', '/cart/', '/cart/a', '/cart/a/b'].filter((request) => !holds(cart, request))).toEqual([]);
    expect(['/', '/car', '/cartoon', '/a/cart', '/Cart'].filter((request) => holds(cart, request))).toEqual([]);
  });

  test('is every path below the root', () => {
    expect(PathMatch.below('/')._toMatches()).toEqual([{ uri: { prefix: '/' } }]);
  });

  test('may ignore case', () => {
    expect(PathMatch.below('/Cart', { ignoreCase: true })._toMatches()).toEqual([
      { uri: { exact: '/Cart' }, ignoreUriCase: true },
      { uri: { prefix: '/Cart/' }, ignoreUriCase: true },
    ]);
  });
});

describe('an expression for the path', () => {
  test('is refused where no path begins so', () => {
    expect(refusal(() => PathMatch.regex('shop/.*'))).toBe(
      "path regex is 'shop/.*', which asks for 'shop/' first; every path begins with '/' (invalid-path)",
    );
  });

  test.each([
    ['', 'it is empty'],
    ['(', 'missing closing ): `(`'],
    ['(?=/a)', 'invalid or unsupported Perl syntax: `(?=`'],
    ['/a(?!b)', 'invalid or unsupported Perl syntax: `(?!`'],
  ])('is refused where RE2 refuses it, with the reason: %j', (regex, mistake) => {
    expect(refusal(() => PathMatch.regex(regex))).toBe(
      `path regex is '${regex}', which is no RE2 expression (${mistake}); see https://github.com/google/re2/wiki/Syntax (invalid-regex)`,
    );
  });
});

describe('a template', () => {
  const whoami = PathMatch.template('/otusapp/{*}/whoiam');

  test.each(['/otusapp/kkeker/whoiam', '/otusapp/-/whoiam', '/otusapp/%2F/whoiam'])('matches %s', (path) => {
    expect(holds(whoami, path)).toBe(true);
  });

  test.each([
    '/otusapp//whoiam',
    '/otusapp/a/b/whoiam',
    '/otusapp/a/whoiam/',
    '/otusapp/a/whoiamx',
    '/x/otusapp/a/whoiam',
    '/otusapp/whoiam',
  ])('does not match %s', (path) => {
    expect(holds(whoami, path)).toBe(false);
  });

  test('takes any number of characters for {**}', () => {
    const match = PathMatch.template('/a/{**}/z');
    expect(['/a/b/z', '/a/b/c/z', '/a//z'].map((path) => holds(match, path))).toEqual([true, true, true]);
    expect(['/a/z', '/a/b/c'].map((path) => holds(match, path))).toEqual([false, false]);
  });

  test('means by {*} one segment of whatever characters', () => {
    const segment = fc.string({ unit: fc.constantFrom('a', '.', '+', '/', '\\', '%'), maxLength: 4 });
    fc.assert(
      fc.property(segment, (text) => {
        expect(holds(PathMatch.template('/a.+(b)/{*}'), `/a.+(b)/${text}`)).toBe(text !== '' && !text.includes('/'));
      }),
    );
  });

  test.each(['{*}/a', '', 'a/{*}', '{**}'])('is refused for %j, which does not begin with a slash', (template) => {
    expect(refusal(() => PathMatch.template(template))).toContain("it must begin with '/' (invalid-path)");
  });

  test.each(['/{id}', '/{*', '/{***}', '/a}'])('is refused for %j, whose braces mean nothing', (template) => {
    expect(refusal(() => PathMatch.template(template))).toContain(
      "braces belong to PathMatch.template, where '{*}' is one segment and '{**}' any number (invalid-path)",
    );
  });

  test('is refused where it is longer than Istio takes', () => {
    expect(refusal(() => PathMatch.template(`/${'a'.repeat(1022)}`))).toBe(
      'path template has 1025 bytes; Istio takes at most 1024 (invalid-regex)',
    );
  });
});
