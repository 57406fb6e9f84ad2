import { type Mesh, pick } from '../cluster/mesh';
import { TokenSigner } from '../cluster/tokens';
import { synthesize } from '../manifests';
import type { Behaviour, HttpRequest } from '../pod/protocol';
import { access, audience, hosts, issuers, streamPort } from '../systems/access';
import { answers, callStream, describeAnswer } from './answers';
import { whileTheyBehave } from './behaviour';
import type { Mutant, Scenario, System } from './scenario';

const fromSite = '200 from site v1 at /';
const streamForAll = 'strangers reach the stream';
const tokenOfPartners = 'a token for another host';
const authorizerRefuses = 'the authorizer refuses';

const signer = new TokenSigner();

/** Who reaches a host that is for some, and that other hosts and a stream through the same gateway are for all. */
export const accessSystem: System = {
  name: 'access',
  objects: () => synthesize(access),
  surroundings: async (mesh) => {
    await mesh.outside.call('serve', [80]);
    await mesh.outside.call('behave', { body: signer.keySet });
    return [];
  },
  scenarios: async (mesh) => {
    // istiod has fetched the keys.
    await mesh.outside.call('behave', {});
    const address = await mesh.gatewayAddress({ istio: 'ingressgateway' });
    return [...sources(mesh, address), ...tokens(mesh, address), ...authorizer(mesh, address)];
  },
  mutants: mutants(),
};

/** On a connection of its own, for an open one keeps to the policies that it was opened under. */
function at(address: string, host: string, request: Omit<HttpRequest, 'url'> = {}): HttpRequest {
  return { url: `http://${host}/`, address, freshConnection: true, ...request };
}

function sources(mesh: Mesh, address: string): Scenario[] {
  const stranger = { from: mesh.outside.publicAddress };
  return [
    answers('friends reach the host', fromSite, mesh.outside, at(address, hosts.friends)),
    answers('strangers do not', '403', mesh.outside, at(address, hosts.friends, stranger)),
    answers('strangers reach another host', fromSite, mesh.outside, at(address, hosts.everybody, stranger)),
    {
      name: 'friends reach the stream',
      expected: 'tcp to stream v1',
      measure: () => callStream(mesh.outside, { host: 'stream', address, port: streamPort }),
    },
    {
      name: streamForAll,
      expected: 'tcp to stream v1',
      measure: () => callStream(mesh.outside, { host: 'stream', address, port: streamPort, ...stranger }),
    },
  ];
}

function tokens(mesh: Mesh, address: string): Scenario[] {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuers.members, sub: 'anna', aud: audience, exp: now + 3600 };
  const token = signer.sign(claims);
  const ofPartners = signer.sign({ ...claims, iss: issuers.partners });
  const ofNobody = signer.sign({ ...claims, iss: 'https://nobody.example.org' });
  const { sub, ...nameless } = claims;
  const [header, , signature] = token.split('.');
  const [, changed] = signer.sign({ ...claims, sub: 'admin' }).split('.');
  const cases: [name: string, host: string, token: string | undefined, expected: string][] = [
    ['a token', hosts.members, token, fromSite],
    ['no token', hosts.members, undefined, '403'],
    ['a token that has expired', hosts.members, signer.sign({ ...claims, exp: now - 3600 }), '401'],
    ['a token for another audience', hosts.members, signer.sign({ ...claims, aud: 'stream' }), '403'],
    ['a token that was changed', hosts.members, [header, changed, signature].join('.'), '401'],
    ['a token that somebody else signed', hosts.members, new TokenSigner().sign(claims), '401'],
    ['a token of an unknown issuer', hosts.members, ofNobody, '401'],
    ['a token without a subject', hosts.members, signer.sign(nameless), '403'],
    [tokenOfPartners, hosts.members, ofPartners, '403'],
    ['that token at its own host', hosts.partners, ofPartners, fromSite],
    ['no token at a host for all', hosts.everybody, undefined, fromSite],
    ['a token at a host for all', hosts.everybody, token, fromSite],
    ['a token of an unknown issuer at a host for all', hosts.everybody, ofNobody, '401'],
    ['a token that is no JWT at a host for all', hosts.everybody, 'opaque', '401'],
  ];
  const request = (host: string, token?: string) =>
    at(address, host, token ? { headers: { authorization: `Bearer ${token}` } } : {});
  return [
    ...cases.map(([name, host, token, expected]) => answers(name, expected, mesh.outside, request(host, token))),
    {
      name: 'the app gets the token',
      expected: 'the one that was sent',
      measure: async () => {
        const { received } = await mesh.outside.call('http', request(hosts.members, token));
        const { authorization } = received?.headers ?? {};
        return authorization === `Bearer ${token}` ? 'the one that was sent' : `${authorization}`;
      },
    },
  ];
}

function authorizer(mesh: Mesh, address: string): Scenario[] {
  const pods = () => mesh.pods('access', { app: 'authorizer' });
  const call = async (host: string) => describeAnswer(await mesh.outside.call('http', at(address, host)));
  const bothHosts = async () => `${await call(hosts.checked)}; elsewhere ${await call(hosts.everybody)}`;
  const whileItAnswers = (name: string, behaviour: Behaviour, expected: string): Scenario => ({
    name,
    expected: `${expected}; elsewhere ${fromSite}`,
    measure: async () => whileTheyBehave(await pods(), behaviour, bothHosts),
  });
  return [
    whileItAnswers('the authorizer lets pass', {}, fromSite),
    whileItAnswers(authorizerRefuses, { status: 403 }, '403 from authorizer v1 at /'),
    whileItAnswers('the authorizer asks to log in', { status: 401 }, '401 from authorizer v1 at /'),
    whileItAnswers('the authorizer fails', { status: 500 }, '403'),
    whileItAnswers('the authorizer closes the connection', { reset: true }, '403'),
    {
      name: 'the authorizer is down',
      expected: `403; elsewhere ${fromSite}`,
      measure: async () => {
        await mesh.scale('access', 'authorizer', 'v1', 0);
        try {
          return await bothHosts();
        } finally {
          await mesh.scale('access', 'authorizer', 'v1', 1);
        }
      },
    },
    {
      name: 'the authorizer is asked about its host alone',
      expected: `GET ${hosts.checked}/`,
      measure: async () => {
        const [pod] = await pods();
        await pod.call('takeReceived');
        await bothHosts();
        const asked = await pod.call('takeReceived');
        return asked.map(({ method, headers, path }) => `${method} ${headers.host}${path}`).join(', ');
      },
    },
  ];
}

function mutants(): Mutant[] {
  return [
    {
      name: 'the policy does not name the stream',
      noticedBy: streamForAll,
      change: (objects) => {
        const { spec } = pick(objects, 'AuthorizationPolicy', `access-gateway-${hosts.friends}`);
        delete spec.rules[0].to[0].operation.notPorts;
      },
    },
    {
      name: 'any token will do',
      noticedBy: tokenOfPartners,
      change: (objects) => {
        const { spec } = pick(objects, 'AuthorizationPolicy', `access-gateway-${hosts.members}`);
        spec.rules[0].from[0].source.notRequestPrincipals = ['*'];
      },
    },
    {
      name: 'the authorizer is asked about another host',
      noticedBy: authorizerRefuses,
      change: (objects) => {
        const { spec } = pick(objects, 'AuthorizationPolicy', `access-gateway-${hosts.checked}`);
        spec.rules[0].to[0].operation.hosts = ['another.example.com'];
      },
    },
  ];
}
