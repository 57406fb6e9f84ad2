import type { ApiObject } from 'cdk8s';
import { Duration } from 'cdk8s';
import {
  AppPort,
  AuthorityMatch,
  CanaryApp,
  type ExposeOptions,
  HeaderMatch,
  MeshError,
  MeshGateway,
  PathMatch,
  PortMatch,
  Redirect,
  type RequestMatch,
  ResilienceRules,
  Rewrite,
  type RoutingRule,
  SourceMatch,
} from 'cdk8s-istio';
import fc from 'fast-check';
import { type HttpRoute, type Outcome, outcome, type Request, someRequest } from '../support/envoy';
import { chart, refusal } from '../support/synth';

const HOST = 'shop.example.com';

/** An app with these rules behind a gateway, and the routes on both sides. */
function mesh(rules: RoutingRule[], options: Omit<ExposeOptions, 'host'>, when?: RequestMatch) {
  const scope = chart();
  const app = new CanaryApp(scope, 'cart', {
    image: 'cart',
    ports: [AppPort.http(80)],
    versions: { v1: {}, v2: {} },
    split: { v1: 90, v2: 10 },
    rules,
  });
  if (when !== undefined) {
    new ResilienceRules(scope, 'rules', { app, when, timeout: Duration.seconds(7) });
  }
  const gateway = new MeshGateway(scope, 'gateway');
  gateway.expose(app, { host: HOST, ...options });
  const routes = (object: ApiObject): HttpRoute[] => object.toJson().spec.http;
  return {
    inside: routes(app.virtualService),
    outside: routes(gateway.node.findChild(`VirtualService-${HOST}`) as ApiObject),
  };
}

