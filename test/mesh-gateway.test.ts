import { Chart, Duration } from 'cdk8s';
import {
  Access,
  AppPort,
  AuthorityMatch,
  CanaryApp,
  type CanaryAppProps,
  ClientTls,
  type ExposeOptions,
  type GatewayMatchOptions,
  type GatewayTcpOptions,
  HeaderMatch,
  HttpMethod,
  Listener,
  MeshGateway,
  type MeshGatewayFromNameProps,
  type MeshGatewayProps,
  MeshService,
  MethodMatch,
  PathMatch,
  PortMatch,
  Redirect,
  type RequestMatch,
  ResilienceRules,
  Rewrite,
  SourceMatch,
} from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth, title } from './support/synth';

const SHOP = 'shop.example.com';
const CART = 'cart.shop.svc.cluster.local';
const BASE: CanaryAppProps = {
  image: 'cart:1',
  ports: [AppPort.http(80)],
  versions: { v1: {}, v2: {} },
  split: { v1: 90, v2: 10 },
};
const RETRIES = { attempts: 2, retryOn: 'connect-failure,refused-stream,unavailable,cancelled' };

type Build = (gateway: MeshGateway, cart: CanaryApp, scope: Chart) => void;

const build = (scope: Chart, props: MeshGatewayProps, use: Build, app: Partial<CanaryAppProps>) => {
  const cart = new CanaryApp(scope, 'cart', { ...BASE, ...app });
  const gateway = new MeshGateway(scope, 'gateway', props);
  use(gateway, cart, scope);
  return gateway;
};
const mesh = (props: MeshGatewayProps, use: Build, app: Partial<CanaryAppProps> = {}) =>
  synth((scope) => build(scope, props, use, app));
const message = (props: MeshGatewayProps, use: Build = () => undefined, app: Partial<CanaryAppProps> = {}) =>
  refusal(() => build(chart(), props, use, app));
const servers = (manifests: readonly Manifest[]) => one(manifests, 'Gateway').spec.servers;
const routes = (manifests: readonly Manifest[], host = SHOP) => one(manifests, 'VirtualService', `gateway-${host}`).spec;
const to = (subset: string, weight: number, number = 80) => ({ destination: { host: CART, subset, port: { number } }, weight });
const exposeShop: Build = (gateway, cart) => gateway.expose(cart, { host: SHOP });

