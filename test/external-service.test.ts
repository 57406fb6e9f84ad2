import { Duration } from 'cdk8s';
import {
  Access,
  AppPort,
  CanaryApp,
  ExternalNetworks,
  ExternalService,
  type ExternalServiceProps,
  LoadBalancer,
  MeshGateway,
  PathMatch,
  PortProtocol,
  ResilienceRules,
  type TlsOrigination,
} from 'cdk8s-istio';
import { schemaMistakes } from './support/schemas';
import { chart, type Manifest, one, refusal, synth } from './support/synth';

function external(props: ExternalServiceProps): Manifest[] {
  const manifests = synth((scope) => new ExternalService(scope, 'outside', props));
  expect(schemaMistakes(manifests)).toEqual([]);
  return manifests;
}

describe('a host outside the mesh', () => {
  test('is a ServiceEntry that asks DNS', () => {
    expect(external({ host: 'accounts.google.com', ports: [AppPort.https(443)] })).toEqual([
      {
        apiVersion: 'networking.istio.io/v1',
        kind: 'ServiceEntry',
        metadata: { name: 'outside', namespace: 'shop' },
        spec: {
          hosts: ['accounts.google.com'],
          location: 'MESH_EXTERNAL',
          resolution: 'DNS',
          ports: [{ number: 443, name: 'https', protocol: 'HTTPS' }],
        },
      },
    ]);
  });

  test('may be a pattern, for which the app knows the address', () => {
    const { spec } = one(external({ host: '*.googleapis.com', ports: [AppPort.http(80), AppPort.https(443)] }), 'ServiceEntry');
    expect(spec).toMatchObject({ hosts: ['*.googleapis.com'], resolution: 'NONE' });
  });

  test('of a pattern only the caller knows an address, so nothing else leads to it', () => {
    const scope = chart();
    const outside = new ExternalService(scope, 'outside', { host: '*.example.com', ports: [AppPort.http(80)] });
    const refused =
      "[system/outside] host '*.example.com' is a pattern and has no address to which requests for something else could be sent; name one host (invalid-host)";
    const gateway = new MeshGateway(scope, 'gateway');
    expect(refusal(() => gateway.expose(outside, { host: 'a.example.com', access: Access.public() }))).toBe(refused);
    const rules = [{ when: PathMatch.below('/outside'), service: outside }];
    const props = { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } };
    expect(refusal(() => new CanaryApp(scope, 'cart', { ...props, rules }))).toBe(refused);
  });

  test('of a pattern may be protected all the same', () => {
    const manifests = synth((scope) => {
      const app = new ExternalService(scope, 'outside', { host: '*.example.com', ports: [AppPort.http(80)] });
      new ResilienceRules(scope, 'rules', { app, timeout: Duration.seconds(5) });
    });
    expect(one(manifests, 'VirtualService').spec).toMatchObject({
      hosts: ['*.example.com'],
      http: [{ route: [{ destination: { host: '*.example.com' } }], timeout: '5s' }],
    });
  });

  test('of a pattern leaves a load balancer nothing to choose from', () => {
    const scope = chart();
    const app = new ExternalService(scope, 'outside', { host: '*.example.com', ports: [AppPort.http(80)] });
    expect(refusal(() => new ResilienceRules(scope, 'rules', { app, loadBalancer: LoadBalancer.random() }))).toBe(
      "[system/rules] loadBalancer has nothing to choose from: of the pattern '*.example.com' callers bring the address themselves; leave it out (invalid-resilience)",
    );
  });

  test('may have addresses of its own', () => {
    const ports = [AppPort.http(80)];
    const { spec } = one(external({ host: 'metadata.google.internal', ports, endpoints: ['169.254.169.254'] }), 'ServiceEntry');
    expect(spec).toMatchObject({ resolution: 'STATIC', endpoints: [{ address: '169.254.169.254' }] });
  });

  test.each(Object.values(PortProtocol))('has a port of protocol %s that Istio knows', (protocol) => {
    const { spec } = one(external({ host: 'example.com', ports: [AppPort.of(protocol, 1234)] }), 'ServiceEntry');
    expect(spec.ports[0].protocol).toBe(protocol.toUpperCase());
  });

  test('is called with TLS that verifies whom it meets', () => {
    const manifests = external({ host: 'www.googleapis.com', tlsOrigination: {} });
    expect(one(manifests, 'ServiceEntry').spec.ports).toEqual([{ number: 80, name: 'http', protocol: 'HTTP', targetPort: 443 }]);
    expect(one(manifests, 'DestinationRule').spec).toEqual({
      host: 'www.googleapis.com',
      trafficPolicy: {
        portLevelSettings: [
          {
            port: { number: 80 },
            tls: { mode: 'SIMPLE', sni: 'www.googleapis.com', subjectAltNames: ['www.googleapis.com'], caCertificates: 'system' },
          },
        ],
      },
    });
  });

  test('takes every property', () => {
    const tlsOrigination: Required<TlsOrigination> = {
      port: 8080,
      targetPort: 8443,
      sni: 'api.internal',
      subjectAltNames: ['api.internal', 'api.example.com'],
      caCertificates: '/etc/certs/ca.pem',
    };
    const props: Required<ExternalServiceProps> = {
      host: 'api.example.com',
      name: 'api',
      ports: [AppPort.https(8443)],
      tlsOrigination,
      endpoints: ['192.0.2.1', '192.0.2.2'],
      networks: ExternalNetworks.of(['192.0.2.0/24']),
    };
    const manifests = external(props);
    expect(one(manifests, 'ServiceEntry', 'api').spec.ports).toEqual([
      { number: 8080, name: 'http', protocol: 'HTTP', targetPort: 8443 },
      { number: 8443, name: 'https', protocol: 'HTTPS' },
    ]);
    expect(one(manifests, 'DestinationRule', 'api').spec.trafficPolicy.portLevelSettings[0]).toEqual({
      port: { number: 8080 },
      tls: {
        mode: 'SIMPLE',
        sni: 'api.internal',
        subjectAltNames: ['api.internal', 'api.example.com'],
        caCertificates: '/etc/certs/ca.pem',
      },
    });
  });

  test('is protected like any app, in the one DestinationRule', () => {
    const manifests = synth((scope) => {
      const app = new ExternalService(scope, 'outside', { host: 'api.example.com', tlsOrigination: {} });
      new ResilienceRules(scope, 'rules', { app, timeout: Duration.seconds(3), outlierDetection: { consecutive5xxErrors: 3 } });
    });
    expect(one(manifests, 'DestinationRule').spec.trafficPolicy).toMatchObject({
      outlierDetection: { consecutive5xxErrors: 3 },
      portLevelSettings: [{ tls: { mode: 'SIMPLE' }, outlierDetection: { consecutive5xxErrors: 3 } }],
    });
    expect(one(manifests, 'VirtualService').spec).toMatchObject({ hosts: ['api.example.com'], http: [{ timeout: '3s' }] });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('is published at a gateway only with a decision on who may reach it', () => {
    const scope = chart();
    const app = new ExternalService(scope, 'outside', { host: 'api.example.com', ports: [AppPort.http(80)] });
    const gateway = new MeshGateway(scope, 'gateway');
    expect(refusal(() => gateway.expose(app, { host: 'api.shop.example' }))).toContain('(missing-access)');
    gateway.expose(app, { host: 'api.shop.example', access: Access.public() });
    expect(gateway.hosts).toEqual(['api.shop.example']);
  });

  test.each<[string, ExternalServiceProps, string]>([
    ['every host there is', { host: '*', ports: [AppPort.http(80)] }, 'invalid-host'],
    ['a pattern with TLS origination', { host: '*.example.com', tlsOrigination: {} }, 'invalid-host'],
    ['a pattern with an address', { host: '*.example.com', ports: [AppPort.http(80)], endpoints: ['192.0.2.1'] }, 'invalid-host'],
    ['a host that is none', { host: 'http://example.com', ports: [AppPort.http(80)] }, 'invalid-host'],
    [
      'an address that is a name',
      { host: 'example.com', ports: [AppPort.http(80)], endpoints: ['a.example.com'] },
      'invalid-host',
    ],
    ['no port', { host: 'example.com' }, 'no-ports'],
    ['a port twice', { host: 'example.com', ports: [AppPort.http(80)], tlsOrigination: {} }, 'duplicate-port'],
    ['a port beyond all ports', { host: 'example.com', tlsOrigination: { port: 65536 } }, 'out-of-range'],
  ])('is refused with %s', (_, props, code) => {
    expect(refusal(() => new ExternalService(chart(), 'outside', props))).toMatch(new RegExp(`\\(${code}\\)$`));
  });
});
