import { type Chart, Duration } from 'cdk8s';
import {
  type AppPort,
  CanaryApp,
  type CanaryAppProps,
  Client,
  ClientDeployment,
  CrdsPolicy,
  DeploymentRef,
  DriftDetectionMode,
  HelmChart,
  HelmRelease,
  type HelmReleaseProps,
  MeshService,
} from 'cdk8s-istio';
import { type Delivery, REGISTRY } from './delivery';

const TAG = 'v0.0.1';

/** What is said of a service, whoever runs its pods. */
export interface ServiceProps extends Omit<CanaryAppProps, 'versions'> {
  readonly ports: AppPort[];
  /** Flagger makes its Service and decides on its replicas. */
  readonly rolledOut?: boolean;
}

/** Who runs the pods of the shop. */
export interface Pods {
  addService(shop: Chart, name: string, props: ServiceProps): CanaryApp;
  addClient(shop: Chart, name: string, env: Record<string, string>): Client;
}

/** The shop's own manifests do. */
export class OwnPods implements Pods {
  public addService(shop: Chart, name: string, { rolledOut: _, ...props }: ServiceProps): CanaryApp {
    return new CanaryApp(shop, name, { ...props, versions: { v1: { image: `${REGISTRY}/${name}:${TAG}` } } });
  }

  public addClient(shop: Chart, name: string, env: Record<string, string>): Client {
    return new ClientDeployment(shop, name, { image: `${REGISTRY}/${name}:${TAG}`, env });
  }
}

/** Helm charts do, which Flux installs; their values hold the newest image. Nothing that a chart makes is made here. */
export class HelmPods implements Pods {
  public constructor(private readonly delivery: Delivery) {}

  public addService(shop: Chart, name: string, { ports, metrics, rolledOut }: ServiceProps): CanaryApp {
    this.addRelease(shop, name, {
      values: { image: this.delivery.image(name, TAG), service: rolledOut ? { create: false } : undefined },
      driftIgnore: rolledOut ? [{ kind: 'Deployment', name, paths: ['/spec/replicas'] }] : undefined,
    });
    return new CanaryApp(shop, name, {
      service: MeshService.fromName(shop, `${name}-service`, { name, ports }),
      metrics,
      serviceAccount: name,
      versions: { v1: { deployment: DeploymentRef.fromName(name) } },
    });
  }

  public addClient(shop: Chart, name: string, env: Record<string, string>): Client {
    this.addRelease(shop, name, { values: { image: this.delivery.image(name, TAG), env } });
    return Client.fromName(shop, name, { serviceAccount: name });
  }

  public addDashboards(shop: Chart): void {
    this.addRelease(shop, 'dashboards');
  }

  private addRelease(shop: Chart, name: string, options: Partial<HelmReleaseProps> = {}): void {
    new HelmRelease(shop, `${name}-release`, {
      name,
      chart: HelmChart.fromGit(this.delivery.repository, `./deploy/charts/${name}`),
      interval: Duration.minutes(5),
      crds: CrdsPolicy.CREATE_REPLACE,
      remediationRetries: 3,
      driftDetection: DriftDetectionMode.ENABLED,
      ...options,
    });
  }
}
