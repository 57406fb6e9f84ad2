import { ErrorCode, MeshError } from './errors';
import { requireHost, requirePort } from './limits';
import type { PathMatch } from './routing/path-match';

/** Options of {@link Listener.http}. */
export interface HttpListenerOptions {
  /**
   * The port.
   * @default 80
   */
  readonly port?: number;
  /**
   * Whether every request is redirected to https (301). Needs an HTTPS listener on the same gateway.
   * @default false
   */
  readonly redirectToHttps?: boolean;
  /**
   * Paths that are served without a redirect, such as `/.well-known/acme-challenge/` for an ACME solver.
   * @default - none
   */
  readonly redirectExcept?: PathMatch[];
}

/**
 * The oldest TLS version that a listener accepts.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/#ServerTLSSettings-TLSProtocol
 */
export enum TlsVersion {
  /** TLS 1.2 and newer. */
  TLS_1_2 = 'TLSV1_2',
  /** TLS 1.3 alone. */
  TLS_1_3 = 'TLSV1_3',
}

/** Options of a listener that terminates TLS. */
export interface TlsListenerOptions {
  /** The Secret with the certificate, in the namespace of the gateway's pods. */
  readonly credential: string;
  /**
   * The port.
   * @default 443
   */
  readonly port?: number;
  /**
   * The oldest TLS version.
   * @default - Istio's: 1.2
   */
  readonly minProtocolVersion?: TlsVersion;
}

/** Options of a listener with a port only. */
export interface ListenerOptions {
  /**
   * The port.
   * @default - 443; 15443 for {@link Listener.autoPassthrough}
   */
  readonly port?: number;
}

/** @internal */
export enum ListenerKind {
  HTTP = 'HTTP',
  PASSTHROUGH = 'PASSTHROUGH',
  TCP = 'TCP',
  FIXED = 'FIXED',
}

/**
 * A port of a gateway: its protocol, and who terminates TLS.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/#Server
 */
export class Listener {
  /**
   * HTTP in plain text.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-listener` when `redirectExcept` stands without `redirectToHttps`
   */
  public static http(options: HttpListenerOptions = {}): Listener {
    return new Listener(ListenerKind.HTTP, 'HTTP', options.port ?? 80, undefined, options);
  }

  /**
   * HTTPS that the gateway terminates.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-listener` when `credential` is empty
   */
  public static https(options: TlsListenerOptions): Listener {
    return new Listener(ListenerKind.HTTP, 'HTTPS', options.port ?? 443, terminated('SIMPLE', options));
  }

  /**
   * HTTPS that the gateway terminates; clients must show a certificate (the Secret holds the CA as `ca.crt`).
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-listener` when `credential` is empty
   */
  public static mutual(options: TlsListenerOptions): Listener {
    return new Listener(ListenerKind.HTTP, 'HTTPS', options.port ?? 443, terminated('MUTUAL', options));
  }

  /**
   * HTTPS that the gateway terminates; a client's certificate is verified if it shows one.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-listener` when `credential` is empty
   */
  public static optionalMutual(options: TlsListenerOptions): Listener {
    return new Listener(ListenerKind.HTTP, 'HTTPS', options.port ?? 443, terminated('OPTIONAL_MUTUAL', options));
  }

  /**
   * HTTPS with the mesh's own certificates, for callers inside a mesh: they need {@link ClientTls.istioMutual} for the Service of the
   * gateway, with the exposed host as `sni`.
   *
   * @throws `out-of-range` when the port is not 1 to 65535
   * @see https://istio.io/latest/docs/tasks/traffic-management/egress/egress-gateway/#egress-gateway-for-http-traffic
   */
  public static istioMutual(options: ListenerOptions = {}): Listener {
    return new Listener(ListenerKind.HTTP, 'HTTPS', options.port ?? 443, { mode: 'ISTIO_MUTUAL' });
  }

  /**
   * TLS that the app terminates; the gateway chooses by SNI.
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static passthrough(options: ListenerOptions = {}): Listener {
    return new Listener(ListenerKind.PASSTHROUGH, 'TLS', options.port ?? 443, { mode: 'PASSTHROUGH' });
  }

  /**
   * Any TCP stream.
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static tcp(port: number): Listener {
    return new Listener(ListenerKind.TCP, 'TCP', port);
  }

  /**
   * A TCP stream inside TLS that the gateway terminates.
   * @throws `out-of-range` when the port is not 1 to 65535
   * @throws `invalid-listener` when `credential` is empty
   */
  public static tls(options: TlsListenerOptions): Listener {
    return new Listener(ListenerKind.TCP, 'TLS', options.port ?? 443, terminated('SIMPLE', options));
  }

  /**
   * Traffic between clusters: the SNI names the Service, no route is needed.
   * @throws `invalid-listener` when there is no host
   * @throws `invalid-host` when one is no DNS name
   * @throws `out-of-range` when the port is not 1 to 65535
   */
  public static autoPassthrough(hosts: string[], options: ListenerOptions = {}): Listener {
    return new Listener(
      ListenerKind.FIXED,
      'TLS',
      options.port ?? 15443,
      { mode: 'AUTO_PASSTHROUGH' },
      {},
      hosts.map((host) => requireHost(host)),
    );
  }

  private constructor(
    /** @internal */
    public readonly _kind: ListenerKind,
    private readonly protocol: string,
    /** The port. */
    public readonly port: number,
    private readonly tls?: Record<string, unknown>,
    /** @internal */
    public readonly _http: HttpListenerOptions = {},
    private readonly fixedHosts?: readonly string[],
  ) {
    requirePort('port of the listener', port);
    if (fixedHosts?.length === 0) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `listener on port ${port} names no host; name at least one, such as '*.local'`,
      );
    }
    if (_http.redirectExcept !== undefined && _http.redirectToHttps !== true) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `listener on port ${port} has redirectExcept without redirectToHttps: true`,
      );
    }
  }

  /**
   * The Secret with the certificate, where the gateway terminates TLS with one.
   * @internal
   */
  public get _credential(): string | undefined {
    return this.tls?.credentialName as string | undefined;
  }

  /** Whether the connection is encrypted, so that several listeners can share the port. */
  public get isTls(): boolean {
    return this.tls !== undefined;
  }

  /**
   * Whether the redirect is left to the routes: that of a Gateway has no exceptions, keeps the port that the client asked for unless
   * it is 80, and so leads to 443 alone.
   * @internal
   */
  public _redirectsByRoute(httpsPort: number | undefined): boolean {
    const { redirectToHttps, redirectExcept = [] } = this._http;
    return redirectToHttps === true && (redirectExcept.length > 0 || this.port !== 80 || httpsPort !== 443);
  }

  /** @internal */
  public _render(name: string, hosts: readonly string[], httpsPort = 443): Record<string, unknown> {
    const redirects = this._http.redirectToHttps === true && !this._redirectsByRoute(httpsPort);
    return {
      port: { number: this.port, name, protocol: this.protocol },
      hosts: this.fixedHosts ?? (this._kind === ListenerKind.TCP ? ['*'] : hosts),
      tls: redirects ? { httpsRedirect: true } : this.tls,
    };
  }

  /** @internal */
  public get _name(): string {
    return `${this.protocol.toLowerCase()}-${this.port}`;
  }
}

function terminated(mode: string, { credential, minProtocolVersion }: TlsListenerOptions): Record<string, unknown> {
  if (credential === '') {
    throw new MeshError(ErrorCode.INVALID_LISTENER, 'credential is empty; it names the Secret with the certificate');
  }
  return { mode, credentialName: credential, ...(minProtocolVersion !== undefined && { minProtocolVersion }) };
}