describe('a gateway', () => {
  test('looks like this', () => {
    const rules = [{ when: HeaderMatch.exact('x-user', 'jane'), to: 'v2' }];
    const manifests = mesh({}, exposeShop, { rules });
    expect([one(manifests, 'Gateway'), one(manifests, 'VirtualService', `gateway-${SHOP}`)]).toMatchSnapshot();
  });

  test('is an entrance on port 80 for the pods of the default installation', () => {
    const { spec, metadata } = one(mesh({}, exposeShop), 'Gateway');
    expect(metadata).toMatchObject({ name: 'gateway', namespace: 'shop' });
    expect(spec).toEqual({
      selector: { istio: 'ingressgateway' },
      servers: [{ port: { number: 80, name: 'http-80', protocol: 'HTTP' }, hosts: [SHOP] }],
    });
  });

  test('is valid with every property', () => {
    const http = Listener.http();
    const tcp = Listener.tcp(5432);
    const props: Required<MeshGatewayProps> = {
      name: 'entrance',
      selector: { istio: 'ingress', team: '' },
      workloadNamespace: 'istio-ingress',
      workloadServiceAccount: 'istio-ingress',
      listeners: [http, Listener.https({ credential: 'cert' }), tcp],
    };
    const manifests = mesh(
      props,
      (gateway, cart) => {
        const match: Required<GatewayMatchOptions> = {
          paths: [PathMatch.prefix('/a')],
          when: HeaderMatch.present('x'),
          listeners: [http],
        };
        const options: Required<ExposeOptions> = {
          ...match,
          host: SHOP,
          rewrite: Rewrite.path('/b'),
          access: Access.public(),
          port: 80,
        };
        gateway.expose(cart, options);
        gateway.redirect('old.example.com', Redirect.authority(SHOP));
        const stream: Required<GatewayTcpOptions> = { listener: tcp, port: 9000, access: Access.public() };
        gateway.tcp(cart, stream);
      },
      { ports: [AppPort.http(80), AppPort.tcp(9000)] },
    );
    expect(schemaMistakes(manifests)).toEqual([]);
    expect(one(manifests, 'Gateway').spec.selector).toEqual(props.selector);
    expect(manifests.map(title)).toEqual(
      expect.arrayContaining([
        'Gateway entrance',
        `VirtualService entrance-${SHOP}`,
        'VirtualService entrance-old.example.com',
        'VirtualService entrance-tcp-5432',
      ]),
    );
  });

  test('lists the hosts that it serves, sorted', () => {
    const scope = chart();
    const gateway = build(
      scope,
      {},
      (gateway, cart) => {
        gateway.expose(cart, { host: 'b.example.com' });
        gateway.expose(cart, { host: '*.example.com' });
        gateway.redirect('a.example.com', Redirect.authority('b.example.com'));
      },
      {},
    );
    expect(gateway.hosts).toEqual(['*.example.com', 'a.example.com', 'b.example.com']);
  });

  test('has a route for each host, in a VirtualService of its own', () => {
    const manifests = mesh({}, (gateway, cart) => {
      gateway.expose(cart, { host: SHOP });
      gateway.expose(cart, { host: '*.example.org' });
    });
    expect(one(manifests, 'Gateway').spec.servers[0].hosts).toEqual(['*.example.org', SHOP]);
    expect(one(manifests, 'VirtualService', 'gateway-any.example.org').spec).toMatchObject({
      hosts: ['*.example.org'],
      gateways: ['shop/gateway'],
    });
  });

  test.each<[MeshGatewayProps, string]>([
    [{ listeners: [] }, 'listeners is empty; a gateway needs at least one, such as Listener.http() (invalid-listener)'],
    [
      { listeners: [Listener.http(), Listener.http()] },
      'two listeners have port 80; only TLS listeners may share one (duplicate-port)',
    ],
    [
      { listeners: [Listener.tcp(80), Listener.http()] },
      'two listeners have port 80; only TLS listeners may share one (duplicate-port)',
    ],
    [
      { listeners: [Listener.http({ redirectToHttps: true })] },
      'a listener redirects to https, and the gateway has no HTTPS listener (invalid-listener)',
    ],
    [
      { listeners: [Listener.http({ redirectToHttps: true }), Listener.autoPassthrough(['*.local'])] },
      'a listener redirects to https, and the gateway has no HTTPS listener (invalid-listener)',
    ],
    [{ selector: {} }, 'selector is empty; it holds the labels of the gateway pods (invalid-listener)'],
    [
      { selector: { istio: 'a b' } },
      "selector 'istio' is 'a b'; a label value has at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends (invalid-name)",
    ],
    [
      { selector: { 'istio ingress': 'yes' } },
      "key of the selector is 'istio ingress'; allowed are 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, with or without a DNS name and '/' before them (invalid-name)",
    ],
    [
      { name: 'My.Gateway' },
      "name of the Gateway is 'My.Gateway'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    ],
  ])('is refused with bad input: %#', (props, expected) => {
    expect(message(props)).toBe(`[system/gateway] ${expected}`);
  });

  test('is refused in a chart without a namespace', () => {
    expect(refusal(() => new MeshGateway(new Chart(meshApp(), 'system'), 'gateway'))).toContain('(missing-namespace)');
  });

  test('is refused at synth where a listener leads nowhere', () => {
    expect(refusal(() => mesh({}, () => undefined))).toContain(
      '[system/gateway] listener http-80 serves no host; expose an app on it or remove it (invalid-listener)',
    );
    expect(refusal(() => mesh({ listeners: [Listener.http(), Listener.tcp(5432)] }, exposeShop))).toContain(
      '[system/gateway] listener tcp-5432 leads nowhere; forward it with tcp() or remove it (invalid-listener)',
    );
  });

  test('is refused where two listeners show one certificate on a port, since browsers then mix up their hosts', () => {
    const listeners = [Listener.https({ credential: 'a' }), Listener.mutual({ credential: 'a' })];
    expect(message({ listeners })).toBe(
      "[system/gateway] two listeners have port 443 and credential 'a': browsers keep one connection for the hosts of both and get 404 for those of the other; serve all on one listener, or give each its own certificate (invalid-listener)",
    );
    const apart = [Listener.https({ credential: 'a' }), Listener.mutual({ credential: 'a', port: 8443 })];
    expect(servers(mesh({ listeners: apart }, exposeShop))).toHaveLength(2);
  });

  test('is refused where a redirect leads to https, and nothing serves the host there', () => {
    const [http, https] = [Listener.http({ redirectToHttps: true }), Listener.https({ credential: 'cert' })];
    const served = (host: string) =>
      mesh({ listeners: [http, https] }, (gateway, cart) => {
        gateway.expose(cart, { host: SHOP, listeners: [http] });
        gateway.expose(cart, { host, listeners: [https] });
      });
    expect(refusal(() => served('www.example.com'))).toContain(
      `[system/gateway] host '${SHOP}' stands on http-80, which redirects to https, and no listener serves it on port 443; expose it there too (invalid-listener)`,
    );
    for (const host of [SHOP, '*.example.com', '*']) {
      expect(servers(served(host))).toHaveLength(2);
    }
  });

  test('may have several certificates on one port, of which each host chooses one', () => {
    const [a, b] = [Listener.https({ credential: 'a' }), Listener.https({ credential: 'b' })];
    const manifests = mesh({ listeners: [a, b] }, (gateway, cart) => {
      gateway.expose(cart, { host: 'a.example.com', listeners: [a] });
      gateway.expose(cart, { host: 'b.example.com', listeners: [b] });
    });
    expect(servers(manifests).map(({ port, hosts }: { port: { name: string }; hosts: string[] }) => [port.name, hosts])).toEqual([
      ['https-443', ['a.example.com']],
      ['https-443-2', ['b.example.com']],
    ]);
    expect(refusal(() => mesh({ listeners: [a, b] }, exposeShop))).toContain(
      `host '${SHOP}' stands on two listeners with port 443; choose one with listeners: […] (invalid-listener)`,
    );
  });
});

describe('an app at a gateway', () => {
  test('is met with its own split, timeouts and rules', () => {
    const manifests = mesh(
      {},
      (gateway, cart, scope) => {
        new ResilienceRules(scope, 'rules', { app: cart, timeout: Duration.seconds(15) });
        gateway.expose(cart, { host: SHOP });
      },
      { rules: [{ when: HeaderMatch.exact('x-user', 'jane'), to: 'v2' }] },
    );
    expect(routes(manifests).http).toEqual([
      { match: [{ headers: { 'x-user': { exact: 'jane' } } }], route: [to('v2', 100)], timeout: '15s', retries: RETRIES },
      { route: [to('v1', 90), to('v2', 10)], timeout: '15s', retries: RETRIES },
    ]);
  });

  test('is met with what was said after it was exposed', () => {
    const manifests = mesh({}, (gateway, cart, scope) => {
      gateway.expose(cart, { host: SHOP });
      new ResilienceRules(scope, 'rules', { app: cart, timeout: Duration.seconds(15) });
    });
    expect(routes(manifests).http[0].timeout).toBe('15s');
  });

  test('is met under its paths and conditions alone', () => {
    const manifests = mesh({}, (gateway, cart) =>
      gateway.expose(cart, {
        host: SHOP,
        paths: [PathMatch.exact('/a'), PathMatch.prefix('/b/')],
        when: MethodMatch.oneOf(HttpMethod.GET, HttpMethod.HEAD),
      }),
    );
    expect(routes(manifests).http[0].match).toEqual([
      { uri: { exact: '/a' }, method: { exact: 'GET' } },
      { uri: { exact: '/a' }, method: { exact: 'HEAD' } },
      { uri: { prefix: '/b/' }, method: { exact: 'GET' } },
      { uri: { prefix: '/b/' }, method: { exact: 'HEAD' } },
    ]);
  });

  test('is met on the port that is said, where rules for other ports and for callers in the mesh never hold', () => {
    const rules = [
      { when: PortMatch.of(81), to: 'v2' },
      { when: PortMatch.of(80), to: 'v1' },
      { when: SourceMatch.namespace('front'), to: 'v2' },
    ];
    const ports = [AppPort.http(80), AppPort.http(81, { name: 'admin' })];
    const manifests = mesh({}, (gateway, cart) => gateway.expose(cart, { host: SHOP, port: 81 }), { rules, ports });
    expect(routes(manifests).http.map(({ match, route }: { match: unknown; route: unknown }) => [match, route])).toEqual([
      [undefined, [to('v2', 100, 81)]],
    ]);
  });

  test('mirrors to the same port', () => {
    const manifests = mesh({}, exposeShop, { split: { v1: 100 }, mirrors: [{ to: 'v2' }] });
    expect(routes(manifests).http[0].mirrors).toEqual([
      { destination: { host: CART, subset: 'v2', port: { number: 80 } }, percentage: { value: 100 } },
    ]);
  });

  test('sees the path and host that the gateway makes', () => {
    const manifests = mesh({}, (gateway, cart) =>
      gateway.expose(cart, {
        host: SHOP,
        paths: [PathMatch.template('/app/{*}')],
        rewrite: Rewrite.path('/x').withAuthority('inner.example.com'),
      }),
    );
    expect(routes(manifests).http[0].rewrite).toEqual({ uri: '/x', authority: 'inner.example.com' });
  });

  test('shares a host with another app as long as each has paths of its own', () => {
    const manifests = synth((scope) => {
      const [cart, web] = ['cart', 'web'].map((id) => new CanaryApp(scope, id, BASE));
      const gateway = new MeshGateway(scope, 'gateway');
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.prefix('/cart')] });
      gateway.expose(web, { host: SHOP });
    });
    expect(routes(manifests).http.map(({ match }: { match: unknown }) => match)).toEqual([
      [{ uri: { prefix: '/cart' } }],
      undefined,
    ]);
  });

  test('is refused on a host that belongs to another, or is its own already', () => {
    const twice = (gateway: MeshGateway, cart: CanaryApp, scope: Chart) => {
      gateway.expose(new CanaryApp(scope, 'web', BASE), { host: SHOP });
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.exact('/a')] });
    };
    expect(message({}, twice)).toBe(
      `[system/gateway] host '${SHOP}' with path exact '/a' for 'system/cart' is already taken by 'system/web' with every request; give each its own host or paths, the narrower first (host-taken)`,
    );
    expect(
      message({}, (gateway, cart) => {
        gateway.expose(cart, { host: SHOP, paths: [PathMatch.prefix('/')] });
        gateway.expose(cart, { host: SHOP });
      }),
    ).toContain('(unreachable-route)');
    expect(
      message({}, (gateway, cart) => {
        gateway.redirect(SHOP, Redirect.authority('new.example.com'));
        gateway.expose(cart, { host: SHOP });
      }),
    ).toContain('(host-taken)');
  });

  test.each([PathMatch.regex('/.*'), PathMatch.regex('^.*$'), PathMatch.template('/{**}')])(
    'is refused on a host of which another takes every path with an expression: %#',
    (path) => {
      expect(
        message({}, (gateway, cart, scope) => {
          gateway.expose(new CanaryApp(scope, 'web', BASE), { host: SHOP, paths: [path] });
          gateway.expose(cart, { host: SHOP, paths: [PathMatch.prefix('/cart')] });
        }),
      ).toContain(`host '${SHOP}' with path prefix '/cart' for 'system/cart' is already taken by 'system/web'`);
    },
  );

  test('is refused on paths that others take together, and names them all', () => {
    const [http, https] = [Listener.http(), Listener.https({ credential: 'cert' })];
    const between = (listeners?: Listener[]) =>
      message({ listeners: [http, https] }, (gateway, cart, scope) => {
        gateway.expose(new CanaryApp(scope, 'web', BASE), { host: SHOP, paths: [PathMatch.prefix('/a')] });
        gateway.expose(cart, { host: SHOP, paths: [PathMatch.prefix('/b')], listeners });
        gateway.expose(cart, { host: SHOP, paths: [PathMatch.exact('/a'), PathMatch.exact('/b')] });
      });
    expect(between()).toBe(
      `[system/gateway] host '${SHOP}' with path exact '/a' or path exact '/b' for 'system/cart' is already taken by 'system/web' with path prefix '/a' and 'system/cart' with path prefix '/b'; give each its own host or paths, the narrower first (host-taken)`,
    );
    expect(between([http, https])).toBe(between());
    expect(() => between([https])).toThrow('nothing was refused');
  });

  test.each<[ExposeOptions, string]>([
    [
      { host: '' },
      "host is ''; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label (invalid-host)",
    ],
    [
      { host: 'Shop.example.com' },
      "host is 'Shop.example.com'; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label (invalid-host)",
    ],
    [
      { host: '192.168.49.2' },
      "host is '192.168.49.2', which Istio takes for an address, as its last label is a number; allowed are DNS names, '*' only alone or as the first label (invalid-host)",
    ],
    [
      { host: 'shop' },
      "host is 'shop', which Istio takes for a Service of the namespace, so no request from outside ever matches; allowed are names with a dot, such as 'shop.example.com', and '*' (invalid-host)",
    ],
    [
      { host: SHOP, paths: [] },
      'no request satisfies both one of the paths (none is named) and every request (impossible-match)',
    ],
    [
      { host: SHOP, paths: [PathMatch.exact('/a')], when: PathMatch.exact('/b') },
      "no request satisfies both one of the paths (path exact '/a') and path exact '/b' (impossible-match)",
    ],
    [{ host: SHOP, listeners: [] }, 'listeners is empty; it has http-80 (invalid-listener)'],
    [
      { host: SHOP, listeners: [Listener.http()] },
      "listener http-80 is none of the gateway's; it has http-80 (invalid-listener)",
    ],
    [
      { host: SHOP, rewrite: Rewrite.prefix('/') },
      "the route rewrites the prefix to '/' but matches every path; match with PathMatch.prefix or PathMatch.below, or use Rewrite.path or Redirect.path (unsupported-rewrite)",
    ],
  ])('is refused with bad input: %#', (options, expected) => {
    expect(message({}, (gateway, cart) => gateway.expose(cart, options)).replace('[system/gateway] ', '')).toBe(expected);
  });

  test('stands in a folder of a host, and sees the paths from there on', () => {
    const manifests = synth((scope) => {
      const cart = new CanaryApp(scope, 'cart', {
        image: 'cart',
        ports: [AppPort.http(80)],
        rules: [{ when: PathMatch.below('/items'), to: 'v1' }],
        versions: { v1: {} },
      });
      const options = { host: SHOP, paths: [PathMatch.below('/cart')], rewrite: Rewrite.prefix('/') };
      new MeshGateway(scope, 'gateway').expose(cart, options);
    });
    const { http } = routes(manifests);
    expect(http.map(({ match, rewrite }: { match: unknown; rewrite: unknown }) => [match, rewrite])).toEqual([
      [[{ uri: { exact: '/cart/items' } }], { uri: '/items' }],
      [[{ uri: { prefix: '/cart/items/' } }], { uri: '/items/' }],
      [[{ uri: { exact: '/cart' } }, { uri: { prefix: '/cart/' } }], { uri: '/' }],
    ]);
  });

  test('is refused where its redirects and those of the gateway send a client in a circle', () => {
    const build = (gateway: MeshGateway, cart: CanaryApp) => {
      gateway.redirect(SHOP, Redirect.path('/old'), { paths: [PathMatch.exact('/shop/new')] });
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.prefix('/')] });
    };
    const rules = [{ when: PathMatch.exact('/old'), redirect: Redirect.path('/shop/new') }];
    expect(message({}, build, { rules })).toBe(
      `[system/gateway] redirects on host '${SHOP}' lead a client from '/shop/new' to '/old' to '/shop/new', and so on without end; let one of them lead to a path that no redirect takes (redirect-loop)`,
    );
  });

  test('may be sent back by a listener that does not lead on', () => {
    const http = Listener.http();
    const https = Listener.https({ credential: 'shop' });
    const manifests = mesh({ listeners: [http, https] }, (gateway) => {
      gateway.redirect(SHOP, Redirect.path('/b'), { paths: [PathMatch.exact('/a')], listeners: [http] });
      gateway.redirect(SHOP, Redirect.path('/a'), { paths: [PathMatch.exact('/b')], listeners: [https] });
    });
    expect(routes(manifests).http).toHaveLength(2);
  });

  test('is refused on a port that it lacks, or without HTTP', () => {
    expect(message({}, (gateway, cart) => gateway.expose(cart, { host: SHOP, port: 81 }))).toBe(
      "[system/cart] port 81 is none of the Service's; it has 80 (unknown-port)",
    );
    expect(message({}, exposeShop, { ports: [AppPort.tcp(80)] })).toContain("Service 'cart' has no HTTP port");
  });

  test('is refused on listeners of which some cannot serve a host', () => {
    const [http, passthrough, tcp] = [Listener.http(), Listener.passthrough(), Listener.tcp(5432)];
    const on = (...listeners: Listener[]) =>
      message({ listeners: [http, passthrough, tcp] }, (gateway, cart) => gateway.expose(cart, { host: SHOP, listeners }));
    expect(on(http, passthrough)).toBe(
      '[system/gateway] a host is served on http-80, tls-443; allowed are listeners for HTTP, or listeners that pass TLS through (invalid-listener)',
    );
    expect(on(tcp)).toContain('a host is served on tcp-5432; allowed are');
    expect(message({ listeners: [tcp] }, exposeShop)).toBe(
      '[system/gateway] a host needs a listener for HTTP or TLS passthrough; the gateway has tcp-5432 (invalid-listener)',
    );
  });

  test('must say who may reach it where somebody else owns it', () => {
    const foreign =
      (access?: Access): Build =>
      (gateway, _cart, scope) =>
        gateway.expose(MeshService.fromName(scope, 'kiali', { ports: [AppPort.http(20001)] }), { host: SHOP, access });
    expect(message({}, foreign())).toContain('(missing-access)');
    expect(routes(mesh({}, foreign(Access.public()))).http[0].route).toEqual([
      { destination: { host: 'kiali.shop.svc.cluster.local', port: { number: 20001 } } },
    ]);
  });
});

