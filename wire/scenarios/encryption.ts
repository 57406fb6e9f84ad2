import type { Manifest } from '../cluster/api';
import { CertificateAuthority } from '../cluster/certificates';
import { isKind, type Mesh } from '../cluster/mesh';
import { namespace, standIn } from '../cluster/stand-in';
import { systemNamespace } from '../cluster/webhooks';
import { synthesize } from '../manifests';
import type { Certificate, ClientTls, HttpAnswer } from '../pod/protocol';
import { appPorts, credentials, elsewhere, encryption, gatewayPorts, hostOf, hosts } from '../systems/encryption';
import type { Mutant, Scenario, System } from './scenario';

/** TLS in all places: from clients to the gateway, from proxy to proxy, and to apps that end it themselves. */
export const encryptionSystem: System = {
  name: 'encryption',
  objects: () => synthesize(encryption),
  surroundings: async () => {
    keys = await makeKeys();
    return [
      namespace(elsewhere, 'disabled'),
      ...legacyApps.flatMap((name) => standIn(name, elsewhere, { name: 'http', port: appPorts.http })),
      secret(credentials.site, keys.site),
      secret(credentials.other, keys.other),
      secret(credentials.member, keys.site, keys.authority),
      secret(credentials.stream, keys.site),
      secret(credentials.legacy, keys.member, keys.authority),
    ];
  },
  scenarios: async (mesh) => {
    await presentCertificates(mesh);
    return [...(await atTheGateway(mesh)), ...(await appsThatEndTls(mesh)), ...mutualTlsModes(mesh)];
  },
  mutants: mutants(),
  acceptedMessages: { IST0128: 'it overlooks credentialName, and one of the apps is to be trusted unverified' },
};

const legacyApps = ['legacy-unverified', 'legacy-simple', 'legacy-mutual'];

let keys: Awaited<ReturnType<typeof makeKeys>>;

