import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  CanaryMetric,
  DefaultDeny,
  ExternalNetworks,
  ExternalService,
  FlaggerCanary,
  MeshGateway,
  MeshNamespace,
  MeshService,
  Metrics,
  MetricTemplate,
  PathMatch,
  Probe,
  ResilienceRules,
  RetryOn,
} from 'cdk8s-istio';
import type { Construct } from 'constructs';
import { INGRESS } from './infrastructure';
import type { Pods } from './pods';

const PROMETHEUS = 'http://prometheus.istio-system:9090';
const LATENCY = `histogram_quantile(0.99, sum(rate(
  istio_request_duration_milliseconds_bucket{
    reporter="destination",
    destination_workload_namespace="{{ namespace }}",
    destination_workload=~"{{ target }}"
  }[{{ interval }}]
)) by (le))
`;

/** A shop whose entrance Flagger rolls out, and in which each service calls whom it must and nobody else. */
export class Shop extends Chart {
  private readonly pods: Pods;

  public constructor(scope: Construct, id: string, pods: Pods) {
    super(scope, id, { namespace: 'microservices-demo' });
    this.pods = pods;
    new MeshNamespace(this, 'namespace');
    new DefaultDeny(this, 'default-deny', { prometheusNamespace: 'istio-system' });

    const redis = this.addRedis();
    const ads = this.addService('adservice', AppPort.grpc(9555));
    const cart = this.addService('cartservice', AppPort.grpc(7070), { REDIS_ADDR: address(redis) });
    const currencies = this.addService('currencyservice', AppPort.grpc(7000));
    const emails = this.addService('emailservice', AppPort.grpc(5000, { targetPort: 8080 }));
    const payments = this.addService('paymentservice', AppPort.grpc(50051));
    const products = this.addService('productcatalogservice', AppPort.grpc(3550));
    const shipping = this.addService('shippingservice', AppPort.grpc(50051));
    const recommendations = this.addService('recommendationservice', AppPort.grpc(8080), {
      PRODUCT_CATALOG_SERVICE_ADDR: address(products),
    });
    const forCheckout = {
      CART_SERVICE_ADDR: address(cart),
      CURRENCY_SERVICE_ADDR: address(currencies),
      PRODUCT_CATALOG_SERVICE_ADDR: address(products),
      SHIPPING_SERVICE_ADDR: address(shipping),
    };
    const checkout = this.addService('checkoutservice', AppPort.grpc(5050), {
      ...forCheckout,
      EMAIL_SERVICE_ADDR: address(emails),
      PAYMENT_SERVICE_ADDR: address(payments),
    });
    const frontend = this.addFrontend({
      ...forCheckout,
      AD_SERVICE_ADDR: address(ads),
      CHECKOUT_SERVICE_ADDR: address(checkout),
      RECOMMENDATION_SERVICE_ADDR: address(recommendations),
    });
    this.addLoad();

    cart.calls(redis);
    recommendations.calls(products, rpc('ProductCatalogService'));
    for (const caller of [frontend, checkout]) {
      caller.calls(cart, rpc('CartService'));
      caller.calls(currencies, rpc('CurrencyService'));
      caller.calls(products, rpc('ProductCatalogService'));
      caller.calls(shipping, rpc('ShippingService'));
    }
    checkout.calls(emails, rpc('EmailService'));
    checkout.calls(payments, rpc('PaymentService'));
    frontend.calls(ads, rpc('AdService'));
    frontend.calls(checkout, rpc('CheckoutService'));
    frontend.calls(recommendations, rpc('RecommendationService'));
    this.addGoogle([frontend, ads, checkout, currencies, emails, payments, products, recommendations, shipping]);
  }

  private addRedis(): CanaryApp {
    return new CanaryApp(this, 'redis-cart', {
      image: 'redis:8-alpine',
      ports: [AppPort.tcp(6379)],
      readiness: Probe.tcp(6379),
      liveness: Probe.tcp(6379),
      versions: { v8: {} },
    });
  }

  private addService(name: string, port: AppPort, env: Record<string, string> = {}): CanaryApp {
    return this.pods.addService(this, name, {
      ports: [port],
      env: { PORT: String(port.targetPort), ...env },
      readiness: Probe.grpc(port.targetPort),
      liveness: Probe.grpc(port.targetPort),
    });
  }

  private addFrontend(env: Record<string, string>): CanaryApp {
    const port = AppPort.http(80, { targetPort: 8080 });
    const health = (probe: string) => Probe.http(8080, '/_healthz', { headers: { Cookie: `shop_session-id=x-${probe}-probe` } });
    const frontend = this.pods.addService(this, 'frontend', {
      rolledOut: true,
      ports: [port],
      metrics: Metrics.serviceMonitor(port),
      env: { PORT: String(port.targetPort), ...env },
      readiness: health('readiness'),
      liveness: health('liveness'),
    });
    new MeshGateway(this, 'frontend-gateway', { workloadServiceAccount: INGRESS }).expose(frontend, { host: '*' });
    new ResilienceRules(this, 'frontend-retries', {
      app: frontend,
      retries: {
        attempts: 3,
        perTryTimeout: Duration.seconds(1),
        retryOn: [RetryOn.GATEWAY_ERROR, RetryOn.CONNECT_FAILURE, RetryOn.REFUSED_STREAM],
      },
    });
    const latency = new MetricTemplate(this, 'latency', { address: PROMETHEUS, query: LATENCY });
    const interval = Duration.seconds(30);
    new FlaggerCanary(this, 'frontend-canary', {
      app: frontend,
      mesh: false,
      progressDeadline: Duration.seconds(60),
      analysis: {
        interval,
        threshold: 5,
        stepWeight: 5,
        maxWeight: 30,
        metrics: [CanaryMetric.successRate(99, { interval }), CanaryMetric.template(latency, { max: 500, interval })],
      },
    });
    return frontend;
  }

  private addLoad(): void {
    const ingress = MeshService.fromName(this, INGRESS, { namespace: 'istio-system', ports: [AppPort.http(80)] });
    this.pods.addClient(this, 'loadgenerator', { FRONTEND_ADDR: `${ingress.host}:80`, USERS: '10' }).calls(ingress);
  }

  private addGoogle(callers: CanaryApp[]): void {
    const ports = [AppPort.http(80), AppPort.https(443)];
    const networks = ExternalNetworks.anyPublic();
    const hosts = [
      new ExternalService(this, 'google-accounts', { host: 'accounts.google.com', ports, networks }),
      new ExternalService(this, 'google-apis', { host: '*.googleapis.com', ports, networks }),
      new ExternalService(this, 'google-metadata', { host: 'metadata.google.internal', ports, endpoints: ['169.254.169.254'] }),
    ];
    for (const caller of callers) {
      for (const host of hosts) {
        caller.calls(host);
      }
    }
  }
}

function address(service: CanaryApp): string {
  return `${service.serviceName}:${service.ports[0].port}`;
}

function rpc(service: string): { paths: PathMatch[] } {
  return { paths: [PathMatch.grpc(`hipstershop.${service}`)] };
}
