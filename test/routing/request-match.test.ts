import {
  AuthorityMatch,
  Cookie,
  HeaderMatch,
  HttpMethod,
  MethodMatch,
  PathMatch,
  PortMatch,
  QueryMatch,
  type RequestMatch,
  SourceMatch,
} from 'cdk8s-istio';
import fc from 'fast-check';
import { coveredTogether, type HttpMatch, intersectAll, matchCovers } from '../../lib/routing/request-match';
import { meets, type Request, someRequest } from '../support/envoy';
import { refusal } from '../support/synth';

const matches = (match: RequestMatch) => match._toMatches();

describe('conditions joined with and', () => {
  test('stand in one entry of the match list', () => {
    const joined = PathMatch.prefix('/shop')
      .and(MethodMatch.oneOf(HttpMethod.GET))
      .and(HeaderMatch.exact('X-User', 'jane'))
      .and(HeaderMatch.absent('x-bot'))
      .and(QueryMatch.present('debug'))
      .and(AuthorityMatch.exact('shop.example.com'))
      .and(PortMatch.of(8080))
      .and(SourceMatch.labels({ app: 'web' }))
      .and(SourceMatch.namespace('front'));
    expect(matches(joined)).toEqual([
      {
        uri: { prefix: '/shop' },
        method: { exact: 'GET' },
        headers: { 'x-user': { exact: 'jane' } },
        withoutHeaders: { 'x-bot': {} },
        queryParams: { debug: {} },
        authority: { exact: 'shop.example.com' },
        port: 8080,
        sourceLabels: { app: 'web' },
        sourceNamespace: 'front',
      },
    ]);
  });

  test('multiply with alternatives, of which the impossible ones are left out', () => {
    const paths = PathMatch.exact('/a').or(PathMatch.exact('/b'));
    expect(matches(paths.and(PathMatch.prefix('/a').or(PathMatch.prefix('/b'))))).toEqual([
      { uri: { exact: '/a' } },
      { uri: { exact: '/b' } },
    ]);
  });

  test.each<[RequestMatch, RequestMatch, string]>([
    [PathMatch.exact('/a'), PathMatch.exact('/b'), "path exact '/a' and path exact '/b'"],
    [PathMatch.prefix('/a', { ignoreCase: true }), PathMatch.exact('/b'), "path prefix '/a' in any case and path exact '/b'"],
    [
      HeaderMatch.exact('X-User', 'a'),
      HeaderMatch.exact('x-user', 'b').and(PortMatch.of(80)),
      "header 'x-user' exact 'a' and header 'x-user' exact 'b' and port 80",
    ],
    [HeaderMatch.present('x-user'), HeaderMatch.absent('X-User'), "header 'x-user' present and no header 'x-user' present"],
    [
      HeaderMatch.exact('x-user', 'a'),
      HeaderMatch.notExact('x-user', 'a'),
      "header 'x-user' exact 'a' and no header 'x-user' exact 'a'",
    ],
    [QueryMatch.exact('q', '1'), QueryMatch.exact('q', '2'), "query parameter 'q' exact '1' and query parameter 'q' exact '2'"],
    [MethodMatch.oneOf(HttpMethod.GET), MethodMatch.oneOf(HttpMethod.PUT), "method exact 'GET' and method exact 'PUT'"],
    [PortMatch.of(80), PortMatch.of(81), 'port 80 and port 81'],
    [SourceMatch.namespace('a'), SourceMatch.namespace('b'), 'namespace a of the caller and namespace b of the caller'],
    [
      SourceMatch.labels({ app: 'a' }),
      SourceMatch.labels({ app: 'b' }),
      'label app=a of the caller and label app=b of the caller',
    ],
    [AuthorityMatch.exact('a'), AuthorityMatch.exact('b'), "host exact 'a' and host exact 'b'"],
  ])('are refused where no request satisfies both: %#', (a, b, both) => {
    expect(refusal(() => a.and(b))).toBe(`no request satisfies both ${both} (impossible-match)`);
  });

  test('cannot hold two cookies, which stand in one header', () => {
    expect(refusal(() => Cookie.present('a').and(Cookie.present('b')))).toContain("'cookie' must match both regex");
  });

  test('exclude the wider of two values, and refuse two of which neither is', () => {
    expect(matches(HeaderMatch.absent('x-user').and(HeaderMatch.notExact('x-user', 'a')))).toEqual([
      { withoutHeaders: { 'x-user': {} } },
    ]);
    expect(matches(HeaderMatch.notExact('x-user', 'a').and(HeaderMatch.absent('x-user')))).toEqual([
      { withoutHeaders: { 'x-user': {} } },
    ]);
    expect(refusal(() => HeaderMatch.notExact('x-user', 'a').and(HeaderMatch.notExact('x-user', 'b')))).toBe(
      "header 'x-user' must match neither exact 'a' nor exact 'b', which Istio cannot say in one route; write one expression (unsupported-match)",
    );
  });

  test('keep a value together with the exclusion of another', () => {
    expect(matches(HeaderMatch.present('x-user').and(HeaderMatch.notExact('x-user', 'a')))).toEqual([
      { headers: { 'x-user': {} }, withoutHeaders: { 'x-user': { exact: 'a' } } },
    ]);
  });
});

