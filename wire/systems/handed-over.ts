import { ApiObject, Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  CanaryMetric,
  Client,
  CorsOrigin,
  DefaultDeny,
  FlaggerCanary,
  LoadBalancer,
  type MeshApp,
  MeshGateway,
  MeshNamespace,
  Metrics,
  MtlsMode,
  PathMatch,
  PeerAuthentication,
  PodDisruptionBudget,
  ResilienceRules,
} from 'cdk8s-istio';

export const frontHosts = ['front.example.com', 'www.example.com'];

/** An app of which much is said before Flagger takes it over: two gateways, the mesh, rules, a file, metrics, calls, an autoscaler. */
export function handedOver(app: MeshApp, tag: string, file = 'as it was'): void {
  const chart = new Chart(app, 'handed-over', { namespace: 'handed-over' });
  new MeshNamespace(chart, 'namespace');
  new PeerAuthentication(chart, 'mtls', { mode: MtlsMode.STRICT });
  new DefaultDeny(chart, 'default-deny', { prometheusNamespace: 'istio-system' });
  const back = new CanaryApp(chart, 'back', { image: 'example.com/back', ports: [AppPort.grpc(7070)], versions: { v1: {} } });
  const front = new CanaryApp(chart, 'front', {
    image: `example.com/front:${tag}`,
    ports: [AppPort.http(80, { targetPort: 8080 })],
    metrics: Metrics.serviceMonitor(AppPort.http(9102, { name: 'metrics' })),
    files: { '/etc/front/front.conf': file },
    cors: { allowOrigins: [CorsOrigin.exact('https://shop.example.com')] },
    versions: { v1: {} },
  });
  front.calls(back);
  Client.fromName(chart, 'visitor', { serviceAccount: 'default' }).calls(front);
  for (const [index, host] of frontHosts.entries()) {
    new MeshGateway(chart, `gateway-${index}`).expose(front, { host, paths: [PathMatch.below('/api')] });
  }
  new ResilienceRules(chart, 'rules', {
    app: front,
    timeout: Duration.seconds(1),
    loadBalancer: LoadBalancer.roundRobin(),
  });
  new PodDisruptionBudget(chart, 'budget', { app: front, minAvailable: 1 });
  new ApiObject(chart, 'autoscaler', {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'front' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'front' },
      minReplicas: 2,
      maxReplicas: 2,
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
    },
  });
  new FlaggerCanary(chart, 'canary', {
    app: front,
    horizontalPodAutoscaler: 'front',
    analysis: {
      interval: Duration.seconds(30),
      threshold: 2,
      stepWeights: [20, 60],
      metrics: [CanaryMetric.successRate(99), CanaryMetric.duration(Duration.millis(500))],
    },
  });
}
