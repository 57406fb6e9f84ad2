const { Chart } = require('cdk8s');
const { AppPort, CanaryApp, HeaderMatch, istio, MeshApp, MeshGateway } = require('cdk8s-istio');

const app = new MeshApp();
const chart = new Chart(app, 'shop', { namespace: 'shop' });
const cart = new CanaryApp(chart, 'cart', {
  image: 'shop/cart:1.0',
  ports: [AppPort.http(8080)],
  versions: { v1: {}, v2: { image: 'shop/cart:2.0' } },
  rules: [{ when: HeaderMatch.exact('x-tester', 'yes'), to: 'v2' }],
  split: { v1: 90, v2: 10 },
});
new MeshGateway(chart, 'gateway').expose(cart, { host: 'shop.example.com' });
const spec = { hosts: ['api.example.com'], ports: [{ number: 443, name: 'tls', protocol: 'TLS' }] };
new istio.ServiceEntry(chart, 'api', { metadata: { name: 'api' }, spec });
app.synth();