describe('several listeners', () => {
  const [http, https] = [Listener.http(), Listener.https({ credential: 'cert' })];

  test('serve a host alike, unless it is limited to one', () => {
    const listeners = [http, https];
    expect(routes(mesh({ listeners }, exposeShop)).http[0].match).toBeUndefined();
    const limited = mesh({ listeners }, (gateway, cart) => {
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.exact('/a')], listeners: [https] });
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.exact('/b')] });
    });
    expect(routes(limited).http.map(({ match }: { match: unknown }) => match)).toEqual([
      [{ uri: { exact: '/a' }, port: 443 }],
      [{ uri: { exact: '/b' } }],
    ]);
  });

  test('serve what asks for one of their ports on that one alone', () => {
    const [other, third] = [Listener.http({ port: 8080 }), Listener.http({ port: 8081 })];
    const when = PortMatch.of(80).or(HeaderMatch.present('x'));
    const manifests = mesh({ listeners: [http, other, third] }, (gateway, cart) => {
      gateway.expose(cart, { host: SHOP, when, listeners: [http, other] });
      gateway.expose(cart, { host: SHOP });
    });
    const x = { headers: { x: {} } };
    expect(routes(manifests).http[0].match).toEqual([{ port: 80 }, { ...x, port: 80 }, { ...x, port: 8080 }]);
  });

  test('serve in front of a redirect to https nothing that asks for another port', () => {
    const redirecting = Listener.http({ redirectToHttps: true, redirectExcept: [PathMatch.prefix('/open/')] });
    const manifests = mesh({ listeners: [redirecting, https] }, (gateway, cart) =>
      gateway.expose(cart, { host: SHOP, when: PortMatch.of(443) }),
    );
    expect(routes(manifests).http.map(({ match }: { match: unknown }) => match)).toEqual([[{ port: 80 }], [{ port: 443 }]]);
  });

  test('redirect from one to the other, and in no circle', () => {
    const redirect = (...listeners: Listener[]) =>
      mesh({ listeners: [http, https] }, (gateway, cart) => {
        gateway.redirect(SHOP, Redirect.https(), { listeners });
        gateway.expose(cart, { host: SHOP, listeners: [https] });
      });
    expect(
      routes(redirect(http)).http.map(({ match, redirect: sent }: { match: unknown; redirect: unknown }) => [match, sent]),
    ).toEqual([
      [[{ port: 80 }], { scheme: 'https', redirectCode: 301 }],
      [[{ port: 443 }], undefined],
    ]);
    expect(refusal(() => redirect(https))).toContain('(redirect-loop)');
    expect(refusal(() => redirect(http, https))).toContain('(redirect-loop)');
  });

  test('redirect to https by Istio’s own means', () => {
    const manifests = mesh({ listeners: [Listener.http({ redirectToHttps: true }), https] }, exposeShop);
    expect(servers(manifests)[0].tls).toEqual({ httpsRedirect: true });
    expect(routes(manifests).http).toHaveLength(1);
  });

  test('redirect to https but for the paths of an ACME solver', () => {
    const acme = Listener.http({ redirectToHttps: true, redirectExcept: [PathMatch.prefix('/.well-known/acme-challenge/')] });
    const manifests = mesh({ listeners: [acme, https] }, (gateway, cart, scope) => {
      const solver = new CanaryApp(scope, 'solver', BASE);
      gateway.expose(solver, { host: SHOP, paths: [PathMatch.prefix('/.well-known/')], listeners: [acme] });
      gateway.expose(cart, { host: SHOP, paths: [PathMatch.template('/app/{*}')] });
    });
    expect(servers(manifests)[0].tls).toBeUndefined();
    expect(
      routes(manifests).http.map(
        ({ match, redirect, route }: { match: unknown; redirect: unknown; route?: { destination: { host: string } }[] }) => [
          match,
          redirect ?? route?.[0].destination.host,
        ],
      ),
    ).toEqual([
      [[{ uri: { prefix: '/.well-known/acme-challenge/' }, port: 80 }], 'solver.shop.svc.cluster.local'],
      [[{ port: 80 }], { scheme: 'https', redirectCode: 301 }],
      [[{ uri: { regex: '^/app/[^/]+$' } }], CART],
    ]);
  });

  test('redirect to the port of https where that is another', () => {
    const acme = Listener.http({ redirectToHttps: true, redirectExcept: [PathMatch.exact('/a')] });
    const manifests = mesh({ listeners: [acme, Listener.https({ credential: 'cert', port: 8443 })] }, exposeShop);
    expect(routes(manifests).http[1]).toEqual({
      match: [{ port: 80 }],
      redirect: { scheme: 'https', port: 8443, redirectCode: 301 },
    });
  });

  test.each<[string, number, number, object]>([
    [SHOP, 80, 8443, { port: 8443 }],
    [SHOP, 8080, 443, { authority: SHOP }],
    ['*.example.com', 8080, 443, {}],
    [SHOP, 8080, 8443, { port: 8443 }],
  ])('redirect %s from port %p to https on %p', (host, from, to, target) => {
    const listeners = [Listener.http({ port: from, redirectToHttps: true }), Listener.https({ credential: 'cert', port: to })];
    const manifests = mesh({ listeners }, (gateway, cart) => gateway.expose(cart, { host }));
    expect(servers(manifests)[0].tls).toBeUndefined();
    expect(routes(manifests, host.replace('*', 'any')).http[0]).toEqual({
      match: [{ port: from }],
      redirect: { scheme: 'https', redirectCode: 301, ...target },
    });
  });
});

