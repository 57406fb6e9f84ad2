import { Chart } from 'cdk8s';
import { Access, AppPort, CanaryApp, Listener, type MeshApp, MeshGateway, MeshNamespace } from 'cdk8s-istio';

export const hosts = {
  everybody: 'everybody.example.com',
  friends: 'friends.example.com',
  members: 'members.example.com',
  partners: 'partners.example.com',
  checked: 'checked.example.com',
};
export const issuers = { members: 'https://members.example.org', partners: 'https://partners.example.org/' };
export const audience = 'site';
export const streamPort = 31400;

const jwksUri = 'http://keys.example.org/';

/** Hosts that are for some in every way there is, a host for all and a stream for all, behind one gateway. */
export function access(app: MeshApp): void {
  const chart = new Chart(app, 'access', { namespace: 'access' });
  new MeshNamespace(chart, 'namespace');
  const shared = { image: 'example.com/app', versions: { v1: {} } };
  const site = new CanaryApp(chart, 'site', { ...shared, ports: [AppPort.http(8080)] });
  const stream = new CanaryApp(chart, 'stream', { ...shared, ports: [AppPort.tcp(9000)] });
  new CanaryApp(chart, 'authorizer', { ...shared, ports: [AppPort.http(8080)] });
  const gateway = new MeshGateway(chart, 'gateway', { listeners: [Listener.http(), Listener.tcp(streamPort)] });
  gateway.expose(site, { host: hosts.everybody });
  gateway.expose(site, { host: hosts.friends, access: Access.sourceRanges(['10.0.0.0/8']) });
  const audiences = [audience, 'another site'];
  gateway.expose(site, { host: hosts.members, access: Access.jwt({ issuer: issuers.members, jwksUri, audiences }) });
  gateway.expose(site, { host: hosts.partners, access: Access.jwt({ issuer: issuers.partners, jwksUri }) });
  gateway.expose(site, { host: hosts.checked, access: Access.externalAuthorization('authorizer') });
  gateway.tcp(stream);
}
