import { type App, Chart } from 'cdk8s';
import { AppPort, CanaryApp, HeaderMatch, istio, MeshGateway } from 'cdk8s-istio';

/** Charts as a user of the package writes them, with one L1 class and its types. */
export function shop(app: App): void {
  const chart = new Chart(app, 'shop', { namespace: 'shop' });
  const cart = new CanaryApp(chart, 'cart', {
    image: 'shop/cart:1.0',
    ports: [AppPort.http(8080)],
    versions: { v1: {}, v2: { image: 'shop/cart:2.0' } },
    rules: [{ when: HeaderMatch.exact('x-tester', 'yes'), to: 'v2' }],
    split: { v1: 90, v2: 10 },
  });
  new MeshGateway(chart, 'gateway').expose(cart, { host: 'shop.example.com' });

  const spec: istio.ServiceEntrySpec = { hosts: ['api.example.com'], ports: [{ number: 443, name: 'tls', protocol: 'TLS' }] };
  new istio.ServiceEntry(chart, 'api', { metadata: { name: 'api' }, spec });
}