describe('redirects of a host', () => {
  test('send its clients elsewhere', () => {
    const manifests = mesh({}, (gateway) => gateway.redirect(SHOP, Redirect.authority('new.example.com')));
    expect(routes(manifests).http).toEqual([{ redirect: { authority: 'new.example.com', redirectCode: 301 } }]);
  });

  test('may take some paths only', () => {
    const manifests = mesh({}, (gateway, cart) => {
      gateway.redirect(SHOP, Redirect.path('/new'), { paths: [PathMatch.exact('/old')] });
      gateway.expose(cart, { host: SHOP });
    });
    expect(routes(manifests).http[0]).toEqual({
      match: [{ uri: { exact: '/old' } }],
      redirect: { uri: '/new', redirectCode: 301 },
    });
  });

  test.each<[string, Redirect, GatewayMatchOptions]>([
    [SHOP, Redirect.authority(SHOP), {}],
    ['*.example.com', Redirect.authority('www.example.com'), {}],
    ['*', Redirect.authority('www.example.com'), {}],
    [SHOP, Redirect.https(), {}],
    [SHOP, Redirect.path('/a/b'), { paths: [PathMatch.prefix('/a')] }],
  ])('are refused where the client would come back: %s %#', (host, redirect, options) => {
    expect(message({}, (gateway) => gateway.redirect(host, redirect, options))).toContain('(redirect-loop)');
  });
});

