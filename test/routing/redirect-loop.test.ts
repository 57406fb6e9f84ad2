import { HeaderMatch, HttpMethod, MethodMatch, PathMatch, Redirect, RedirectCode, type RequestMatch } from 'cdk8s-istio';
import { requireEnd } from '../../lib/routing/redirect-loop';
import type { Route } from '../../lib/routing/route';
import { chart, refusal } from '../support/synth';

const HOST = 'shop.example.com';

const sent = (when: RequestMatch, redirect: Redirect): Route => ({ matches: when._toMatches(), destinations: [], redirect });
const served = (when: RequestMatch): Route => ({ matches: when._toMatches(), destinations: [{ host: HOST }] });
const from = (path: string, to: string) => sent(PathMatch.exact(path), Redirect.path(to));
const check = (...routes: Route[]) => requireEnd(routes, HOST, chart());

describe('redirects that lead a client in a circle are refused:', () => {
  test.each<[string, Route[], string]>([
    ['two', [from('/a', '/b'), from('/b', '/a')], "'/a' to '/b' to '/a'"],
    ['three', [from('/a', '/b'), from('/b', '/c'), from('/c', '/a')], "'/a' to '/b' to '/c' to '/a'"],
    ['a circle behind a way into it', [from('/in', '/a'), from('/a', '/b'), from('/b', '/a')], "'/a' to '/b' to '/a'"],
    [
      'a path below a prefix',
      [sent(PathMatch.prefix('/old/'), Redirect.path('/new/home')), sent(PathMatch.below('/new'), Redirect.path('/old/home'))],
      "'/new/home' to '/old/home' to '/new/home'",
    ],
    [
      'two prefixes',
      [sent(PathMatch.prefix('/a/'), Redirect.prefix('/b/')), sent(PathMatch.prefix('/b/'), Redirect.prefix('/a/'))],
      "'/a/' to '/b/' to '/a/'",
    ],
    [
      'prefixes that grow without end',
      [sent(PathMatch.prefix('/a'), Redirect.prefix('/b/x')), sent(PathMatch.prefix('/b'), Redirect.prefix('/a/x'))],
      "'/a' to '/b/x' to '/a/x/x' to '/b/x/x/x'",
    ],
    [
      'the same host by its name',
      [sent(PathMatch.exact('/a'), Redirect.path('/b', { authority: HOST })), from('/b', '/a')],
      "'/a' to '/b' to '/a'",
    ],
    [
      'two expressions',
      [sent(PathMatch.regex('/a.*'), Redirect.path('/b1')), sent(PathMatch.regex('/b.*'), Redirect.path('/a1'))],
      "'/b1' to '/a1' to '/b1'",
    ],
    [
      'whatever the case',
      [sent(PathMatch.exact('/A', { ignoreCase: true }), Redirect.path('/b')), from('/b', '/a')],
      "'/b' to '/a' to '/b'",
    ],
  ])('%s', (_, routes, circle) => {
    expect(refusal(() => check(...routes))).toBe(
      `[system] redirects on host '${HOST}' lead a client from ${circle}, and so on without end; let one of them lead to a path that no redirect takes (redirect-loop)`,
    );
  });
});

describe('redirects may stand where they are not certain to lead in a circle:', () => {
  test.each<[string, Route[]]>([
    ['a chain with an end', [from('/a', '/b'), from('/b', '/c')]],
    ['a path that is served before', [served(PathMatch.exact('/b')), from('/a', '/b'), from('/b', '/a')]],
    [
      'a condition on more than the path',
      [from('/a', '/b'), sent(PathMatch.exact('/b').and(HeaderMatch.present('x')), Redirect.path('/a'))],
    ],
    [
      'a path that some requests are served on before',
      [served(PathMatch.exact('/b').and(HeaderMatch.present('x'))), from('/a', '/b'), from('/b', '/a')],
    ],
    ['another host', [from('/a', '/b'), sent(PathMatch.exact('/b'), Redirect.path('/a', { authority: 'other.example.com' }))]],
    [
      'another method, by which a form ends in a page',
      [
        sent(
          PathMatch.exact('/a').and(MethodMatch.oneOf(HttpMethod.POST)),
          Redirect.path('/a', { code: RedirectCode.SEE_OTHER }),
        ),
      ],
    ],
    ['another scheme', [from('/a', '/b'), sent(PathMatch.exact('/b'), Redirect.path('/a', { scheme: 'https' }))]],
    ['another port', [from('/a', '/b'), sent(PathMatch.exact('/b'), Redirect.path('/a', { port: 8443 }))]],
    ['a prefix that shrinks', [sent(PathMatch.prefix('/a/a'), Redirect.prefix('/a')), served(PathMatch.prefix('/a'))]],
    ['none at all', [served(PathMatch.prefix('/'))]],
  ])('%s', (_, routes) => {
    expect(() => check(...routes)).not.toThrow();
  });
});