describe('a request through a gateway meets the same rule as in the mesh', () => {
  test('behind a rewritten prefix, where each narrower match needs a rewrite of its own', () => {
    const rules: RoutingRule[] = [
      { when: PathMatch.exact('/cart'), to: 'v1' },
      { when: PathMatch.prefix('/api/'), to: 'v2' },
      { when: PathMatch.prefix('/old/'), to: 'v1', rewrite: Rewrite.prefix('/new/') },
    ];
    const { outside } = mesh(rules, { paths: [PathMatch.prefix('/shop/')], rewrite: Rewrite.prefix('/') });
    expect(outside.map(({ match, rewrite }) => ({ match, rewrite }))).toEqual([
      { match: [{ uri: { exact: '/shop/cart' } }], rewrite: { uri: '/cart' } },
      { match: [{ uri: { prefix: '/shop/api/' } }], rewrite: { uri: '/api/' } },
      { match: [{ uri: { prefix: '/shop/old/' } }], rewrite: { uri: '/new/' } },
      { match: [{ uri: { prefix: '/shop/' } }], rewrite: { uri: '/' } },
    ]);
  });

  test('where the gateway lets only a part of what the rule rewrites through', () => {
    const when = PathMatch.prefix('/').and(HeaderMatch.present('x'));
    const rules = [{ when, to: 'v2', rewrite: Rewrite.prefix('/v2/') }];
    const { outside } = mesh(rules, {
      paths: [PathMatch.prefix('/shop/'), PathMatch.exact('/help'), PathMatch.template('/{*}/faq')],
    });
    const headers = { x: {} };
    expect(outside.slice(0, 3).map(({ match, rewrite }) => ({ match, rewrite }))).toEqual([
      { match: [{ uri: { prefix: '/shop/' }, headers }], rewrite: { uri: '/v2/shop/' } },
      { match: [{ uri: { exact: '/help' }, headers }], rewrite: { uri: '/v2/help' } },
      { match: [{ uri: { regex: '^/[^/]+/faq$' }, headers }], rewrite: { uriRegexRewrite: { match: '^/', rewrite: '/v2/' } } },
    ]);
  });

  test('behind a path that the gateway gives itself', () => {
    const rules = [
      { when: PathMatch.exact('/other'), to: 'v1' },
      { when: PathMatch.prefix('/who'), to: 'v2', rewrite: Rewrite.prefix('/what') },
    ];
    const { outside } = mesh(rules, { paths: [PathMatch.template('/app/{*}')], rewrite: Rewrite.path('/whoami') });
    expect(outside.map(({ match, rewrite }) => ({ match, rewrite }))).toEqual([
      { match: [{ uri: { regex: '^/app/[^/]+$' } }], rewrite: { uri: '/whatami' } },
    ]);
  });

  test('with the redirects of the app in the terms of the client', () => {
    const rules: RoutingRule[] = [
      { when: PathMatch.exact('/login'), redirect: Redirect.path('/sign-in') },
      { when: PathMatch.prefix('/old/'), redirect: Redirect.prefix('/new/') },
      { when: PathMatch.prefix('/docs/'), redirect: Redirect.authority('docs.example.com') },
      { when: PathMatch.exact('/help'), redirect: Redirect.path('/manual', { authority: 'docs.example.com' }) },
    ];
    const { outside } = mesh(rules, { paths: [PathMatch.prefix('/shop/')], rewrite: Rewrite.prefix('/') });
    expect(outside.slice(0, 4).map(({ redirect }) => redirect)).toEqual([
      { uri: '/shop/sign-in', redirectCode: 301 },
      { prefixRewrite: '/shop/new/', redirectCode: 301 },
      { prefixRewrite: '/docs/', authority: 'docs.example.com', redirectCode: 301 },
      { uri: '/manual', authority: 'docs.example.com', redirectCode: 301 },
    ]);
  });

  test('with the redirects of the app for a path that goes with all below it', () => {
    const rules: RoutingRule[] = [{ when: PathMatch.exact('/'), redirect: Redirect.path('/home') }];
    const { outside } = mesh(rules, { paths: [PathMatch.below('/shop')], rewrite: Rewrite.prefix('/') });
    const redirect = { uri: '/shop/home', redirectCode: 301 };
    expect(outside.slice(0, 2)).toEqual([
      { match: [{ uri: { exact: '/shop' } }], redirect },
      { match: [{ uri: { exact: '/shop/' } }], redirect },
    ]);
  });

  test('with a redirect of the app that keeps the path which the client asked for', () => {
    const rules: RoutingRule[] = [{ when: PathMatch.prefix('/pay/').and(PortMatch.of(80)), redirect: Redirect.https() }];
    const [paths, when, rewrite] = [[PathMatch.prefix('/shop/')], PortMatch.of(80), Rewrite.prefix('/')];
    const { outside } = mesh(rules, { paths, when, rewrite });
    expect(outside[0]).toEqual({
      match: [{ uri: { prefix: '/shop/pay/' }, port: 80 }],
      redirect: { scheme: 'https', redirectCode: 301 },
    });
  });

  test('with a redirect of the app behind a path that the gateway gives itself', () => {
    const rules: RoutingRule[] = [{ when: PathMatch.exact('/whoami'), redirect: Redirect.path('/login') }];
    const { outside } = mesh(rules, { paths: [PathMatch.prefix('/shop/')], rewrite: Rewrite.path('/whoami') });
    expect(outside[0]).toEqual({ match: [{ uri: { prefix: '/shop/' } }], redirect: { uri: '/login', redirectCode: 301 } });
  });

  test('with a rewrite of the app that needs to know nothing of the gateway’s', () => {
    const rewritten = (app: Rewrite, gateway?: Rewrite) => {
      const rules = [{ when: HeaderMatch.present('x'), to: 'v2', rewrite: app }];
      return mesh(rules, { paths: [PathMatch.prefix('/shop/')], rewrite: gateway }).outside[0].rewrite;
    };
    const regex = { uriRegexRewrite: { match: 'a+', rewrite: 'b' } };
    expect(rewritten(Rewrite.regex('a+', 'b'))).toEqual(regex);
    expect(rewritten(Rewrite.regex('a+', 'b'), Rewrite.authority('inner.example.com'))).toEqual({
      ...regex,
      authority: 'inner.example.com',
    });
    expect(rewritten(Rewrite.path('/v2'), Rewrite.regex('^/shop', '/'))).toEqual(
      rewritten(Rewrite.path('/v2'), Rewrite.prefix('/')),
    );
  });

  test('but for rules that mean callers inside the mesh, which no gateway is', () => {
    const rules: RoutingRule[] = [
      { when: SourceMatch.labels({ app: 'web' }), to: 'v1' },
      { when: SourceMatch.namespace('front'), to: 'v2' },
    ];
    const { inside, outside } = mesh(rules, {});
    expect(inside).toHaveLength(3);
    expect(outside.map(({ match, route }) => [match, route?.length])).toEqual([[undefined, 2]]);
  });

  test('for the host that the app sees', () => {
    const rules: RoutingRule[] = [
      { when: AuthorityMatch.exact('inner.example.com').and(HeaderMatch.present('x')), to: 'v1' },
      { when: AuthorityMatch.exact(HOST).and(HeaderMatch.present('y')), to: 'v2' },
    ];
    const matches = (rewrite?: Rewrite) => mesh(rules, { rewrite }).outside.map(({ match }) => match);
    expect(matches()).toEqual([
      [{ authority: { exact: 'inner.example.com' }, headers: { x: {} } }],
      [{ authority: { exact: HOST }, headers: { y: {} } }],
      undefined,
    ]);
    expect(matches(Rewrite.authority('inner.example.com'))).toEqual([[{ headers: { x: {} } }], undefined]);
  });

  test('on thousands of random rules and requests', () => {
    let said = 0;
    fc.assert(
      fc.property(
        someRules,
        someExposure,
        fc.option(someCondition, { nil: undefined }),
        fc.array(someRequest, { minLength: 20, maxLength: 20 }),
        (rules, exposure, when, requests) => {
          const routes = unlessRefused(() =>
            mesh(
              rules.map(({ rule }) => rule),
              exposure.options,
              when,
            ),
          );
          if (routes === undefined) {
            return;
          }
          said += 1;
          for (const request of requests.map((request) => ({ ...request, authority: HOST, port: 80 }))) {
            expect([request, outcome(routes.outside, request)]).toEqual([request, expected(routes.inside, exposure, request)]);
          }
        },
      ),
      { numRuns: 1000 },
    );
    expect(said).toBeGreaterThan(250);
  });
});

