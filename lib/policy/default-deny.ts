import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { AUTHORIZATION_POLICY, NETWORK_POLICY } from '../api-versions';
import { rememberCreation } from '../creation';
import { requireNamespace } from '../mesh-service';
import { close } from './closed-namespaces';
import { MESH_EGRESS, meshIngress } from './network';

/** Properties of {@link DefaultDeny}. */
export interface DefaultDenyProps {
  /**
   * The namespace.
   * @default - the chart's namespace
   */
  readonly namespace?: string;
}

/**
 * Closes a namespace: pods reach nobody and are reached by nobody, save by the calls that are said ({@link CanaryApp.calls}), from the
 * gateways that expose them, and by Prometheus where they show metrics. Proxies still get their certificates and configuration.
 *
 * @see https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
 */
export class DefaultDeny extends Construct {
  /** @throws `missing-namespace`, `invalid-name` */
  public constructor(scope: Construct, id: string, props: DefaultDenyProps = {}) {
    super(scope, id);
    rememberCreation(this);
    const namespace = requireNamespace(this, props.namespace);
    const metadata = { name: 'default-deny', namespace };
    new ApiObject(this, 'AuthorizationPolicy', { ...AUTHORIZATION_POLICY, metadata, spec: {} });
    new ApiObject(this, 'NetworkPolicy', {
      ...NETWORK_POLICY,
      metadata,
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: meshIngress([]), egress: MESH_EGRESS },
    });
    close(this, namespace);
  }
}
