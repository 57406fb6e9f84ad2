import { isIP } from 'node:net';
import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import { SERVICE_ENTRY } from './api-versions';
import { AppPort } from './app-port';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { ExternalNetworks } from './external-networks';
import { list, quote, requireHost } from './limits';
import { type Exposed, MeshService } from './mesh-service';
import type { NetworkPeer } from './policy/network';
import { ClientTls } from './resilience/client-tls';
import { ResilienceRules } from './resilience-rules';
import type { Destination, Route } from './routing/route';

/**
 * Requests in plain text that the caller's proxy encrypts, so that routes, retries and metrics see more than a TLS stream.
 *
 * @see https://istio.io/latest/docs/tasks/traffic-management/egress/egress-tls-origination/
 */
export interface TlsOrigination {
  /**
   * The port that apps call in plain text.
   * @default 80
   */
  readonly port?: number;
  /**
   * The port of the host that is called with TLS.
   * @default 443
   */
  readonly targetPort?: number;
  /**
   * The name sent in the TLS handshake.
   * @default - the host
   */
  readonly sni?: string;
  /**
   * Names of which the server's certificate must hold one.
   * @default - the host
   */
  readonly subjectAltNames?: string[];
  /**
   * The file with the CA certificates in the caller's proxy.
   * @default 'system', the operating system's
   */
  readonly caCertificates?: string;
}

/** Properties of an {@link ExternalService}. */
export interface ExternalServiceProps {
  /** The host outside the mesh; `*.example.com` for all hosts of a domain, to which no gateway and no rule can lead. */
  readonly host: string;
  /**
   * The name of the ServiceEntry.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * The ports that are called. Streams (`AppPort.tcp` and its like) say no host: where several hosts have the same port for them, Istio
   * finds the right one only if the callers' proxies answer DNS (`ISTIO_META_DNS_CAPTURE`), and otherwise takes one for all.
   * @see https://istio.io/latest/docs/ops/configuration/traffic-management/dns-proxy/#external-tcp-services-without-vips
   * @default - that of `tlsOrigination`; one of the two must be said
   */
  readonly ports?: AppPort[];
  /**
   * Where the caller's proxy encrypts what apps send in plain text.
   * @default - nowhere
   */
  readonly tlsOrigination?: TlsOrigination;
  /**
   * The IP addresses behind the host.
   * @default - those that DNS knows; for a pattern, the one that the app calls
   */
  readonly endpoints?: string[];
  /**
   * In which networks the host is, for the NetworkPolicies of apps with calls of their own ({@link CanaryApp.calls}).
   * @default - the `endpoints`; without them it must be said for such calls
   */
  readonly networks?: ExternalNetworks;
}

/**
 * A host outside the mesh that apps may call (a ServiceEntry). {@link ResilienceRules} hold for it as for any app.
 *
 * Requests that a rule or a gateway leads to it keep the host that their client asked for; most servers want their own:
 * {@link Rewrite.authority}.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/service-entry/
 */
export class ExternalService extends MeshService {
  /** @internal */
  public override readonly _ownsMeshObjects = false;
  private readonly externalHost: string;
  private readonly networks?: ExternalNetworks;

