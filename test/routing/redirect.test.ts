import {
  HttpMethod,
  MethodMatch,
  PathMatch,
  PortMatch,
  Redirect,
  RedirectCode,
  type RedirectOptions,
  type RequestMatch,
} from 'cdk8s-istio';
import { refusal } from '../support/synth';

const HOSTS = ['shop.example.com'];
const render = (redirect: Redirect, when?: RequestMatch, hosts = HOSTS) => redirect._render(when?._toMatches() ?? [], hosts);

describe('a redirect', () => {
  test('is written as Istio reads it, with every option', () => {
    const options: Required<RedirectOptions> = {
      code: RedirectCode.PERMANENT_REDIRECT,
      authority: 'new.example.com',
      scheme: 'https',
      port: 8443,
    };
    expect(render(Redirect.path('/new', options))).toEqual({
      uri: '/new',
      authority: 'new.example.com',
      scheme: 'https',
      port: 8443,
      redirectCode: 308,
    });
  });

  test.each<[Redirect, RequestMatch | undefined, object]>([
    [Redirect.path('/new'), PathMatch.exact('/old'), { uri: '/new', redirectCode: 301 }],
    [
      Redirect.prefix('/new', { code: RedirectCode.FOUND }),
      PathMatch.prefix('/old'),
      { prefixRewrite: '/new', redirectCode: 302 },
    ],
    [Redirect.authority('b.example.com'), undefined, { authority: 'b.example.com', redirectCode: 301 }],
    [Redirect.https(), PortMatch.of(80), { scheme: 'https', redirectCode: 301 }],
    [Redirect.https({ port: 8443 }), PortMatch.of(80), { scheme: 'https', port: 8443, redirectCode: 301 }],
  ])('keeps what is not said: %#', (redirect, when, expected) => {
    expect(render(redirect, when)).toEqual(expected);
  });

  test.each(
    Object.entries({ MOVED_PERMANENTLY: 301, FOUND: 302, SEE_OTHER: 303, TEMPORARY_REDIRECT: 307, PERMANENT_REDIRECT: 308 }),
  )('has the code %s', (name, code) => {
    expect(RedirectCode[code]).toBe(name);
  });

  test('is refused with bad input', () => {
    expect(refusal(() => Redirect.path('new'))).toBe("path is 'new'; it must begin with '/' (invalid-path)");
    expect(refusal(() => Redirect.prefix(''))).toBe("path is ''; it must begin with '/' (invalid-path)");
    expect(refusal(() => Redirect.authority('*.example.com'))).toBe(
      "host is '*.example.com'; '*' stands for many hosts, and here one is needed (invalid-host)",
    );
    expect(refusal(() => Redirect.https({ port: 0 }))).toBe(
      'redirect port is 0; allowed are whole numbers from 1 to 65535 (out-of-range)',
    );
    expect(refusal(() => Redirect.path('/', { scheme: 'ftp' }))).toBe(
      "redirect scheme is 'ftp'; allowed are http, https (out-of-range)",
    );
  });

  test('of a prefix is refused without a match by prefix', () => {
    expect(refusal(() => render(Redirect.prefix('/new'), PathMatch.regex('/old.*')))).toBe(
      "the route redirects the prefix to '/new' but matches path regex '/old.*'; match with PathMatch.prefix or PathMatch.below, or use Rewrite.path or Redirect.path (unsupported-rewrite)",
    );
    expect(refusal(() => render(Redirect.prefix('/new')))).toContain('but matches every path');
  });
});

