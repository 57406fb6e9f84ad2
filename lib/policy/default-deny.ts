import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { AUTHORIZATION_POLICY, NETWORK_POLICY, SIDECAR } from '../api-versions';
import { rememberCreation } from '../creation';
import { requireDnsLabel } from '../limits';
import { requireNamespace } from '../mesh-service';
import { close } from './closed-namespaces';
import { MESH_EGRESS, MESH_HOSTS, meshIngress } from './network';

/** Properties of {@link DefaultDeny}. */
export interface DefaultDenyProps {
  /** The namespace of the Prometheus that reads the metrics of proxies and apps, such as `monitoring`: none else may. */
  readonly prometheusNamespace: string;
  /**
   * The namespace.
   * @default - the chart's namespace
   */
  readonly namespace?: string;
}

/**
 * Closes a namespace: pods reach nobody and are reached by nobody, save by the calls that are said ({@link CanaryApp.calls}), from the
 * gateways that expose them, and by Prometheus where they show metrics. Proxies still get their certificates and configuration, and
 * know what is installed beside Istio (`istio-system`), such as the Service for traces.
 *
 * What opens it is written for apps and clients. Pods of a Service of which nothing but the name is known ({@link MeshService.fromName})
 * stay closed; a {@link CanaryApp} that adopts their Deployment opens them to its callers.
 *
 * In the namespace of a gateway's pods ({@link MeshGatewayProps.workloadNamespace}) it would close the entrance as well: who may come in
 * there is yours to say. The Service that takes traces or logs from proxies is called by the apps like any other
 * ({@link MeshService.fromName}).
 *
 * Names are asked of the pods in `kube-system` alone. A NodeLocal DNSCache answers on an address of the node instead, to which a
 * NetworkPolicy of your own must open the way.
 *
 * A proxy without calls of its own knows no other host either (Sidecar). That alone would be no protection, since pods can go past
 * their proxy: the network holds them back.
 *
 * @see https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns
 * @see https://istio.io/latest/docs/reference/config/networking/sidecar/
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
 * @see https://kubernetes.io/docs/tasks/administer-cluster/nodelocaldns/
 */
export class DefaultDeny extends Construct {
  /** The namespace. */
  public readonly namespace: string;
  /** The namespace of Prometheus. */
  public readonly prometheusNamespace: string;

  /** @throws `missing-namespace`, `invalid-name` */
  public constructor(scope: Construct, id: string, props: DefaultDenyProps) {
    super(scope, id);
    rememberCreation(this);
    this.namespace = requireNamespace(this, props.namespace);
    this.prometheusNamespace = requireDnsLabel('prometheusNamespace', props.prometheusNamespace, this);
    const metadata = { name: 'default-deny', namespace: this.namespace };
    new ApiObject(this, 'Sidecar', {
      ...SIDECAR,
      metadata,
      spec: { outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' }, egress: [{ hosts: MESH_HOSTS }] },
    });
    new ApiObject(this, 'AuthorizationPolicy', { ...AUTHORIZATION_POLICY, metadata, spec: {} });
    new ApiObject(this, 'NetworkPolicy', {
      ...NETWORK_POLICY,
      metadata,
      spec: {
        podSelector: {},
        policyTypes: ['Ingress', 'Egress'],
        ingress: meshIngress(this.prometheusNamespace),
        egress: MESH_EGRESS,
      },
    });
    close(this);
  }
}
