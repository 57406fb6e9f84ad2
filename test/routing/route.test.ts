import { Duration } from 'cdk8s';
import { DirectResponse, GrpcStatus, PathMatch, Redirect, RetryOn, Rewrite } from 'cdk8s-istio';
import { joinParts, limitRoute, type Route, reachable, renderRoute, renderStream } from '../../lib/routing/route';
import { chart, refusal } from '../support/synth';

const host = 'cart.shop.svc.cluster.local';
const base: Route = { matches: [], destinations: [{ host, subset: 'v1', weight: 100 }] };
const render = (route: Partial<Route>) => JSON.parse(JSON.stringify(renderRoute({ ...base, ...route }, [host], chart())));

describe('a route', () => {
  test('is written with all that it says, Istio’s own retries among it', () => {
    expect(render({})).toEqual({
      route: [{ destination: { host, subset: 'v1' }, weight: 100 }],
      retries: { attempts: 2, retryOn: 'connect-failure,refused-stream,unavailable,cancelled' },
    });
    const full: Partial<Route> = {
      matches: [{ uri: { exact: '/a' } }],
      destinations: [{ host, subset: 'v1', port: 80, weight: 100, headers: { request: { set: { a: 'b' } } } }],
      rewrite: Rewrite.path('/b'),
      headers: { response: { remove: ['x'] } },
      mirrors: [{ destination: { host, subset: 'v2' }, percent: 0.5 }],
      timeout: Duration.seconds(3),
      retries: { attempts: 1, retryOn: [RetryOn.RESET] },
    };
    expect(render(full)).toEqual({
      match: [{ uri: { exact: '/a' } }],
      headers: { response: { remove: ['x'] } },
      rewrite: { uri: '/b' },
      route: [
        { destination: { host, subset: 'v1', port: { number: 80 } }, weight: 100, headers: { request: { set: { a: 'b' } } } },
      ],
      mirrors: [{ destination: { host, subset: 'v2' }, percentage: { value: 0.5 } }],
      timeout: '3s',
      retries: { attempts: 1, retryOn: 'reset' },
    });
  });

  test('with a fault says neither timeout nor retries, which Istio would ignore', () => {
    expect(render({ fault: { abort: { grpcStatus: GrpcStatus.INTERNAL } }, timeout: Duration.seconds(1) })).toEqual({
      route: [{ destination: { host, subset: 'v1' }, weight: 100 }],
      fault: { abort: { grpcStatus: 'INTERNAL', percentage: { value: 100 } } },
    });
  });

  test('that answers itself has no destination', () => {
    const matches = [{ uri: { exact: '/a' } }];
    expect(render({ matches, redirect: Redirect.path('/b') })).toEqual({
      match: matches,
      redirect: { uri: '/b', redirectCode: 301 },
    });
    expect(render({ matches, directResponse: DirectResponse.of(404) })).toEqual({
      match: matches,
      directResponse: { status: 404 },
    });
  });

  test('refuses an impossible share of mirrored requests', () => {
    expect(refusal(() => render({ mirrors: [{ destination: { host }, percent: 101 }] }))).toBe(
      '[system] percent of the mirror is 101 percent; allowed are 0 to 100 (out-of-range)',
    );
  });

  test('for TCP has no headers', () => {
    expect(
      JSON.parse(JSON.stringify(renderStream({ host, subset: 'v1', weight: 1, headers: { request: { remove: ['a'] } } }))),
    ).toEqual({
      destination: { host, subset: 'v1' },
      weight: 1,
    });
  });
});

describe('a route that is limited to some of its requests', () => {
  test('is none where no request is left', () => {
    expect(limitRoute({ ...base, matches: [{ uri: { exact: '/a' } }] }, [{ uri: { exact: '/b' } }])).toEqual([]);
  });

  test('swaps the prefix that it swapped before', () => {
    const route = { ...base, matches: PathMatch.prefix('/')._toMatches(), rewrite: Rewrite.prefix('/v2/') };
    const limits = [{ uri: { prefix: '/a' } }, { uri: { exact: '/b' } }, { headers: { x: {} } }];
    expect(limitRoute(route, limits).map((limited) => [limited.matches, limited.rewrite?._render(limited.matches)])).toEqual([
      [[{ uri: { prefix: '/a' } }], { uri: '/v2/a' }],
      [[{ uri: { exact: '/b' } }], { uri: '/v2/b' }],
      [[{ uri: { prefix: '/' }, headers: { x: {} } }], { uri: '/v2/' }],
    ]);
  });

  test('stays one where its matches need the same rewrite', () => {
    expect(joinParts(base, [{ match: { port: 80 } }, { match: { port: 81 } }])).toMatchObject([
      { matches: [{ port: 80 }, { port: 81 }] },
    ]);
    expect(joinParts(base, [{ match: { port: 80 } }, { match: {} }])).toMatchObject([{ matches: [] }]);
  });
});

test('routes that earlier ones leave nothing for are dropped', () => {
  const route = (...matches: Route['matches'][number][]): Route => ({ ...base, matches });
  const all = [
    route({ uri: { exact: '/a' } }, { uri: { prefix: '/b' } }),
    route({ uri: { prefix: '/b/c' } }, { uri: { exact: '/a' } }),
    route({ uri: { prefix: '/' } }),
    route({ headers: { x: {} } }),
    route(),
  ];
  expect(reachable(all)).toEqual([all[0], all[2]]);
});
