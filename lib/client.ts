import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { DEPLOYMENT, POD, SERVICE_ACCOUNT } from './api-versions';
import { rememberCreation } from './creation';
import { requireDnsLabel } from './limits';
import { type MeshService, requireNamespace } from './mesh-service';
import type { PodSet } from './pod-set';
import { type CallOptions, recordCall, Traffic } from './policy/call-policy';
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

/** Properties of {@link Client.fromName}. */
export interface ClientFromNameProps {
  /**
   * The value of the pods' label `app`.
   * @default - the construct's id
   */
  readonly name?: string;
  /** The name of the pods' ServiceAccount, by which the pods that they call know them. */
  readonly serviceAccount: string;
}

/** Something that only calls: it has an identity in the mesh and no Service. */
export abstract class Client extends Construct {
  /**
   * Pods that somebody else owns; nothing is created for them but what their calls ask for.
   * @throws `invalid-name`, `missing-namespace`
   */
  public static fromName(scope: Construct, id: string, props: ClientFromNameProps): Client {
    return new ForeignClient(scope, id, props);
  }

  /** The value of the pods' label `app`, and the name of what is created. */
  public readonly name: string;
  /** The namespace. */
  public readonly namespace: string;
  /** @internal */
  public readonly _traffic = new Traffic();

  /** @throws `invalid-name`, `missing-namespace` */
  protected constructor(scope: Construct, id: string, name: string = id) {
    super(scope, id);
    rememberCreation(this);
    this.name = requireDnsLabel('name of the client', name, this);
    this.namespace = requireNamespace(this);
  }

  /** The name of the ServiceAccount. */
  public get serviceAccountName(): string {
    return this.name;
  }

  /**
   * Lets this client call an app. From the first call on it calls those alone of whom it is said, as with {@link CanaryApp.calls}.
   *
   * @throws `invalid-call` when no policy can express it, `unknown-port`, `bypassed-split`, `missing-networks`
   */
  public calls(callee: MeshService, options: CallOptions = {}): void {
    recordCall(this, callee, options);
  }

  /** @internal */
  public get _workloadName(): string {
    return this.name;
  }

  /** @internal */
  public get _podLabels(): readonly Record<string, string>[] {
    return [{ app: this.name }];
  }

  /** @internal */
  public _eachPodSet(create: (pods: PodSet) => void): void {
    create({ suffix: '', labels: Lazy.any({ produce: () => this._podLabels[0] }) });
  }

  /** @internal */
  protected get _metadata(): { name: string; namespace: string; labels: Record<string, string> } {
    return { name: this.name, namespace: this.namespace, labels: labelsOf(this.name) };
  }

  /** @internal */
  protected _createServiceAccount(): void {
    new ApiObject(this, 'ServiceAccount', { ...SERVICE_ACCOUNT, metadata: this._metadata });
  }

  /**
   * What the pods are made of.
   * @internal
   */
  protected get _parts(): DeploymentParts {
    return {
      app: this.name,
      labels: { app: this.name },
      podLabels: labelsOf(this.name),
      ports: [],
      serviceAccountName: this.name,
      files: new ConfigFiles(this.name, {}, this),
    };
  }
}

/**
 * A pod that only calls others, such as one to try requests from: it has an identity in the mesh and no Service.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/
 */
export class ClientPod extends Client {
  /** @throws `invalid-name`, `invalid-workload`, `out-of-range`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: ClientPodProps) {
    super(scope, id, props.name);
    this._createServiceAccount();
    new ApiObject(this, 'Resource', { ...POD, metadata: this._metadata, spec: renderPod(this._parts, props, this).spec });
  }
}

/**
 * Pods that only call others, such as a load generator: they have an identity in the mesh and no Service.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/controllers/deployment/
 */
export class ClientDeployment extends Client {
  /** @throws `invalid-name`, `invalid-workload`, `out-of-range`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: ClientDeploymentProps) {
    super(scope, id, props.name);
    this._createServiceAccount();
    new ApiObject(this, 'Resource', {
      ...DEPLOYMENT,
      metadata: this._metadata,
      spec: renderDeployment(this._parts, props, this),
    });
  }
}

class ForeignClient extends Client {
  private readonly account: string;

  public constructor(scope: Construct, id: string, { name, serviceAccount }: ClientFromNameProps) {
    super(scope, id, name);
    this.account = requireDnsLabel('serviceAccount', serviceAccount, this);
  }

  public override get serviceAccountName(): string {
    return this.account;
  }
}

function labelsOf(name: string): Record<string, string> {
  return { app: name, 'app.kubernetes.io/name': name };
}