describe('what Istio cannot say in one route is refused', () => {
  const exposed = { paths: [PathMatch.prefix('/shop/')], rewrite: Rewrite.prefix('/') };

  test('an expression on a path that the gateway rewrites', () => {
    const rules = [{ when: PathMatch.regex('/a.*b'), to: 'v1' }];
    expect(refusal(() => mesh(rules, exposed))).toBe(
      "[system/gateway] the gateway rewrites the path, and the app has a rule for path regex '/a.*b', which cannot be traced back through that rewrite; use exact and prefix matches with Rewrite.prefix or Rewrite.path (unsupported-match)",
    );
  });

  test('two rewrites of which one is an expression', () => {
    const rules = [{ when: HeaderMatch.present('x'), to: 'v1', rewrite: Rewrite.regex('a', 'b') }];
    expect(refusal(() => mesh(rules, exposed))).toBe(
      "[system/gateway] the gateway rewrites path prefix '/shop/' and so does the app's rule; Istio rewrites once, and these two cannot be made one (unsupported-rewrite)",
    );
  });

  test('a redirect to a path that no client reaches', () => {
    const rules = [{ when: PathMatch.exact('/api/a'), redirect: Redirect.path('/elsewhere') }];
    expect(refusal(() => mesh(rules, { paths: [PathMatch.prefix('/shop/')], rewrite: Rewrite.prefix('/api/') }))).toBe(
      "[system/gateway] the app redirects to '/elsewhere', which no client reaches through a gateway that shows '/api/' as '/shop/' (unsupported-rewrite)",
    );
  });

  test('a redirect of a prefix, where the gateway matches an expression', () => {
    const rules = [{ when: PathMatch.prefix('/a'), redirect: Redirect.prefix('/b') }];
    expect(refusal(() => mesh(rules, { paths: [PathMatch.template('/a/{*}/c')] }))).toBe(
      "[system/gateway] the redirect of prefix '/a' to '/b' would have to hold for path regex '^/a/[^/]+/c$', which Istio cannot say; use exact and prefix matches that heed case (unsupported-rewrite)",
    );
  });
});

// Random rules and exposures.

