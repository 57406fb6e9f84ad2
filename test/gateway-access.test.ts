import { Chart } from 'cdk8s';
import {
  Access,
  Alternatives,
  AppPort,
  CanaryApp,
  type GatewayTcpOptions,
  Listener,
  MeshGateway,
  type MeshGatewayProps,
  MeshService,
  PathMatch,
} from 'cdk8s-istio';
import type { Construct } from 'constructs';
import { schemaMistakes } from './support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth } from './support/synth';

const TOKENS = { issuer: 'https://id.example.com', jwksUri: 'https://id.example.com/keys' };
const OFFICE = Access.sourceRanges(['203.0.113.0/24']);

function dashboard(scope: Chart, id = 'grafana'): MeshService {
  return MeshService.fromName(scope, id, { namespace: 'istio-system', ports: [AppPort.http(3000)] });
}

function cart(scope: Chart): CanaryApp {
  return new CanaryApp(scope, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } });
}

function exposed(access: Access, host = 'grafana.example.com'): Manifest[] {
  const manifests = synth((scope) => new MeshGateway(scope, 'gateway').expose(dashboard(scope), { host, access }));
  expect(schemaMistakes(manifests)).toEqual([]);
  return manifests;
}

function policies(manifests: readonly Manifest[]): Manifest[] {
  return manifests.filter(({ apiVersion }) => apiVersion === 'security.istio.io/v1');
}

