import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { AUTHORIZATION_POLICY, NETWORK_POLICY } from '../api-versions';
import { rememberCreation } from '../creation';
import { requireNamespace } from '../mesh-service';
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
 * Closes a namespace: pods of which no call is said ({@link CanaryApp.calls}) reach nobody and are reached by nobody, a new app
 * among them. Proxies still get their certificates and configuration, and show their metrics.
 *
 * @see https://istio.io/latest/docs/ops/best-practices/security/#use-default-deny-patterns
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/#default-policies
 */
export class DefaultDeny extends Construct {
  /** @throws `missing-namespace`, `invalid-name` */
  public constructor(scope: Construct, id: string, props: DefaultDenyProps = {}) {
    super(scope, id);
    rememberCreation(this);
    const metadata = { name: 'default-deny', namespace: requireNamespace(this, props.namespace) };
    new ApiObject(this, 'AuthorizationPolicy', { ...AUTHORIZATION_POLICY, metadata, spec: {} });
    new ApiObject(this, 'NetworkPolicy', {
      ...NETWORK_POLICY,
      metadata,
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: meshIngress([]), egress: MESH_EGRESS },
    });
  }
}
