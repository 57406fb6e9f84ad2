import { Chart, Duration } from 'cdk8s';
import { CrdsPolicy, DriftDetectionMode, HelmChart, HelmRelease, Injection, type MeshApp, MeshNamespace } from 'cdk8s-istio';
import type { Delivery } from './delivery';

const ISTIO = '1.31.x';
const RELEASE = {
  interval: Duration.minutes(10),
  crds: CrdsPolicy.CREATE_REPLACE,
  remediationRetries: 3,
  driftDetection: DriftDetectionMode.ENABLED,
};

/** Istio's custom resources, and the namespace of all that follows. Its webhook waits for istiod, which then makes it strict. */
export function addIstioBase(app: MeshApp, { istioCharts }: Delivery): void {
  const chart = istioSystem(app, 'microservices-demo-istio-base');
  new MeshNamespace(chart, 'namespace', { injection: Injection.onRequest() });
  new HelmRelease(chart, 'istio-base', {
    ...RELEASE,
    chart: HelmChart.fromRepository(istioCharts, 'base', ISTIO),
    driftIgnore: [{ kind: 'ValidatingWebhookConfiguration', paths: ['/webhooks'] }],
  });
}

/** Istio's control plane. It writes its own certificate into its webhooks, which is no drift. */
export function addIstiod(app: MeshApp, { istioCharts }: Delivery): void {
  new HelmRelease(istioSystem(app, 'microservices-demo-istiod'), 'istiod', {
    ...RELEASE,
    chart: HelmChart.fromRepository(istioCharts, 'istiod', ISTIO),
    driftIgnore: [
      { kind: 'ValidatingWebhookConfiguration', paths: ['/webhooks'] },
      { kind: 'Deployment', name: 'istiod', paths: ['/spec/replicas'] },
    ],
  });
}

/** The release of the entrance, after which its chart calls the pods' Service and ServiceAccount. */
export const INGRESS = 'istio-ingressgateway';

/** The pods of the entrance. */
export function addGateway(app: MeshApp, { istioCharts }: Delivery): void {
  new HelmRelease(istioSystem(app, 'microservices-demo-gateway'), INGRESS, {
    ...RELEASE,
    chart: HelmChart.fromRepository(istioCharts, 'gateway', ISTIO),
    driftIgnore: [{ kind: 'Deployment', name: INGRESS, paths: ['/spec/replicas'] }],
  });
}

/** What rolls out the shop's entrance. */
export function addFlagger(app: MeshApp, { flaggerCharts }: Delivery): void {
  new HelmRelease(istioSystem(app, 'microservices-demo-flagger'), 'flagger', {
    ...RELEASE,
    chart: HelmChart.fromRepository(flaggerCharts, 'flagger', '1.44.x'),
    values: { meshProvider: 'istio', metricsServer: 'http://prometheus:9090' },
  });
}

function istioSystem(app: MeshApp, id: string): Chart {
  return new Chart(app, id, { namespace: 'istio-system' });
}
