import type { Manifest } from '../cluster/api';
import { CertificateAuthority } from '../cluster/certificates';
import { isKind, type Mesh, pick } from '../cluster/mesh';
import { namespace, standIn } from '../cluster/stand-in';
import { systemNamespace } from '../cluster/webhooks';
import { synthesize } from '../manifests';
import type { Certificate, ClientTls, HttpAnswer } from '../pod/protocol';
import { appPorts, credentials, elsewhere, encryption, gatewayPorts, hostOf, hosts } from '../systems/encryption';
import { identities } from './identities';
import type { Mutant, Scenario, System } from './scenario';

const gatewayIdentity = 'spiffe://cluster.local/ns/istio-system/sa/istio-ingressgateway';
const fromTheMesh = 'gateway: mesh certificates, by a caller in the mesh';

/** TLS in all places: from clients to the gateway, from proxy to proxy, and to apps that end it themselves. */
export const encryptionSystem: System = {
  name: 'encryption',
  objects: () => synthesize(encryption),
  surroundings: async () => {
    const { site, other, member, authority } = await keys();
    return [
      namespace(elsewhere, 'disabled'),
      ...legacyApps.flatMap((name) => standIn(name, elsewhere, { name: 'http', port: appPorts.http })),
      secret(credentials.site, site),
      secret(credentials.other, other),
      secret(credentials.member, site, authority),
      secret(credentials.stream, site),
      secret(credentials.legacy, member, authority),
    ];
  },
  scenarios: async (mesh) => {
    const made = await keys();
    await presentCertificates(mesh, made);
    return [...(await atTheGateway(mesh, made)), ...(await appsThatEndTls(mesh, made)), ...mutualTlsModes(mesh)];
  },
  mutants: mutants(),
  acceptedMessages: { IST0128: 'it overlooks credentialName, and one of the apps is to be trusted unverified' },
};

const legacyApps = ['legacy-unverified', 'legacy-simple', 'legacy-mutual'];

/** Certificates of servers and clients, and the authorities that signed them. */
interface Keys extends Record<'site' | 'other' | 'vault' | 'legacy' | 'member' | 'stranger', Certificate> {
  readonly authority: string;
  readonly strangersAuthority: string;
}

let made: Promise<Keys> | undefined;

/** Made at the first use. */
function keys(): Promise<Keys> {
  made ??= makeKeys();
  return made;
}

async function makeKeys(): Promise<Keys> {
  const [ours, theirs] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create()]);
  return {
    authority: ours.certificate,
    strangersAuthority: theirs.certificate,
    site: await ours.issue('*.example.com'),
    other: await ours.issue(hosts.other),
    vault: await ours.issue(hosts.vault),
    legacy: await ours.issue(hosts.legacySimple),
    member: await ours.issue('member'),
    stranger: await theirs.issue('stranger'),
  };
}

/** For one of our listeners, with the authority that verifies clients where there is one. */
function secret(name: string, { certificate, key }: Certificate, authority?: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: systemNamespace },
    stringData: { 'tls.crt': certificate, 'tls.key': key, ...(authority && { 'ca.crt': authority }) },
  };
}

async function presentCertificates(mesh: Mesh, keys: Keys): Promise<void> {
  const vaults = await mesh.pods('encryption', { app: 'vault' });
  await Promise.all(vaults.map((pod) => pod.call('presentCertificate', keys.vault)));
  for (const app of legacyApps)
    for (const pod of await mesh.pods(elsewhere, { app })) await pod.call('presentCertificate', keys.legacy);
}

function describe({ status, headers, received, error }: HttpAnswer): string {
  if (error) return 'refused';
  return [status, headers.location ?? received?.app].filter(Boolean).join(' ');
}

async function atTheGateway(mesh: Mesh, { authority, strangersAuthority, member, stranger }: Keys): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const tls: ClientTls = { authority };
  const asMember = { ...tls, identity: member };
  const asStranger = { ...tls, identity: stranger };
  const old = { maxVersion: 'TLSv1.2' } as const;
  const redirected = `301 https://${hosts.site}/path?a=b`;
  const mutual = `https://${hosts.member}:${gatewayPorts.mutual}/`;
  const optional = `https://${hosts.guest}:${gatewayPorts.optional}/`;
  const meshed = `https://${hosts.meshed}:${gatewayPorts.meshed}/`;
  const requests: [name: string, url: string, tls: ClientTls | undefined, expected: string][] = [
    ['http is redirected', `http://${hosts.site}/path?a=b`, undefined, redirected],
    ['http on another port is redirected', `http://${hosts.site}:${gatewayPorts.redirect}/path?a=b`, undefined, redirected],
    ['http for ACME is not', `http://${hosts.site}/.well-known/acme-challenge/token`, undefined, '200 site'],
    ['simple', `https://${hosts.site}/`, tls, '200 site'],
    ['simple, TLS 1.2', `https://${hosts.site}/`, { ...tls, ...old }, '200 site'],
    ['simple, a client that trusts others', `https://${hosts.site}/`, { authority: strangersAuthority }, 'refused'],
    ['simple, a client that trusts everybody', `https://${hosts.site}/`, {}, '200 site'],
    ['simple, another certificate on the same port', `https://${hosts.other}/`, tls, '200 site'],
    ['simple, a host that is not served', 'https://unknown.example.com/', tls, 'refused'],
    ['mutual', mutual, asMember, '200 site'],
    ['mutual, without a certificate', mutual, tls, 'refused'],
    ['mutual, with a certificate of others', mutual, asStranger, 'refused'],
    ['mutual, TLS 1.2 where 1.3 is asked for', mutual, { ...asMember, ...old }, 'refused'],
    ['optional mutual', optional, asMember, '200 site'],
    ['optional mutual, without a certificate', optional, tls, '200 site'],
    ['optional mutual, with a certificate of others', optional, asStranger, 'refused'],
    ['mesh certificates, without one', meshed, {}, 'refused'],
    ['mesh certificates, with one of others', meshed, { identity: member }, 'refused'],
    ['mesh certificates, plain text', meshed.replace('https', 'http'), undefined, 'refused'],
  ];
  return [
    ...requests.map(([name, url, tls, expected]) => ({
      name: `gateway: ${name}`,
      expected,
      measure: async () => describe(await mesh.outside.call('http', { url, address, tls, freshConnection: true })),
    })),
    {
      name: fromTheMesh,
      expected: `200 site, ${gatewayIdentity} called by spiffe://cluster.local/ns/wire-inside/sa/default`,
      measure: async () => {
        const url = `http://${hostOf('istio-ingressgateway', systemNamespace)}:${gatewayPorts.meshed}/`;
        const headers = { host: hosts.meshed };
        const answer = await mesh.inside.call('http', { url, headers, freshConnection: true });
        return `${describe(answer)}, ${identities(answer.received?.headers)}`;
      },
    },
    {
      name: 'gateway: a TCP stream in TLS',
      expected: 'site tcp on 7070',
      measure: async () => {
        const stream = { host: hosts.site, address, port: gatewayPorts.stream, text: 'HELLO', tls };
        const { received, error } = await mesh.outside.call('tcp', stream);
        return received ? `${received.app} ${received.protocol} on ${received.port}` : `${error}`;
      },
    },
  ];
}

