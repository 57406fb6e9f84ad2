import { Chart } from 'cdk8s';
import {
  Access,
  AppPort,
  CanaryApp,
  ClientTls,
  Listener,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  MeshService,
  MtlsMode,
  MutualTls,
  PathMatch,
  PeerAuthentication,
  ResilienceRules,
  TlsVersion,
} from 'cdk8s-istio';

/** The namespace of Services that somebody else owns. */
export const elsewhere = 'elsewhere';
export const hostOf = (app: string, namespace = 'encryption'): string => `${app}.${namespace}.svc.cluster.local`;

/** Hosts of the gateway. */
export const hosts = {
  site: 'site.example.com',
  other: 'other.example.org',
  member: 'member.example.com',
  guest: 'guest.example.com',
  vault: 'vault.example.com',
  meshed: 'meshed.example.com',
  legacySimple: 'legacy-simple.example.com',
  legacyMutual: 'legacy-mutual.example.com',
};

/** Secrets with certificates, in the namespace of the gateway's pods. */
export const credentials = { site: 'site', other: 'other', member: 'member', stream: 'stream', legacy: 'legacy' };

export const gatewayPorts = {
  http: 80,
  redirect: 81,
  https: 443,
  mutual: 8443,
  optional: 8444,
  passthrough: 8445,
  stream: 8446,
  meshed: 8447,
};
export const appPorts = { http: 8080, extra: 8081, stream: 7070, https: 8443 };

export const modes = {
  strict: MtlsMode.STRICT,
  permissive: MtlsMode.PERMISSIVE,
  disabled: MtlsMode.DISABLE,
};

/** TLS in all places: from clients to the gateway, from proxy to proxy, and to apps that end it themselves. */
export function encryption(app: MeshApp): void {
  const chart = new Chart(app, 'encryption', { namespace: 'encryption' });
  new MeshNamespace(chart, 'namespace');

  const site = new CanaryApp(chart, 'site', {
    image: 'example.com/site',
    ports: [AppPort.http(appPorts.http), AppPort.tcp(appPorts.stream)],
    replicas: 1,
    versions: { v1: {} },
  });
  const vault = new CanaryApp(chart, 'vault', {
    image: 'example.com/vault',
    ports: [AppPort.https(appPorts.https)],
    replicas: 1,
    versions: { v1: {}, v2: {} },
    split: { v1: 0, v2: 100 },
  });

  for (const [name, mode] of Object.entries(modes)) {
    const app = new CanaryApp(chart, name, {
      image: `example.com/${name}`,
      ports: [AppPort.http(appPorts.http)],
      replicas: 1,
      versions: { v1: {} },
    });
    new MutualTls(chart, `${name}-tls`, { app, mode });
  }
  const mixed = new CanaryApp(chart, 'mixed', {
    image: 'example.com/mixed',
    ports: [AppPort.http(appPorts.http), AppPort.http(appPorts.extra, { name: 'extra' })],
    replicas: 1,
    versions: { v1: {} },
  });
  new PeerAuthentication(chart, 'mixed-tls', {
    app: mixed,
    mode: MtlsMode.STRICT,
    ports: { [appPorts.extra]: MtlsMode.DISABLE },
  });

  const legacy = (name: string, clientTls: ClientTls) => {
    const app = MeshService.fromName(chart, name, { namespace: elsewhere, ports: [AppPort.http(appPorts.http)] });
    new ResilienceRules(chart, `${name}-tls`, { app, clientTls });
    return app;
  };
  const sni = hosts.legacySimple;
  legacy('legacy-unverified', ClientTls.simple({ insecureSkipVerify: true, sni }));
  const simple = legacy('legacy-simple', ClientTls.simple({ credentialName: credentials.legacy, sni }));
  const mutual = legacy('legacy-mutual', ClientTls.mutual({ credentialName: credentials.legacy, sni }));

  const acme = PathMatch.prefix('/.well-known/acme-challenge/');
  const listeners = {
    http: Listener.http({ redirectToHttps: true, redirectExcept: [acme] }),
    redirect: Listener.http({ port: gatewayPorts.redirect, redirectToHttps: true }),
    site: Listener.https({ credential: credentials.site }),
    other: Listener.https({ credential: credentials.other }),
    mutual: Listener.mutual({
      credential: credentials.member,
      port: gatewayPorts.mutual,
      minProtocolVersion: TlsVersion.TLS_1_3,
    }),
    optional: Listener.optionalMutual({ credential: credentials.member, port: gatewayPorts.optional }),
    passthrough: Listener.passthrough({ port: gatewayPorts.passthrough }),
    stream: Listener.tls({ credential: credentials.stream, port: gatewayPorts.stream }),
    meshed: Listener.istioMutual({ port: gatewayPorts.meshed }),
  };
  const gateway = new MeshGateway(chart, 'gateway', { listeners: Object.values(listeners) });
  const onSite = [listeners.http, listeners.redirect, listeners.site];
  gateway.expose(site, { host: hosts.site, listeners: onSite });
  gateway.expose(site, { host: hosts.other, listeners: [listeners.other] });
  gateway.expose(site, { host: hosts.member, listeners: [listeners.mutual] });
  gateway.expose(site, { host: hosts.guest, listeners: [listeners.optional] });
  gateway.expose(site, { host: hosts.meshed, listeners: [listeners.meshed] });
  gateway.expose(simple, { host: hosts.legacySimple, listeners: [listeners.site], access: Access.public() });
  gateway.expose(mutual, { host: hosts.legacyMutual, listeners: [listeners.site], access: Access.public() });
  gateway.expose(vault, { host: hosts.vault, listeners: [listeners.passthrough] });
  gateway.tcp(site, { listener: listeners.stream, port: appPorts.stream });

  const entrance = MeshService.fromName(chart, 'istio-ingressgateway', {
    namespace: 'istio-system',
    ports: [AppPort.tcp(gatewayPorts.meshed)],
  });
  const clientTls = ClientTls.istioMutual({ sni: hosts.meshed });
  new ResilienceRules(chart, 'entrance-tls', { app: entrance, ports: { [gatewayPorts.meshed]: { clientTls } } });
}
