import { Construct } from 'constructs';
import type { CanaryApp } from './canary-app';
import { MtlsMode, PeerAuthentication } from './peer-authentication';
import { ClientTls } from './resilience/client-tls';
import { ResilienceRules } from './resilience-rules';

/** Properties of {@link MutualTls}. */
export interface MutualTlsProps {
  /** The app whose callers and pods agree. */
  readonly app: CanaryApp;
  /** What the pods accept. Callers in the mesh use mutual TLS unless it is `DISABLE`. */
  readonly mode: MtlsMode;
}

/**
 * Whether an app is called with mutual TLS, said once for both sides: client TLS in its DestinationRule, and a PeerAuthentication
 * for its pods. Said apart they can contradict each other, and plain text to a server that is STRICT resets every connection.
 *
 * @see https://istio.io/latest/docs/ops/best-practices/security/#mutual-tls
 */
export class MutualTls extends Construct {
  /** @throws `conflicting-rules` when the app's client TLS is set already */
  public constructor(scope: Construct, id: string, props: MutualTlsProps) {
    super(scope, id);
    const { app, mode } = props;
    const clientTls = mode === MtlsMode.DISABLE ? ClientTls.disable() : ClientTls.istioMutual();
    new ResilienceRules(this, 'Client', { app, clientTls });
    new PeerAuthentication(this, 'Server', { app, mode });
  }
}