describe('a redirect that meets its own route again', () => {
  test('is refused with both ends', () => {
    expect(refusal(() => render(Redirect.path('/a/b'), PathMatch.prefix('/a')))).toBe(
      "redirect to path '/a/b' meets its own route again (path prefix '/a'), so a client loops; redirect to a path, host or scheme that the route does not match (redirect-loop)",
    );
  });

  test.each<[string, Redirect, RequestMatch | undefined, string[]]>([
    ['every path', Redirect.path('/a'), undefined, HOSTS],
    ['the same path', Redirect.path('/a'), PathMatch.exact('/a'), HOSTS],
    ['a path in another case', Redirect.path('/A'), PathMatch.exact('/a', { ignoreCase: true }), HOSTS],
    ['a path under the prefix in another case', Redirect.path('/A/b'), PathMatch.prefix('/a', { ignoreCase: true }), HOSTS],
    ['a path of the expression', Redirect.path('/a/c'), PathMatch.template('/a/{*}'), HOSTS],
    ['a longer prefix', Redirect.prefix('/a/b'), PathMatch.prefix('/a'), HOSTS],
    ['a longer prefix in another case', Redirect.prefix('/A/b'), PathMatch.prefix('/a', { ignoreCase: true }), HOSTS],
    ['one of two matches', Redirect.path('/b'), PathMatch.exact('/a').or(PathMatch.exact('/b')), HOSTS],
    ['its own host', Redirect.authority('shop.example.com'), undefined, HOSTS],
    ['a host of the pattern', Redirect.authority('www.example.com'), undefined, ['*.example.com']],
    ['any host', Redirect.authority('else.example.com'), undefined, ['*']],
    ['https', Redirect.https(), undefined, HOSTS],
    ['https on the port of https', Redirect.https(), PortMatch.of(443), HOSTS],
    ['the same port', Redirect.https({ port: 8443 }), PortMatch.of(8443), HOSTS],
    ['its own host under the same expression', Redirect.authority('shop.example.com'), PathMatch.regex('/a+'), HOSTS],
  ])('is refused: %s', (_what, redirect, when, hosts) => {
    expect(refusal(() => render(redirect, when, hosts))).toContain('(redirect-loop)');
  });

  test.each([[HttpMethod.GET], [HttpMethod.HEAD], [HttpMethod.POST, HttpMethod.GET]])(
    'is refused where a client asks again with the same method after 303: %s',
    (...methods) => {
      const when = PathMatch.exact('/a').and(MethodMatch.oneOf(...methods));
      const again = Redirect.path('/a', { code: RedirectCode.SEE_OTHER });
      expect(refusal(() => render(again, when))).toContain('(redirect-loop)');
    },
  );

  test('is no loop for a method that a client gives up for GET after 303, as after a form', () => {
    const when = PathMatch.exact('/a').and(MethodMatch.oneOf(HttpMethod.POST, HttpMethod.PUT));
    const to = (code: RedirectCode) => Redirect.path('/a', { code });
    expect(render(to(RedirectCode.SEE_OTHER), when)).toEqual({ uri: '/a', redirectCode: 303 });
    expect(refusal(() => render(to(RedirectCode.FOUND), when))).toContain('(redirect-loop)');
    expect(refusal(() => render(to(RedirectCode.TEMPORARY_REDIRECT), when))).toContain('(redirect-loop)');
  });

  test.each<[string, Redirect, RequestMatch | undefined, string[]]>([
    ['another path', Redirect.path('/b'), PathMatch.exact('/a'), HOSTS],
    ['another case where case counts', Redirect.path('/A'), PathMatch.exact('/a'), HOSTS],
    ['a path beside the expression', Redirect.path('/a'), PathMatch.template('/a/{*}'), HOSTS],
    ['another prefix', Redirect.prefix('/b'), PathMatch.prefix('/a'), HOSTS],
    ['another host', Redirect.authority('b.example.com'), undefined, HOSTS],
    ['a host beside the pattern', Redirect.authority('example.com'), undefined, ['*.example.com']],
    ['the same path on another host', Redirect.path('/a', { authority: 'b.example.com' }), PathMatch.exact('/a'), HOSTS],
    ['https from the port of http', Redirect.https(), PortMatch.of(80), HOSTS],
    ['another port', Redirect.path('/a', { port: 81 }), PathMatch.exact('/a').and(PortMatch.of(80)), HOSTS],
  ])('is no loop: %s', (_what, redirect, when, hosts) => {
    expect(render(redirect, when, hosts)).toMatchObject({ redirectCode: 301 });
  });
});