describe('paths of which one ignores case', () => {
  const loose = (path: string) => PathMatch.prefix(path, { ignoreCase: true });

  test('meet in the stricter one', () => {
    expect(matches(loose('/shop').and(PathMatch.exact('/Shop/Cart')))).toEqual([{ uri: { exact: '/Shop/Cart' } }]);
    expect(matches(PathMatch.exact('/Shop/Cart').and(loose('/SHOP')))).toEqual([{ uri: { exact: '/Shop/Cart' } }]);
    expect(matches(PathMatch.template('/Shop/{*}').and(loose('/shop/')))).toEqual([{ uri: { regex: '^/Shop/[^/]+$' } }]);
    expect(matches(PathMatch.prefix('/').and(loose('/Shop')))).toEqual([{ uri: { prefix: '/Shop' }, ignoreUriCase: true }]);
  });

  test('never meet where the letters differ', () => {
    expect(refusal(() => loose('/shop').and(PathMatch.exact('/Store')))).toContain('(impossible-match)');
  });

  test('are refused where the case would count for a part of the path', () => {
    expect(refusal(() => loose('/shop/cart').and(PathMatch.prefix('/Shop')))).toBe(
      "path must match both prefix '/shop/cart' and prefix '/Shop', of which one ignores case, which Istio cannot say in one route; let both or neither ignore case (unsupported-match)",
    );
  });

  test('meet whatever their case where both ignore it', () => {
    expect(matches(loose('/Shop').and(loose('/sHOP/Cart')))).toEqual([{ uri: { prefix: '/shop/cart' }, ignoreUriCase: true }]);
  });

  test('do not lend their indifference to a condition without a path', () => {
    expect(matches(loose('/Shop').and(HeaderMatch.present('x')))).toEqual([
      { uri: { prefix: '/Shop' }, ignoreUriCase: true, headers: { x: {} } },
    ]);
  });
});

describe('all conditions, on random requests', () => {
  const stringMatch = fc.oneof(
    fc.constantFrom('/a', '/A', '/a/b', '/b').map((exact) => ({ exact })),
    fc.constantFrom('/', '/a', '/A', '/a/').map((prefix) => ({ prefix })),
    fc.constantFrom('/a.*', '/[ab]').map((regex) => ({ regex })),
  );
  const headers = fc.dictionary(fc.constantFrom('x', 'y'), fc.oneof(fc.constant({}), stringMatch), { maxKeys: 2 });
  const path = fc.oneof(
    fc.constant({}),
    stringMatch.map((uri) => ({ uri })),
    stringMatch.filter((uri) => !('regex' in uri)).map((uri) => ({ uri, ignoreUriCase: true })),
  );
  const condition: fc.Arbitrary<HttpMatch> = fc
    .tuple(
      path,
      fc.record({ headers, withoutHeaders: headers, queryParams: headers, port: fc.constantFrom(80, 81) }, { requiredKeys: [] }),
    )
    .map(([uri, rest]) => ({ ...uri, ...rest }));

  test('hold together exactly when their intersection holds', () => {
    fc.assert(
      fc.property(condition, condition, someRequest, (a, b, request: Request) => {
        let both: HttpMatch[];
        try {
          both = intersectAll([a], [b]);
        } catch {
          return;
        }
        expect(both.some((match) => meets(match, request))).toBe(meets(a, request) && meets(b, request));
      }),
      { numRuns: 5000 },
    );
  });

  test('hold for each other where one covers the other', () => {
    fc.assert(
      fc.property(condition, condition, someRequest, (a, b, request: Request) => {
        fc.pre(matchCovers(a, b) && meets(b, request));
        expect(meets(a, request)).toBe(true);
      }),
      { numRuns: 200, maxSkipsPerRun: 5000 },
    );
  });

  test('hold for a request where they cover together what holds', () => {
    fc.assert(
      fc.property(condition, condition, condition, someRequest, (a, b, c, request: Request) => {
        fc.pre(coveredTogether([a, b], c) && meets(c, request));
        expect(meets(a, request) || meets(b, request)).toBe(true);
      }),
      { numRuns: 200, maxSkipsPerRun: 5000 },
    );
  });

  test.each<[string, HttpMatch[], HttpMatch, boolean]>([
    ['with a header and without', [{ headers: { x: {} } }, { withoutHeaders: { x: {} } }], {}, true],
    ['with a header and without another', [{ headers: { x: {} } }, { withoutHeaders: { y: {} } }], {}, false],
    [
      'of a value and of all others',
      [{ headers: { x: { exact: '1' } } }, { withoutHeaders: { x: { exact: '1' } } }],
      { uri: { exact: '/a' } },
      true,
    ],
    [
      'of a value and of all but another',
      [{ headers: { x: { exact: '1' } } }, { withoutHeaders: { x: { exact: '2' } } }],
      { uri: { exact: '/a' } },
      false,
    ],
    [
      'of a path with a header, of another without',
      [
        { uri: { prefix: '/a' }, headers: { x: {} } },
        { uri: { prefix: '/b' }, withoutHeaders: { x: {} } },
      ],
      { uri: { prefix: '/a' } },
      false,
    ],
    ['on one gateway', [{ gateways: ['mesh'] }], {}, false],
  ])('take together the requests %s: %#', (_, others, match, expected) => {
    expect(coveredTogether(others, match)).toBe(expected);
  });

  test('cover themselves, and a condition without any covers all', () => {
    fc.assert(
      fc.property(condition, (a) => {
        expect(matchCovers(a, a)).toBe(true);
        expect(matchCovers({}, a)).toBe(true);
      }),
    );
  });
});
