import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import { PEER_AUTHENTICATION } from './api-versions';
import type { CanaryApp } from './canary-app';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { requirePort } from './limits';
import { createFor, namespaceOf } from './pod-set';

/**
 * What a workload accepts.
 *
 * @see https://istio.io/latest/docs/reference/config/security/peer_authentication/#PeerAuthentication-MutualTLS-Mode
 */
export enum MtlsMode {
  /** Plain text only. */
  DISABLE = 'DISABLE',
  /** Plain text and mutual TLS. */
  PERMISSIVE = 'PERMISSIVE',
  /** Mutual TLS only. */
  STRICT = 'STRICT',
}

/** Properties of a {@link PeerAuthentication}. */
export interface PeerAuthenticationProps {
  /** What is accepted. */
  readonly mode: MtlsMode;
  /**
   * The app for whose pods it holds.
   * @default - all pods of the namespace
   */
  readonly app?: CanaryApp;
  /**
   * What single ports of the app's containers accept, by number; only together with `app`.
   * @default - the same as all others
   */
  readonly ports?: { [port: string]: MtlsMode };
  /**
   * The namespace. In Istio's root namespace (`istio-system`) it holds for the whole mesh. What is said of an app stands in the app's own.
   * @default - the app's namespace, or else the chart's
   */
  readonly namespace?: string;
}

/**
 * Whether workloads accept plain text, mutual TLS or both: for one app, for a namespace, or for the whole mesh.
 *
 * @see https://istio.io/latest/docs/reference/config/security/peer_authentication/
 */
export class PeerAuthentication extends Construct {
  /** @throws `invalid-resilience` when `ports` stands without `app` or the namespace is not the app's, `out-of-range`, `missing-namespace`, `invalid-name` */
  public constructor(scope: Construct, id: string, props: PeerAuthenticationProps) {
    super(scope, id);
    rememberCreation(this);
    const { app, mode, ports } = props;
    if (ports !== undefined && app === undefined) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        'ports is set without app; Istio takes ports only for the pods of one app',
        this,
      );
    }
    const portLevelMtls = Object.fromEntries(
      Object.entries(ports ?? {}).map(([port, portMode]) => [
        String(requirePort('port', Number(port), this)),
        { mode: portMode },
      ]),
    );
    const namespace = namespaceOf(this, ErrorCode.INVALID_RESILIENCE, app, props.namespace);
    createFor(app, ({ id: objectId, name, selector }) => {
      new ApiObject(this, objectId, {
        ...PEER_AUTHENTICATION,
        metadata: { name, namespace },
        spec: { selector, mtls: { mode }, portLevelMtls: ports && portLevelMtls },
      });
    });
  }
}