describe('who may reach a host of a gateway', () => {
  test('must be said for what somebody else owns', () => {
    const scope = chart();
    const gateway = new MeshGateway(scope, 'gateway');
    expect(refusal(() => gateway.expose(dashboard(scope), { host: 'grafana.example.com' }))).toBe(
      "[system/gateway] Service 'grafana' belongs to somebody else and is exposed on host 'grafana.example.com' without access; say who may reach it: Access.sourceRanges, Access.jwt, Access.externalAuthorization or Access.public (missing-access)",
    );
  });

  test('is everybody for an app of our own, and needs no policy', () => {
    const manifests = synth((scope) => new MeshGateway(scope, 'gateway').expose(cart(scope), { host: 'cart.example.com' }));
    expect(policies(manifests)).toEqual([]);
  });

  test('is everybody where that is said', () => {
    expect(policies(exposed(Access.public()))).toEqual([]);
  });

  test('is refused by the pods of the gateway, whatever port stands behind the host', () => {
    const { metadata, spec } = one(exposed(OFFICE), 'AuthorizationPolicy');
    expect(metadata).toEqual({ name: 'shop-gateway-grafana.example.com', namespace: 'istio-system' });
    expect(spec).toEqual({
      selector: { matchLabels: { istio: 'ingressgateway' } },
      action: 'DENY',
      rules: [
        {
          from: [{ source: { notRemoteIpBlocks: ['203.0.113.0/24'] } }],
          to: [{ operation: { hosts: ['grafana.example.com', 'grafana.example.com:*'] } }],
        },
      ],
    });
  });

  test('says nothing of streams: Istio would refuse them too, since they have no host', () => {
    const manifests = synth((scope) => {
      const listeners = [Listener.http(), Listener.tcp(5432), Listener.autoPassthrough(['*.local'])];
      const gateway = new MeshGateway(scope, 'gateway', { listeners });
      gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: OFFICE });
      gateway.expose(dashboard(scope, 'any'), { host: '*', access: OFFICE });
      gateway.tcp(MeshService.fromName(scope, 'db', { ports: [AppPort.tcp(5432)] }), { access: Access.public() });
    });
    expect(schemaMistakes(manifests)).toEqual([]);
    const notPorts = ['5432', '15443'];
    expect(policies(manifests).map(({ spec }) => spec.rules[0].to[0].operation)).toEqual([
      { hosts: ['grafana.example.com', 'grafana.example.com:*'], notPorts },
      { notHosts: ['grafana.example.com', 'grafana.example.com:*'], notPorts },
    ]);
  });

  test('for all hosts leaves out those of which something else is said, before or after', () => {
    const shown = (order: ('all' | 'public' | 'office')[]) =>
      policies(
        synth((scope) => {
          const gateway = new MeshGateway(scope, 'gateway');
          const expose = {
            all: () => gateway.expose(dashboard(scope, 'any'), { host: '*', access: OFFICE }),
            public: () => gateway.expose(dashboard(scope, 'shop'), { host: 'shop.example.com', access: Access.public() }),
            office: () =>
              gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: Access.sourceRanges(['192.0.2.0/24']) }),
          };
          for (const one of order) {
            expose[one]();
          }
        }),
      ).map(({ metadata, spec }) => [metadata.name, spec.rules[0].to[0].operation]);
    const shop = ['shop.example.com', 'shop.example.com:*'];
    const grafana = ['grafana.example.com', 'grafana.example.com:*'];
    expect(shown(['all', 'public', 'office'])).toEqual([
      ['shop-gateway-any', { notHosts: [...shop, ...grafana] }],
      ['shop-gateway-grafana.example.com', { hosts: grafana }],
    ]);
    expect(shown(['public', 'all'])).toEqual([['shop-gateway-any', { notHosts: shop }]]);
  });

  test.each([
    ['*', '*.example.com'],
    ['*.example.com', '*'],
  ])('for all hosts cannot leave out a pattern: %s and then %s', (...hosts) => {
    const problem = refusal(() =>
      synth((scope) => {
        const gateway = new MeshGateway(scope, 'gateway');
        for (const host of hosts) {
          gateway.expose(dashboard(scope, host === '*' ? 'any' : 'shop'), {
            host,
            access: host === '*' ? OFFICE : Access.public(),
          });
        }
      }),
    );
    expect(problem).toBe(
      "[system/gateway] host '*' is for clients from 203.0.113.0/24 and '*.example.com' for everybody, but no AuthorizationPolicy leaves out a pattern with and without a port; say access for full host names (invalid-access)",
    );
  });

  test('is asked for a stream to somebody else’s Service as it is for a host, and can be everybody alone', () => {
    const stream = (options: GatewayTcpOptions) => {
      const scope = chart();
      const gateway = new MeshGateway(scope, 'gateway', { listeners: [Listener.tcp(5432)] });
      return refusal(() => gateway.tcp(MeshService.fromName(scope, 'db', { ports: [AppPort.tcp(5432)] }), options));
    };
    expect(stream({})).toBe(
      "[system/gateway] Service 'db' belongs to somebody else and is exposed on listener tcp-5432 without access; say who may reach it: Access.public, if it is everybody (missing-access)",
    );
    expect(stream({ access: OFFICE })).toBe(
      '[system/gateway] listener tcp-5432 forwards connections, of which no policy knows more than the port; allowed is Access.public(), or a NetworkPolicy of your own (invalid-listener)',
    );
  });

  test('stands on a port that HTTPS shares with TLS that is passed through', () => {
    const manifests = synth((scope) => {
      const streams = [Listener.passthrough(), Listener.passthrough({ port: 8443 })];
      const gateway = new MeshGateway(scope, 'gateway', { listeners: [Listener.https({ credential: 'cert' }), ...streams] });
      gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: OFFICE });
      const vault = MeshService.fromName(scope, 'vault', { ports: [AppPort.https(8200)] });
      gateway.expose(vault, { host: 'vault.example.com', listeners: streams, access: Access.public() });
    });
    expect(policies(manifests)[0].spec.rules[0].to[0].operation.notPorts).toEqual(['8443']);
  });

  test('is asked of an external authorizer, for all hosts too', () => {
    expect(one(exposed(Access.externalAuthorization('oauth2-proxy'), '*'), 'AuthorizationPolicy')).toMatchObject({
      metadata: { name: 'shop-gateway-any' },
      spec: { action: 'CUSTOM', provider: { name: 'oauth2-proxy' }, rules: [{}] },
    });
  });

  test('is shown by a token, which is verified and handed on', () => {
    const manifests = exposed(Access.jwt(TOKENS));
    expect(one(manifests, 'RequestAuthentication').spec).toEqual({
      selector: { matchLabels: { istio: 'ingressgateway' } },
      jwtRules: [{ ...TOKENS, forwardOriginalToken: true }],
    });
    expect(one(manifests, 'AuthorizationPolicy').spec.action).toBe('DENY');
  });

  test('may be shown by tokens of one issuer on several hosts: Envoy takes each issuer once', () => {
    const manifests = synth((scope) => {
      const gateway = new MeshGateway(scope, 'gateway');
      gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: Access.jwt(TOKENS) });
      gateway.expose(dashboard(scope, 'kiali'), { host: 'kiali.example.com', access: Access.jwt(TOKENS) });
    });
    expect(one(manifests, 'RequestAuthentication').spec.jwtRules).toHaveLength(1);
    expect(manifests.filter(({ kind }) => kind === 'AuthorizationPolicy')).toHaveLength(2);
  });

  test('cannot be shown by tokens of one issuer with other audiences', () => {
    const scope = chart();
    const gateway = new MeshGateway(scope, 'gateway');
    gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: Access.jwt(TOKENS) });
    const access = Access.jwt({ ...TOKENS, audiences: ['kiali'] });
    expect(refusal(() => gateway.expose(dashboard(scope, 'kiali'), { host: 'kiali.example.com', access }))).toBe(
      "[system/gateway] issuer 'https://id.example.com' has another jwksUri or other audiences on this gateway already; make one Access.jwt and use it twice (conflicting-rules)",
    );
  });

  test('is one decision for all that a host serves', () => {
    const scope = chart();
    const gateway = new MeshGateway(scope, 'gateway');
    const under = (path: string) => ({ host: 'a.example.com', paths: [PathMatch.prefix(path)] });
    gateway.expose(dashboard(scope), { ...under('/grafana'), access: OFFICE });
    gateway.expose(dashboard(scope, 'kiali'), { ...under('/kiali'), access: OFFICE });
    expect(refusal(() => gateway.expose(cart(scope), under('/cart')))).toBe(
      "[system/gateway] host 'a.example.com' is for clients from 203.0.113.0/24 already, and here for everybody; say the same access wherever the host is exposed (conflicting-rules)",
    );
  });

  describe('at two gateways with the same pods, whose policies do not ask by which one a request came,', () => {
    const two = (scope: Construct, second: MeshGatewayProps = {}) => [
      new MeshGateway(scope, 'one'),
      new MeshGateway(scope, 'two', { listeners: [Listener.http({ port: 8080 })], ...second }),
    ];

    test('is one decision', () => {
      const scope = chart();
      const [one, other] = two(scope);
      one.expose(dashboard(scope), { host: 'a.example.com', access: OFFICE });
      expect(refusal(() => other.expose(cart(scope), { host: 'a.example.com' }))).toBe(
        "[system/two] host 'a.example.com' is for clients from 203.0.113.0/24 already at 'system/one', whose pods are the same, and here for everybody; say the same access wherever the host is exposed (conflicting-rules)",
      );
    });

    test('leaves out of all hosts those that the other decides on', () => {
      const manifests = synth((scope) => {
        const [first, second] = two(scope);
        first.expose(dashboard(scope), { host: '*', access: OFFICE });
        second.expose(cart(scope), { host: 'cart.example.com' });
      });
      expect(one(manifests, 'AuthorizationPolicy').spec.rules[0].to).toEqual([
        { operation: { notHosts: ['cart.example.com', 'cart.example.com:*'] } },
      ]);
    });

    test('takes a pattern for everybody at the one for what it is, beside all hosts at the other', () => {
      const scope = chart();
      const [first, second] = two(scope);
      first.expose(dashboard(scope), { host: '*', access: OFFICE });
      expect(refusal(() => second.expose(cart(scope), { host: '*.example.com' }))).toContain('(invalid-access)');
    });

    test('knows one set of keys for an issuer', () => {
      const scope = chart();
      const [first, second] = two(scope);
      first.expose(dashboard(scope), { host: 'a.example.com', access: Access.jwt(TOKENS) });
      const access = Access.jwt({ ...TOKENS, jwksUri: 'https://id.example.com/other' });
      expect(refusal(() => second.expose(dashboard(scope, 'b'), { host: 'b.example.com', access }))).toBe(
        "[system/two] issuer 'https://id.example.com' has another jwksUri or other audiences at 'system/one', whose pods are the same, already; make one Access.jwt and use it twice (conflicting-rules)",
      );
    });

    test('is free where the pods differ, or the two are never there together', () => {
      const scope = chart();
      const [first, second] = two(scope, { selector: { istio: 'internal' } });
      first.expose(dashboard(scope), { host: 'a.example.com', access: OFFICE });
      expect(() => second.expose(cart(scope), { host: 'a.example.com' })).not.toThrow();
      const variants = new Alternatives(meshApp(), 'variants');
      for (const [id, access] of Object.entries({ closed: OFFICE, open: Access.public() })) {
        const variant = new Chart(variants, id, { namespace: 'shop' });
        new MeshGateway(variant, 'gateway').expose(cart(variant), { host: 'a.example.com', access });
      }
      expect(variants.node.children).toHaveLength(2);
    });
  });

  test('cannot be limited for a pattern of hosts, nor where TLS is passed through', () => {
    const scope = chart();
    const gateway = new MeshGateway(scope, 'gateway', { listeners: [Listener.passthrough(), Listener.http()] });
    expect(refusal(() => gateway.expose(dashboard(scope), { host: '*.example.com', access: OFFICE }))).toMatch(
      /is a pattern.*\(invalid-access\)$/,
    );
    const passthrough = new MeshGateway(scope, 'tls', { listeners: [Listener.passthrough()] });
    expect(refusal(() => passthrough.expose(dashboard(scope, 'kiali'), { host: 'b.example.com', access: OFFICE }))).toMatch(
      /need HTTP.*\(invalid-listener\)$/,
    );
  });

  test('is refused where the pods of a foreign gateway are', () => {
    const manifests = synth((scope) => {
      const gateway = MeshGateway.fromName(scope, 'gateway', {
        name: 'public',
        namespace: 'edge',
        selector: { istio: 'edge' },
        workloadNamespace: 'edge',
      });
      gateway.expose(dashboard(scope), { host: 'grafana.example.com', access: OFFICE });
    });
    expect(one(manifests, 'AuthorizationPolicy')).toMatchObject({
      metadata: { name: 'edge-public-grafana.example.com', namespace: 'edge' },
      spec: { selector: { matchLabels: { istio: 'edge' } } },
    });
  });
});
