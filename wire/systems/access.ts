import { Chart } from 'cdk8s';
import { Access, AppPort, CanaryApp, Listener, type MeshApp, MeshGateway, MeshNamespace } from 'cdk8s-istio';

export const privateHost = 'private.example.com';
export const streamPort = 31400;

/** A host that is for some, and a stream for all, behind one gateway. */
export function access(app: MeshApp): void {
  const chart = new Chart(app, 'access', { namespace: 'access' });
  new MeshNamespace(chart, 'namespace');
  const shared = { image: 'example.com/app', versions: { v1: {} } };
  const site = new CanaryApp(chart, 'site', { ...shared, ports: [AppPort.http(8080)] });
  const stream = new CanaryApp(chart, 'stream', { ...shared, ports: [AppPort.tcp(9000)] });
  const gateway = new MeshGateway(chart, 'gateway', { listeners: [Listener.http(), Listener.tcp(streamPort)] });
  gateway.expose(site, { host: privateHost, access: Access.sourceRanges(['10.0.0.0/8']) });
  gateway.tcp(stream);
}
