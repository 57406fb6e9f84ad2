import { Chart, Duration } from 'cdk8s';
import { AppPort, CanaryApp, ExternalService, Listener, type MeshApp, MeshGateway, MeshMonitors, Telemetry } from 'cdk8s-istio';

/** Apps say `http://www.googleapis.com`, and their proxies speak TLS with it. */
export function addEgress(app: MeshApp): void {
  const chart = new Chart(app, 'bookinfo-egress', { namespace: 'bookinfo' });
  new ExternalService(chart, 'googleapis', { host: 'www.googleapis.com', tlsOrigination: { port: 80, targetPort: 443 } });
}

/** A canary of plain TCP: connections instead of requests are shared. */
export function addTcpEcho(app: MeshApp): void {
  const chart = new Chart(app, 'bookinfo-tcp-echo', { namespace: 'bookinfo' });
  const echo = new CanaryApp(chart, 'tcp-echo', {
    image: 'docker.io/istio/tcp-echo-server:1.3',
    ports: [AppPort.tcp(9000)],
    versions: { v1: { args: ['9000', 'one'] }, v2: { args: ['9000', 'two'] } },
    split: { v1: 80, v2: 20 },
  });
  new MeshGateway(chart, 'tcp-echo-gateway', { listeners: [Listener.tcp(31400)] }).tcp(echo);
}

/** Traces of every tenth request, and a log of all. */
export function addTelemetry(app: MeshApp): void {
  const chart = new Chart(app, 'bookinfo-telemetry', { namespace: 'bookinfo' });
  new Telemetry(chart, 'telemetry', {
    tracing: { provider: 'zipkin', randomSamplingPercentage: 10 },
    accessLogging: { provider: 'envoy' },
  });
}

/** Prometheus reads all proxies and istiod. */
export function addMonitoring(app: MeshApp): void {
  const chart = new Chart(app, 'bookinfo-monitoring', { namespace: 'istio-system' });
  new MeshMonitors(chart, 'monitors', { interval: Duration.seconds(15) });
}

/** Other clusters reach each Service by its name. */
export function addEastWestGateway(app: MeshApp): void {
  const chart = new Chart(app, 'bookinfo-east-west', { namespace: 'istio-system' });
  new MeshGateway(chart, 'cross-network-gateway', {
    selector: { istio: 'eastwestgateway' },
    listeners: [Listener.autoPassthrough(['*.local'])],
  });
}