const somePath = fc.constantFrom('/', '/a', '/a/', '/A', '/b', '/a/b', '/x/a', '/x/');
const someCondition: fc.Arbitrary<RequestMatch> = fc.oneof(
  somePath.map((path) => PathMatch.exact(path)),
  somePath.map((path) => PathMatch.prefix(path)),
  somePath.map((path) => PathMatch.prefix(path, { ignoreCase: true })),
  somePath.map((path) => PathMatch.below(path)),
  fc.constant(PathMatch.template('/{*}/b')),
  fc.constant(HeaderMatch.exact('x', '/a')),
  somePath.map((path) => PathMatch.prefix(path).and(HeaderMatch.present('y'))),
  fc.constant(PathMatch.exact('/a').or(PathMatch.prefix('/b'))),
);
const someRewrite = fc.oneof(
  somePath.map((path) => Rewrite.path(path)),
  somePath.map((path) => Rewrite.prefix(path)),
  fc.constant(Rewrite.regex('^/a', '/z')),
  fc.constant(Rewrite.authority('inner.example.com')),
);
const someRedirect = fc.oneof(
  somePath.map((path) => ({ redirect: Redirect.path(path), own: true })),
  somePath.map((path) => ({ redirect: Redirect.prefix(path), own: true })),
  fc.constant({ redirect: Redirect.authority('else.example.com'), own: false }),
);
const someRule = fc.oneof(
  fc.tuple(someCondition, fc.constantFrom('v1', 'v2'), fc.option(someRewrite, { nil: undefined })).map(([when, to, rewrite]) => ({
    rule: { when, to, rewrite } as RoutingRule,
  })),
  fc.tuple(someCondition, someRedirect).map(([when, { redirect }]) => ({ rule: { when, redirect } as RoutingRule })),
);
const someRules = fc.array(someRule, { maxLength: 3 });

interface RandomExposure {
  readonly options: Omit<ExposeOptions, 'host'>;
  /** What the gateway does to a path; `undefined` where it does not match. */
  readonly enter: (request: Request) => string | undefined;
  /** Where a path of the app is found by a client. */
  readonly leave: (path: string) => string;
}

const someExposure: fc.Arbitrary<RandomExposure> = fc.oneof(
  fc.constant<RandomExposure>({ options: {}, enter: ({ path }) => path, leave: (path) => path }),
  fc.tuple(somePath, fc.option(somePath, { nil: undefined })).map(
    ([from, to]): RandomExposure => ({
      options: { paths: [PathMatch.prefix(from)], rewrite: to === undefined ? undefined : Rewrite.prefix(to) },
      enter: ({ path }) => (path.startsWith(from) ? (to ?? from) + path.slice(from.length) : undefined),
      leave: (path) => from + path.slice((to ?? from).length),
    }),
  ),
  fc.tuple(fc.constantFrom('/a', '/x'), fc.constantFrom('/', '/b/')).map(
    ([from, to]): RandomExposure => ({
      options: { paths: [PathMatch.below(from)], rewrite: Rewrite.prefix(to) },
      enter: ({ path }) => (path === from ? to : path.startsWith(`${from}/`) ? to + path.slice(from.length + 1) : undefined),
      leave: (path) => `${from}/${path.slice(to.length)}`,
    }),
  ),
  fc.tuple(somePath, somePath).map(
    ([from, to]): RandomExposure => ({
      options: { paths: [PathMatch.exact(from)], rewrite: Rewrite.path(to) },
      enter: ({ path }) => (path === from ? to : undefined),
      leave: (path) => path,
    }),
  ),
  fc.constant<RandomExposure>({
    options: { paths: [PathMatch.template('/a/{*}')], when: HeaderMatch.present('x') },
    enter: ({ path, headers }) => (/^\/a\/[^/]+$/.test(path) && headers.x !== undefined ? path : undefined),
    leave: (path) => path,
  }),
);

/** What becomes of the request when the gateway passes it on unchanged but for its own rewrite, and the mesh decides. */
function expected(
  inside: readonly HttpRoute[],
  { options, enter, leave }: RandomExposure,
  request: Request,
): Outcome | undefined {
  const path = enter(request);
  if (path === undefined) {
    return undefined;
  }
  const met = outcome(inside, { ...request, path });
  if (met === undefined || !met.to.includes('redirect') || met.authority !== undefined) {
    return met;
  }
  return options.rewrite === undefined ? met : { ...met, path: met.path && leave(met.path) };
}

function unlessRefused<T>(build: () => T): T | undefined {
  try {
    return build();
  } catch (error) {
    if (error instanceof MeshError) {
      return undefined;
    }
    throw error;
  }
}