  /** @throws `invalid-host`, `invalid-name`, `missing-namespace`, `no-ports`, `duplicate-port`, `out-of-range` */
  public constructor(scope: Construct, id: string, props: ExternalServiceProps) {
    super(scope, id, { name: props.name, ports: externalPorts(props) });
    rememberCreation(this);
    const { host, endpoints = [], tlsOrigination } = props;
    this.externalHost = requireHost(host, this);
    this.networks = props.networks ?? this.networksOf(endpoints);
    const isPattern = host.startsWith('*');
    if (host === '*' || (isPattern && (endpoints.length > 0 || tlsOrigination !== undefined))) {
      throw new MeshError(
        ErrorCode.INVALID_HOST,
        `host is '${host}' with endpoints ${list(endpoints)}${tlsOrigination && ' and tlsOrigination'}; a pattern needs a domain, and has no one address or certificate`,
        this,
      );
    }
    new ApiObject(this, 'Resource', {
      ...SERVICE_ENTRY,
      metadata: { name: this.serviceName, namespace: this.namespace },
      spec: {
        hosts: [host],
        location: 'MESH_EXTERNAL',
        resolution: endpoints.length > 0 ? 'STATIC' : isPattern ? 'NONE' : 'DNS',
        endpoints: endpoints.length > 0 ? endpoints.map((address) => ({ address })) : undefined,
        ports: this.ports.map((port) => ({
          number: port.port,
          name: port.servicePortName,
          protocol: port.protocol.toUpperCase(),
          targetPort: port.targetPort === port.port ? undefined : port.targetPort,
        })),
      },
    });
    if (tlsOrigination !== undefined) {
      this.originateTls(tlsOrigination);
    }
  }

  /** The host as it was given. */
  public override get host(): string {
    return this.externalHost;
  }

  /** @internal */
  public override _destinations(): Destination[] {
    this.requireAddress();
    return [{ host: this.host }];
  }

  /** @internal */
  public override _expose(exposed: Exposed): void {
    this.requireAddress();
    super._expose(exposed);
  }

  /** Of a pattern only the caller knows an address, and a caller of something else asked for that of something else. */
  private requireAddress(): void {
    if (this.host.startsWith('*')) {
      throw new MeshError(
        ErrorCode.INVALID_HOST,
        `host '${this.host}' is a pattern and has no address to which requests for something else could be sent; name one host`,
        this,
      );
    }
  }

  /**
   * Addresses that DNS decides on are not known here.
   * @throws `missing-networks`
   * @internal
   */
  public override _networkPeers(): NetworkPeer[] {
    if (this.networks === undefined) {
      throw new MeshError(
        ErrorCode.MISSING_NETWORKS,
        `host '${this.host}' is called by pods with policies of their own, and in which networks it is nobody said; say it: networks: ExternalNetworks.of(['…']) or ExternalNetworks.anyPublic()`,
        this,
      );
    }
    return this.networks._peers;
  }

  /** @internal */
  public override _routes(): Route[] {
    return [{ matches: [], destinations: [{ host: this.host }] }];
  }

  /** @internal */
  public override _replicas(): ReadonlyMap<string, number | undefined> {
    return new Map();
  }

  private networksOf(endpoints: readonly string[]): ExternalNetworks | undefined {
    const wrong = endpoints.find((address) => isIP(address) === 0);
    if (wrong !== undefined) {
      throw new MeshError(ErrorCode.INVALID_HOST, `endpoints hold ${quote(wrong)}; allowed are IP addresses`, this);
    }
    const ranges = endpoints.map((address) => `${address}/${isIP(address) === 4 ? 32 : 128}`);
    return ranges.length === 0 ? undefined : ExternalNetworks.of(ranges);
  }

  private originateTls(origination: TlsOrigination): void {
    const clientTls = ClientTls.simple({
      sni: origination.sni ?? this.host,
      subjectAltNames: origination.subjectAltNames ?? [this.host],
      caCertificates: origination.caCertificates ?? 'system',
    });
    new ResilienceRules(this, 'TlsOrigination', {
      app: this,
      ports: { [String(origination.port ?? DEFAULT_PLAIN_PORT)]: { clientTls } },
    });
  }
}

const DEFAULT_PLAIN_PORT = 80;
const DEFAULT_TLS_PORT = 443;

function externalPorts({ ports = [], tlsOrigination }: ExternalServiceProps): AppPort[] {
  if (tlsOrigination === undefined) {
    return ports;
  }
  const { port = DEFAULT_PLAIN_PORT, targetPort = DEFAULT_TLS_PORT } = tlsOrigination;
  return [AppPort.http(port, { targetPort }), ...ports];
}