async function appsThatEndTls(mesh: Mesh, { authority, member }: Keys): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const tls = { authority };
  const names = ({ received, status, error }: HttpAnswer) => {
    if (!received) return `${error ?? status}`;
    const { app, version, serverName, clientName = 'nobody' } = received;
    return `${[app, version].filter(Boolean).join(' ')} as ${serverName} asked by ${clientName}`;
  };
  const originated = (host: string) => mesh.outside.call('http', { url: `https://${host}/`, address, tls });
  return [
    {
      name: 'passthrough: the app ends TLS, in the version that has the weight',
      expected: `vault v2 as ${hosts.vault} asked by member`,
      measure: async () => {
        const url = `https://${hosts.vault}:${gatewayPorts.passthrough}/`;
        const request = { url, address, tls: { ...tls, identity: member }, freshConnection: true };
        const seen = new Set<string>();
        for (let i = 0; i < 20; i++) seen.add(names(await mesh.outside.call('http', request)));
        return [...seen].join(', ');
      },
    },
    {
      name: 'client TLS: simple, any certificate',
      expected: `legacy-unverified as ${hosts.legacySimple} asked by nobody`,
      measure: async () =>
        names(await mesh.inside.call('http', { url: `http://${hostOf('legacy-unverified', elsewhere)}:${appPorts.http}/` })),
    },
    {
      name: 'client TLS: simple, by the gateway',
      expected: `legacy-simple as ${hosts.legacySimple} asked by nobody`,
      measure: async () => names(await originated(hosts.legacySimple)),
    },
    {
      name: 'client TLS: mutual, by the gateway',
      expected: `legacy-mutual as ${hosts.legacySimple} asked by member`,
      measure: async () => names(await originated(hosts.legacyMutual)),
    },
  ];
}

function mutualTlsModes(mesh: Mesh): Scenario[] {
  const call = async (from: 'inside' | 'outside', app: string, port: number) => {
    const [pod] = await mesh.pods('encryption', { app });
    const url = `http://${from === 'inside' ? hostOf(app) : pod.address}:${port}/`;
    const { received, status, error } = await mesh[from].call('http', { url, freshConnection: true });
    if (error) return 'refused';
    return received ? (received.headers['x-forwarded-client-cert'] ? 'mutual TLS' : 'plain text') : `${status}`;
  };
  const cases: [name: string, app: string, port: number, inside: string, outside: string][] = [
    ['STRICT', 'strict', appPorts.http, 'mutual TLS', 'refused'],
    ['PERMISSIVE', 'permissive', appPorts.http, 'mutual TLS', 'plain text'],
    ['DISABLE', 'disabled', appPorts.http, 'plain text', 'plain text'],
    ['STRICT but for one port', 'mixed', appPorts.http, 'mutual TLS', 'refused'],
    ['DISABLE for one port alone', 'mixed', appPorts.extra, 'plain text', 'plain text'],
  ];
  return cases.map(([name, app, port, inside, outside]) => ({
    name: `mutual TLS ${name}`,
    expected: `inside ${inside}, outside ${outside}`,
    measure: async () => `inside ${await call('inside', app, port)}, outside ${await call('outside', app, port)}`,
  }));
}

function mutants(): Mutant[] {
  return [
    {
      name: 'callers name the Service in place of the host',
      noticedBy: fromTheMesh,
      change: (objects) => {
        const { trafficPolicy } = pick(objects, 'DestinationRule', 'istio-ingressgateway').spec;
        delete trafficPolicy.portLevelSettings[0].tls.sni;
      },
    },
    {
      name: "the server's certificate bears another name",
      noticedBy: 'client TLS: simple, by the gateway',
      change: (objects) => {
        pick(objects, 'DestinationRule', 'legacy-simple').spec.trafficPolicy.tls.subjectAltNames = ['other.example.com'];
      },
    },
    {
      name: 'mutual TLS becomes optional',
      noticedBy: 'gateway: mutual, without a certificate',
      change: (objects) => {
        for (const { spec } of objects.filter(isKind('Gateway')))
          for (const { tls } of spec.servers) if (tls?.mode === 'MUTUAL') tls.mode = 'OPTIONAL_MUTUAL';
      },
    },
  ];
}
