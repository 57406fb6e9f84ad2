import { ApiObject, Chart, JsonPatch } from 'cdk8s';
import { Construct } from 'constructs';
import { NAMESPACE } from './api-versions';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { requireDnsLabel } from './limits';
import { requireNamespace } from './mesh-service';

/**
 * How the pods of a namespace join the mesh; one way for each namespace.
 *
 * @see https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
 */
export class Injection {
  /** Each pod gets a sidecar from the default control plane. */
  public static enabled(): Injection {
    return new Injection({ 'istio-injection': 'enabled' });
  }

  /** A pod gets a proxy where it asks for one itself, as gateways do: for namespaces such as `istio-system`. */
  public static onRequest(): Injection {
    return new Injection({});
  }

  /** No pod gets a sidecar. What is written for sidecars alone is refused there (`no-proxy`). */
  public static disabled(): Injection {
    return new Injection({ 'istio-injection': 'disabled' });
  }

  /**
   * Each pod gets a sidecar from the control plane with this revision or tag.
   * @throws `invalid-name` when it is no DNS label
   * @see https://istio.io/latest/docs/setup/upgrade/canary/
   */
  public static revision(revision: string): Injection {
    return new Injection({ 'istio.io/rev': requireDnsLabel('revision', revision) });
  }

  /**
   * Pods join through the node's ztunnel, without sidecars. Splits and rules of an app then hold at gateways and for callers with a
   * sidecar; between pods of the namespace they hold where a waypoint of yours stands (`labels: { 'istio.io/use-waypoint': '…' }`).
   * What is written for sidecars alone is refused there (`no-proxy`): calls, {@link DefaultDeny} and rate limits.
   * @see https://istio.io/latest/docs/ambient/usage/add-workloads/
   * @see https://istio.io/latest/docs/ambient/usage/waypoint/
   */
  public static ambient(): Injection {
    return new Injection({ 'istio.io/dataplane-mode': 'ambient' });
  }

  private constructor(
    /** @internal */
    public readonly _labels: Record<string, string>,
  ) {}
}

/** Kubernetes never gives these up. Flux, which would try to prune them for ever, leaves what bears the annotation. */
const IMMORTAL = ['default', 'kube-system', 'kube-public'];
const NEVER_PRUNED = { 'kustomize.toolkit.fluxcd.io/prune': 'disabled' };

const INJECTION_LABELS = ['istio-injection', 'istio.io/rev', 'istio.io/dataplane-mode'];

/** Properties of a {@link MeshNamespace}. */
export interface MeshNamespaceProps {
  /**
   * The name of the namespace.
   * @default - the chart's namespace
   */
  readonly name?: string;
  /**
   * How its pods join the mesh.
   * @default Injection.enabled()
   */
  readonly injection?: Injection;
  /**
   * Further labels.
   * @default - none
   */
  readonly labels?: { [key: string]: string };
}

/**
 * A namespace whose pods are part of the mesh. Flux does not prune the namespaces that Kubernetes never deletes, such as `default`.
 *
 * @see https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
 */
export class MeshNamespace extends Construct {
  /** The name of the namespace. */
  public readonly name: string;

  /** @throws `invalid-name`, `missing-namespace` */
  public constructor(scope: Construct, id: string, props: MeshNamespaceProps = {}) {
    super(scope, id);
    rememberCreation(this);
    this.name = requireNamespace(this, props.name);
    const injection = props.injection ?? Injection.enabled();
    const reserved = Object.keys(props.labels ?? {}).find((label) => INJECTION_LABELS.includes(label));
    if (reserved !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_NAME,
        `label '${reserved}' says how pods join the mesh; say it with injection, so that there is one way`,
        this,
      );
    }
    const namespace = new ApiObject(this, 'Resource', {
      ...NAMESPACE,
      metadata: {
        name: this.name,
        labels: { ...props.labels, ...injection._labels },
        annotations: IMMORTAL.includes(this.name) ? NEVER_PRUNED : undefined,
      },
    });
    if (Chart.of(this).namespace !== undefined) {
      // cdk8s puts the chart's namespace on every object; a Namespace is in none.
      namespace.addJsonPatch(JsonPatch.remove('/metadata/namespace'));
    }
  }
}