describe('a condition that nobody outside satisfies is refused', () => {
  test.each<[string, RequestMatch]>([
    ['label app=front of the caller', SourceMatch.labels({ app: 'front' })],
    ['namespace front of the caller', SourceMatch.namespace('front')],
    ['port 8080', PortMatch.of(8080)],
    ["host exact 'www.example.com'", AuthorityMatch.exact('www.example.com')],
  ])('%s', (described, when) => {
    const refused = `[system/gateway] no request for host '${SHOP}' satisfies ${described}; a gateway knows the host that is exposed, its own ports (80), and nothing of who calls (impossible-match)`;
    expect(message({}, (gateway, cart) => gateway.expose(cart, { host: SHOP, when }))).toBe(refused);
    expect(message({}, (gateway) => gateway.redirect(SHOP, Redirect.authority('b.example.com'), { when }))).toBe(refused);
  });

  test('also below a pattern, which does not serve its own name', () => {
    for (const name of ['example.com', 'shop-example.com', 'shop.example.org']) {
      const when = AuthorityMatch.exact(name);
      expect(message({}, (gateway, cart) => gateway.expose(cart, { host: '*.example.com', when }))).toContain(
        '(impossible-match)',
      );
    }
  });

  test.each<[string, RequestMatch]>([
    [SHOP, PortMatch.of(80)],
    [SHOP, AuthorityMatch.exact(`${SHOP}:80`)],
    [SHOP, SourceMatch.namespace('front').or(PathMatch.exact('/a'))],
    ['*.example.com', AuthorityMatch.exact(SHOP)],
    ['*', AuthorityMatch.exact(SHOP)],
  ])('but not where some do: %s %#', (host, when) => {
    expect(
      message({}, (gateway, cart) => {
        gateway.expose(cart, { host, when });
        gateway.expose(cart, { host: '-' });
      }),
    ).toContain('(invalid-host)');
  });
});

