import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { DEPLOYMENT, POD, SERVICE_ACCOUNT } from './api-versions';
import { rememberCreation } from './creation';
import { requireDnsLabel } from './limits';
import { requireNamespace } from './mesh-service';
import { ConfigFiles } from './workload/config-files';
import type { ContainerOptions } from './workload/container';
import { type DeploymentParts, renderDeployment, renderPod } from './workload/workload';

/** Properties of a {@link ClientPod}. */
export interface ClientPodProps extends ContainerOptions {
  /** The image. */
  readonly image: string;
  /**
   * The name of the Pod and of its ServiceAccount, and the value of the label `app`.
   * @default - the construct's id
   */
  readonly name?: string;
}

/** Properties of a {@link ClientDeployment}. */
export interface ClientDeploymentProps extends ClientPodProps {
  /**
   * The number of pods.
   * @default - not written; Kubernetes starts with 1
   */
  readonly replicas?: number;
}

/**
 * A pod that only calls others, such as one to try requests from: it has an identity in the mesh and no Service.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/
 */
export class ClientPod extends Construct {
  /** The name of the Pod and of its ServiceAccount. */
  public readonly name: string;

  /** @throws `invalid-name`, `invalid-workload`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: ClientPodProps) {
    super(scope, id);
    rememberCreation(this);
    this.name = requireDnsLabel('name of the Pod', props.name ?? id, this);
    const parts = createIdentity(this, this.name);
    new ApiObject(this, 'Resource', { ...POD, metadata: metadata(this), spec: renderPod(parts, props, this).spec });
  }
}

/**
 * Pods that only call others, such as a load generator: they have an identity in the mesh and no Service.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
export class ClientDeployment extends Construct {
  /** The name of the Deployment and of its ServiceAccount. */
  public readonly name: string;

  /** @throws `invalid-name`, `invalid-workload`, `out-of-range`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: ClientDeploymentProps) {
    super(scope, id);
    rememberCreation(this);
    this.name = requireDnsLabel('name of the Deployment', props.name ?? id, this);
    const parts = createIdentity(this, this.name);
    new ApiObject(this, 'Resource', { ...DEPLOYMENT, metadata: metadata(this), spec: renderDeployment(parts, props, this) });
  }
}

/** The ServiceAccount of a client, and what its pods are made of. */
function createIdentity(client: ClientPod | ClientDeployment, name: string): DeploymentParts {
  new ApiObject(client, 'ServiceAccount', { ...SERVICE_ACCOUNT, metadata: metadata(client) });
  return {
    app: name,
    labels: { app: name },
    podLabels: labelsOf(name),
    ports: [],
    serviceAccountName: name,
    files: new ConfigFiles(name, {}, client),
  };
}

function metadata(client: ClientPod | ClientDeployment) {
  return { name: client.name, namespace: requireNamespace(client), labels: labelsOf(client.name) };
}

function labelsOf(name: string): Record<string, string> {
  return { app: name, 'app.kubernetes.io/name': name };
}
