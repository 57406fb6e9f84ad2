import { Chart } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  HeaderMatch,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  MtlsMode,
  PeerAuthentication,
} from 'cdk8s-istio';

export const shopHost = 'shop.example.com';

/** One app behind a gateway and STRICT mTLS, whose versions come and go: the shares name them. */
export function shop(app: MeshApp, shares: Record<string, number>): void {
  const versions = Object.keys(shares);
  const newest = versions[versions.length - 1];
  const chart = new Chart(app, 'shop', { namespace: 'shop' });
  new MeshNamespace(chart, 'namespace');
  new PeerAuthentication(chart, 'mtls', { mode: MtlsMode.STRICT });
  const front = new CanaryApp(chart, 'front', {
    image: 'example.com/front',
    ports: [AppPort.http(8080)],
    replicas: 1,
    versions: Object.fromEntries(versions.map((version) => [version, {}])),
    split: shares,
    rules: [{ when: HeaderMatch.exact('x-user', 'developer'), to: newest }],
  });
  new MeshGateway(chart, 'gateway').expose(front, { host: shopHost });
}