describe('TLS that is passed through', () => {
  const listeners = [Listener.passthrough()];
  const ports = [AppPort.http(80), AppPort.https(8443)];

  test('is routed by its name, with the split of the app', () => {
    const manifests = mesh({ listeners }, exposeShop, { ports, destinationHeaders: { v1: { request: { set: { a: 'b' } } } } });
    expect(routes(manifests)).toEqual({
      hosts: [SHOP],
      gateways: ['shop/gateway'],
      tls: [{ match: [{ port: 443, sniHosts: [SHOP] }], route: [to('v1', 90, 8443), to('v2', 10, 8443)] }],
    });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test.each<[string, Partial<ExposeOptions>]>([
    ['paths', { paths: [PathMatch.exact('/a')] }],
    ['conditions', { when: HeaderMatch.present('x') }],
    ['rewrites', { rewrite: Rewrite.authority('inner.example.com') }],
    ['users', { access: Access.sourceRanges(['10.0.0.0/8']) }],
  ])('knows no %s', (_, options) => {
    expect(message({ listeners }, (gateway, cart) => gateway.expose(cart, { host: SHOP, ...options }), { ports })).toBe(
      '[system/gateway] paths, when, rewrite and access for some need HTTP, and a passthrough listener sees only the SNI; terminate TLS with Listener.https (invalid-listener)',
    );
  });

  test('leads to a port that takes it as it is', () => {
    const opaque = mesh({ listeners }, exposeShop, { ports: [AppPort.http(80), AppPort.tcp(9000)] });
    expect(routes(opaque).tls[0].route).toEqual([to('v1', 90, 9000), to('v2', 10, 9000)]);
    expect(message({ listeners }, exposeShop)).toBe(
      "[system/gateway] a passthrough listener hands TLS on as it is, and 'system/cart' speaks http on port 80; give it a port for TLS, such as AppPort.https(8443), or terminate TLS with Listener.https (invalid-listener)",
    );
    expect(message({ listeners }, (gateway, cart) => gateway.expose(cart, { host: SHOP, port: 80 }), { ports })).toContain(
      "'system/cart' speaks http on port 80",
    );
  });

  test('is not what goes on where the gateway ends it: an app that speaks TLS itself is called with client TLS', () => {
    const ended: MeshGatewayProps = { listeners: [Listener.https({ credential: 'cert' })] };
    const stream: MeshGatewayProps = { listeners: [Listener.tls({ credential: 'cert' })] };
    const exposePort: Build = (gateway, cart) => gateway.expose(cart, { host: SHOP, port: 8443 });
    const protect: Build = (gateway, cart, scope) => {
      exposePort(gateway, cart, scope);
      new ResilienceRules(scope, 'rules', { app: cart, ports: { '8443': { clientTls: ClientTls.simple() } } });
    };
    expect(refusal(() => mesh(ended, exposePort, { ports }))).toContain(
      "[system/gateway] requests go in plain text to port 8443 of 'cart', which speaks https; encrypt them: new ResilienceRules(…, { app, ports: { 8443: { clientTls: ClientTls.simple(…) } } }), or hand TLS on with Listener.passthrough (invalid-listener)",
    );
    expect(refusal(() => mesh(stream, (gateway, cart) => gateway.tcp(cart, { port: 8443 }), { ports }))).toContain(
      'in plain text to port 8443',
    );
    expect(routes(mesh(ended, protect, { ports })).http[0].route[0].destination.port).toEqual({ number: 8443 });
  });

  test('is refused on a host that belongs to another', () => {
    const twice: Build = (gateway, cart) => {
      gateway.expose(cart, { host: SHOP });
      gateway.expose(cart, { host: SHOP });
    };
    expect(message({ listeners }, twice, { ports })).toBe(
      `[system/gateway] host '${SHOP}' for 'system/cart' is already taken by 'system/cart' (host-taken)`,
    );
  });
});

describe('a TCP stream', () => {
  const tcp = Listener.tcp(5432);
  const ports = [AppPort.http(80), AppPort.tcp(9000)];

  test('leads to the app, with its split and without headers', () => {
    const manifests = mesh({ listeners: [tcp] }, (gateway, cart) => gateway.tcp(cart), {
      ports,
      destinationHeaders: { v1: { request: { set: { a: 'b' } } } },
    });
    expect(one(manifests, 'VirtualService', 'gateway-tcp-5432').spec).toEqual({
      hosts: ['*'],
      gateways: ['shop/gateway'],
      tcp: [{ match: [{ port: 5432 }], route: [to('v1', 90, 9000), to('v2', 10, 9000)] }],
    });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('leads to the first port of an app that speaks HTTP alone', () => {
    const manifests = mesh({ listeners: [tcp] }, (gateway, cart) => gateway.tcp(cart));
    expect(one(manifests, 'VirtualService', 'gateway-tcp-5432').spec.tcp[0].route).toEqual([to('v1', 90), to('v2', 10)]);
  });

  test.each<[MeshGatewayProps, GatewayTcpOptions, string]>([
    [{}, {}, "[system/gateway] tcp() needs one of the gateway's TCP or TLS listeners; it has none (invalid-listener)"],
    [
      { listeners: [tcp, Listener.tls({ credential: 'a' })] },
      {},
      "[system/gateway] tcp() needs one of the gateway's TCP or TLS listeners; it has tcp-5432, tls-443 (invalid-listener)",
    ],
    [
      { listeners: [tcp] },
      { listener: Listener.tcp(1) },
      "[system/gateway] tcp() needs one of the gateway's TCP or TLS listeners; it has tcp-5432 (invalid-listener)",
    ],
    [{ listeners: [tcp] }, { port: 1 }, "[system/cart] port 1 is none of the Service's; it has 80, 9000 (unknown-port)"],
  ])('is refused with bad input: %#', (props, options, expected) => {
    expect(message(props, (gateway, cart) => gateway.tcp(cart, options), { ports })).toBe(expected);
  });

  test('leads to one app only', () => {
    const twice: Build = (gateway, cart) => {
      gateway.tcp(cart);
      gateway.tcp(cart);
    };
    expect(message({ listeners: [tcp] }, twice, { ports })).toBe(
      "[system/gateway] listener tcp-5432 already leads to 'system/cart' and cannot lead to 'system/cart' too (duplicate-port)",
    );
  });
});

describe('a Gateway that somebody else owns', () => {
  const foreign = (props: MeshGatewayFromNameProps) =>
    synth((scope) => {
      MeshGateway.fromName(scope, 'foreign', props).expose(new CanaryApp(scope, 'cart', BASE), { host: SHOP });
    });

  test('is named in the VirtualServices, which stand in the chart', () => {
    const props: Required<MeshGatewayFromNameProps> = {
      name: 'public',
      namespace: 'istio-ingress',
      selector: { istio: 'ingress' },
      workloadNamespace: 'istio-ingress',
      workloadServiceAccount: 'istio-ingress',
      listeners: [Listener.https({ credential: 'cert' })],
    };
    const manifests = foreign(props);
    expect(manifests.map(title)).not.toContain('Gateway public');
    const routes = one(manifests, 'VirtualService', `public-${SHOP}`);
    expect(routes.metadata.namespace).toBe('shop');
    expect(routes.spec.gateways).toEqual(['istio-ingress/public']);
  });

  test('stands in the chart’s namespace unless another is said', () => {
    expect(one(foreign({ name: 'public' }), 'VirtualService', `public-${SHOP}`).spec.gateways).toEqual(['shop/public']);
    expect(refusal(() => foreign({ name: 'public', namespace: 'A' }))).toContain("namespace is 'A'; allowed are");
    expect(refusal(() => foreign({ name: '' }))).toContain("name of the Gateway is ''; allowed are");
  });
});
