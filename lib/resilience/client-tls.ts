import { ErrorCode, MeshError } from '../errors';
import { list } from '../limits';

/** Certificates of a server that callers trust, and the name they expect in it. */
export interface ClientTlsOptions {
  /**
   * The Secret with the CA certificate (`ca.crt`) and, for mutual TLS, the client's own (`tls.crt`, `tls.key`), in the namespace
   * of the calling gateway's pods. Gateways alone read it: Istio lets a sidecar call in plain text then, so it is refused
   * (`invalid-resilience`) where no gateway leads to the app. Where callers are pods with a sidecar, say files.
   * @default - files, or for simple TLS the operating system's CAs
   */
  readonly credentialName?: string;
  /**
   * The file with the CA certificate in the caller's proxy.
   * @default - the operating system's CAs, or what `credentialName` holds
   */
  readonly caCertificates?: string;
  /**
   * The name sent in the TLS handshake.
   * @default - Istio's: the request's host; plain TCP has none, and then none is sent
   */
  readonly sni?: string;
  /**
   * Names of which the server's certificate must hold one.
   * @default - the `sni`, and without it Istio's: the request's host; of plain TCP without either, no name is verified
   */
  readonly subjectAltNames?: string[];
  /**
   * Whether any server certificate will do. Only for tests.
   * @default false
   */
  readonly insecureSkipVerify?: boolean;
}

/** The client's own certificate as files in its proxy. */
export interface MutualClientTlsOptions extends ClientTlsOptions {
  /**
   * The file with the client's certificate.
   * @default - `credentialName` holds it
   */
  readonly clientCertificate?: string;
  /**
   * The file with the client's private key.
   * @default - `credentialName` holds it
   */
  readonly privateKey?: string;
}

/** The name by which a server with the mesh's own certificates is called. */
export interface IstioMutualClientTlsOptions {
  /**
   * The name sent in the TLS handshake. A gateway with {@link Listener.istioMutual} takes the host that it exposes.
   * @default - Istio's: a name that tells port, version and Service
   */
  readonly sni?: string;
}

/**
 * How callers encrypt what they send to an app.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ClientTLSSettings
 */
export class ClientTls {
  /** Plain text, for apps without a sidecar. */
  public static disable(): ClientTls {
    return new ClientTls({ mode: 'DISABLE' });
  }

  /**
   * TLS with a server certificate that is verified.
   * @throws `invalid-resilience` when `credentialName` stands beside files, or `insecureSkipVerify` beside what is then not verified
   */
  public static simple(options: ClientTlsOptions = {}): ClientTls {
    requireAlone('credentialName', options, ['caCertificates']);
    if (options.insecureSkipVerify) {
      requireAlone('insecureSkipVerify', options, ['credentialName', 'caCertificates', 'subjectAltNames']);
    }
    return new ClientTls({ mode: 'SIMPLE', ...withNames(options) });
  }

  /**
   * TLS with certificates of your own on both sides: a Secret, or a certificate and its key as files.
   * @throws `invalid-resilience` when there is neither or both, or `insecureSkipVerify` stands beside what is then not verified
   */
  public static mutual(options: MutualClientTlsOptions): ClientTls {
    requireAlone('credentialName', options, ['caCertificates', 'clientCertificate', 'privateKey']);
    if (options.insecureSkipVerify) {
      requireAlone('insecureSkipVerify', options, ['caCertificates', 'subjectAltNames']);
    }
    if (!options.credentialName && !(options.clientCertificate && options.privateKey)) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        'mutual TLS needs a certificate of the client: credentialName, or both clientCertificate and privateKey',
      );
    }
    return new ClientTls({ mode: 'MUTUAL', ...withNames(options) });
  }

  /** Mutual TLS with the certificates that Istio gives every workload. */
  public static istioMutual(options: IstioMutualClientTlsOptions = {}): ClientTls {
    return new ClientTls({ mode: 'ISTIO_MUTUAL', ...options });
  }

  private constructor(private readonly settings: Record<string, unknown>) {}

  /**
   * Whether it needs a Secret, which Istio reads at gateways alone. A ConfigMap with a CA certificate is for everybody.
   * @internal
   */
  public get _isForGateways(): boolean {
    const { credentialName } = this.settings;
    return typeof credentialName === 'string' && !credentialName.startsWith('configmap://');
  }

  /**
   * Whether the app itself, not its sidecar, ends this TLS.
   * @internal
   */
  public get _endsInApp(): boolean {
    return this.settings.mode === 'SIMPLE' || this.settings.mode === 'MUTUAL';
  }

  /** @internal */
  public _render(): Record<string, unknown> {
    return this.settings;
  }
}

/** Where a name is sent, Istio verifies no other by itself: any certificate of the CA would do. */
function withNames(options: MutualClientTlsOptions): MutualClientTlsOptions {
  const { sni, subjectAltNames, insecureSkipVerify } = options;
  return sni === undefined || subjectAltNames !== undefined || insecureSkipVerify
    ? options
    : { ...options, subjectAltNames: [sni] };
}

function requireAlone(
  field: keyof MutualClientTlsOptions,
  options: MutualClientTlsOptions,
  others: readonly (keyof MutualClientTlsOptions)[],
): void {
  const beside = others.filter((other) => options[other] !== undefined);
  if (options[field] !== undefined && beside.length > 0) {
    throw new MeshError(ErrorCode.INVALID_RESILIENCE, `${field} stands beside ${list(beside)}; Istio takes one of them`);
  }
}