/** Certificates of servers and clients, and the authorities that signed them. */
async function makeKeys() {
  const [ours, theirs] = await Promise.all([CertificateAuthority.create(), CertificateAuthority.create()]);
  return {
    authority: ours.certificate,
    anotherAuthority: theirs.certificate,
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

async function presentCertificates(mesh: Mesh): Promise<void> {
  const vaults = await mesh.pods('encryption', { app: 'vault' });
  await Promise.all(vaults.map((pod) => pod.call('presentCertificate', keys.vault)));
  for (const app of legacyApps)
    for (const pod of await mesh.pods(elsewhere, { app })) await pod.call('presentCertificate', keys.legacy);
}

function describe({ status, headers, received, error }: HttpAnswer): string {
  if (error) return 'refused';
  return [status, headers.location ?? received?.app].filter(Boolean).join(' ');
}

async function atTheGateway(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const trusting = (more: Partial<ClientTls> = {}): ClientTls => ({ authority: keys.authority, ...more });
  const { mutual, optional, redirect } = gatewayPorts;
  const acme = '/.well-known/acme-challenge/token';
  const requests: [name: string, url: string, tls: ClientTls | undefined, expected: string][] = [
    ['http is redirected', `http://${hosts.site}/path?a=b`, undefined, `301 https://${hosts.site}/path?a=b`],
    ['http for ACME is not', `http://${hosts.site}${acme}`, undefined, '200 site'],
    [
      'http on another port is redirected',
      `http://${hosts.site}:${redirect}/path?a=b`,
      undefined,
      `301 https://${hosts.site}/path?a=b`,
    ],
    ['simple', `https://${hosts.site}/`, trusting(), '200 site'],
    ['simple, a client that trusts somebody else', `https://${hosts.site}/`, { authority: keys.anotherAuthority }, 'refused'],
    ['simple, another certificate on the same port', `https://${hosts.other}/`, trusting(), '200 site'],
    ['simple, a host without a certificate', 'https://unknown.example.com/', trusting(), 'refused'],
    ['simple, TLS 1.2', `https://${hosts.site}/`, trusting({ maxVersion: 'TLSv1.2' }), '200 site'],
    ['mutual', `https://${hosts.member}:${mutual}/`, trusting({ identity: keys.member }), '200 site'],
    ['mutual, without a certificate', `https://${hosts.member}:${mutual}/`, trusting(), 'refused'],
    [
      'mutual, with a certificate of somebody else',
      `https://${hosts.member}:${mutual}/`,
      trusting({ identity: keys.stranger }),
      'refused',
    ],
    [
      'mutual from TLS 1.3 on, TLS 1.2',
      `https://${hosts.member}:${mutual}/`,
      trusting({ identity: keys.member, maxVersion: 'TLSv1.2' }),
      'refused',
    ],
    ['optional mutual', `https://${hosts.guest}:${optional}/`, trusting({ identity: keys.member }), '200 site'],
    ['optional mutual, without a certificate', `https://${hosts.guest}:${optional}/`, trusting(), '200 site'],
    [
      'optional mutual, with a certificate of somebody else',
      `https://${hosts.guest}:${optional}/`,
      trusting({ identity: keys.stranger }),
      'refused',
    ],
  ];
  return [
    ...requests.map(([name, url, tls, expected]) => ({
      name: `gateway: ${name}`,
      expected,
      measure: async () => describe(await mesh.outside.call('http', { url, address, tls, freshConnection: true })),
    })),
    {
      name: 'gateway: a TCP stream in TLS',
      expected: 'site tcp on 7070',
      measure: async () => {
        const stream = { host: hosts.site, address, port: gatewayPorts.stream, text: 'HELLO', tls: trusting() };
        const { received, error } = await mesh.outside.call('tcp', stream);
        return received ? `${received.app} ${received.protocol} on ${received.port}` : `${error}`;
      },
    },
  ];
}

async function appsThatEndTls(mesh: Mesh): Promise<Scenario[]> {
  const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
  const tls = { authority: keys.authority };
  const names = ({ received, status, error }: HttpAnswer) =>
    received
      ? `${received.app} ${received.version}: ${received.serverName} asked by ${received.clientName ?? 'nobody'}`
      : `${error ?? status}`;
  const originated = (host: string) => mesh.outside.call('http', { url: `https://${host}/`, address, tls });
  return [
    {
      name: 'passthrough: the app ends TLS, in the version that has the weight',
      expected: `vault v2: ${hosts.vault} asked by member`,
      measure: async () => {
        const url = `https://${hosts.vault}:${gatewayPorts.passthrough}/`;
        const identity = keys.member;
        const seen = new Set<string>();
        for (let i = 0; i < 20; i++)
          seen.add(names(await mesh.outside.call('http', { url, address, tls: { ...tls, identity }, freshConnection: true })));
        return [...seen].join(', ');
      },
    },
    {
      name: 'client TLS: simple, any certificate',
      expected: `legacy-unverified : ${hosts.legacySimple} asked by nobody`,
      measure: async () =>
        names(await mesh.inside.call('http', { url: `http://${hostOf('legacy-unverified', elsewhere)}:${appPorts.http}/` })),
    },
    {
      name: 'client TLS: simple, by the gateway',
      expected: `legacy-simple : ${hosts.legacySimple} asked by nobody`,
      measure: async () => names(await originated(hosts.legacySimple)),
    },
    {
      name: 'client TLS: mutual, by the gateway',
      expected: `legacy-mutual : ${hosts.legacySimple} asked by member`,
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
      name: 'mutual TLS becomes optional',
      noticedBy: 'gateway: mutual, without a certificate',
      change: (objects) => {
        for (const { spec } of objects.filter(isKind('Gateway')))
          for (const { tls } of spec.servers) if (tls?.mode === 'MUTUAL') tls.mode = 'OPTIONAL_MUTUAL';
      },
    },
  ];
}
