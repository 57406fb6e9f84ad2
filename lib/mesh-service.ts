import { Chart } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import type { AppPort } from './app-port';
import { rememberCreation } from './creation';
import { ErrorCode, MeshError } from './errors';
import { list, requireDnsLabel, requireServiceName } from './limits';
import type { MeshGateway } from './mesh-gateway';
import { type Detour, recordEntrance, type Workload } from './policy/call-policy';
import { inNamespace, type NetworkPeer } from './policy/network';
import type { ResilienceRules } from './resilience-rules';
import type { RequestMatch } from './routing/request-match';
import type { Destination, Route } from './routing/route';

/** Properties of a Service that somebody else owns. */
export interface MeshServiceFromNameProps {
  /**
   * The name of the Service.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * The namespace of the Service.
   * @default - the chart's namespace
   */
  readonly namespace?: string;
  /**
   * The ports of the Service that are used here. NetworkPolicies of those who call it see the `targetPort`: of Istio's ingress gateway
   * 80 and 443 as its Helm chart installs it, 8080 and 8443 as `istioctl install` does.
   */
  readonly ports: AppPort[];
}

/** Where a gateway leads to a Service. */
export interface Exposed {
  readonly gateway: MeshGateway;
  /** The port of the Service. */
  readonly port: AppPort;
  /** The host; `undefined` where connections are forwarded as they are. */
  readonly host?: string;
  /** Whether the gateway knows that nothing it sends on is encrypted by its client. */
  readonly inPlainText: boolean;
}

/** What brings new versions of an app into use, in place of the app itself. */
export interface RolloutOwner extends IConstruct {
  /**
   * Refuses what the owner cannot hold of all that is said for the app by now.
   * @internal
   */
  _requireHeld(): void;
}

/**
 * A Kubernetes Service that traffic can be sent to: a {@link CanaryApp}, or one that somebody else owns.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#Destination
 */
export abstract class MeshService extends Construct {
  /**
   * A Service that somebody else owns; nothing is created for it.
   * @throws `invalid-name`, `missing-namespace`, `no-ports`, `duplicate-port`
   */
  public static fromName(scope: Construct, id: string, props: MeshServiceFromNameProps): MeshService {
    return new ForeignService(scope, id, props);
  }

  /** The name of the Service. */
  public readonly serviceName: string;
  /** The namespace of the Service. */
  public readonly namespace: string;
  private readonly _ports: AppPort[];
  private readonly _resilience: ResilienceRules[] = [];
  private readonly _exposed: Exposed[] = [];

  /** @throws `invalid-name`, `missing-namespace`, `no-ports`, `duplicate-port` */
  protected constructor(scope: Construct, id: string, props: MeshServiceFromNameProps) {
    super(scope, id);
    rememberCreation(this);
    this.serviceName = requireServiceName('name of the Service', props.name ?? id, this);
    this.namespace = requireNamespace(this, props.namespace);
    this._ports = [...props.ports];
    if (this._ports.length === 0) {
      throw new MeshError(ErrorCode.NO_PORTS, 'ports is empty; a Service needs at least one AppPort', this);
    }
    requireDistinctPorts(this._ports, this);
  }

  /**
   * The full name of the Service in the cluster, so that no namespace decides by accident. The cluster's domain is `cluster.local`; no
   * other can be said.
   */
  public get host(): string {
    return `${this.serviceName}.${this.namespace}.svc.cluster.local`;
  }

  /** The ports of the Service, as a copy. */
  public get ports(): AppPort[] {
    return [...this._ports];
  }

  /**
   * The port with this number.
   * @throws `unknown-port` when the Service has no such port
   */
  public portOf(number: number): AppPort {
    const port = this._ports.find((candidate) => candidate.port === number);
    if (port === undefined) {
      throw new MeshError(
        ErrorCode.UNKNOWN_PORT,
        `port ${number} is none of the Service's; it has ${list(this._ports.map((candidate) => String(candidate.port)))}`,
        this,
      );
    }
    return port;
  }

  /**
   * The HTTP port that is meant where none is said: the first.
   * @throws `unknown-port` when the Service has no HTTP port
   * @internal
   */
  public _httpPort(): AppPort {
    const port = this._ports.find((candidate) => candidate.isHttp);
    if (port === undefined) {
      throw new MeshError(
        ErrorCode.UNKNOWN_PORT,
        `Service '${this.serviceName}' has no HTTP port; give it one, such as AppPort.http(80)`,
        this,
      );
    }
    return port;
  }

  /**
   * Refuses a condition on ports that no request for this Service is sent to.
   * @throws `unknown-port`
   * @internal
   */
  public _requirePortOf(what: string, when: RequestMatch, construct: IConstruct): void {
    const asked = when._toMatches().map(({ port }) => port);
    const ports = this._ownPorts.filter(({ isHttp }) => isHttp).map(({ port }) => port);
    if (asked.every((port) => port !== undefined && !ports.includes(port))) {
      throw new MeshError(
        ErrorCode.UNKNOWN_PORT,
        `${what} asks for port ${asked.join(' or ')}, to which no request is sent; '${this.serviceName}' takes HTTP on ${list(ports.map(String))}`,
        construct,
      );
    }
  }

  /**
   * The rules that protect this Service, in the order in which they were created.
   * @internal
   */
  public get _rules(): readonly ResilienceRules[] {
    return this._resilience;
  }

  /** @internal */
  public _protect(rules: ResilienceRules): void {
    this._resilience.push(rules);
    this._rolloutOwner?._requireHeld();
  }

  /**
   * Where gateways lead to this Service.
   * @internal
   */
  public get _exposures(): readonly Exposed[] {
    return this._exposed;
  }

  /** @internal */
  public _expose(exposed: Exposed): void {
    this._exposed.push(exposed);
    this._rolloutOwner?._requireHeld();
    const { gateway, port, host } = exposed;
    recordEntrance(this, gateway._workload, port);
    // The rules of the app stand at the gateway too, where it speaks HTTP.
    for (const { service } of host === undefined ? [] : this._detours) {
      recordEntrance(service, gateway._workload, service._httpPort());
    }
  }

  /**
   * What rolls this app out; `undefined` when the app's own split does.
   * @internal
   */
  public get _rolloutOwner(): RolloutOwner | undefined {
    return undefined;
  }

  /**
   * Who answers, as NetworkPolicies name it.
   * @internal
   */
  public abstract _networkPeers(): NetworkPeer[];

  /**
   * The pods that answer, where they are ours.
   * @internal
   */
  public get _workload(): Workload | undefined {
    return undefined;
  }

  /**
   * Where the Service's own rules lead some of its requests.
   * @internal
   */
  public get _detours(): readonly Detour[] {
    return [];
  }

  /**
   * The ports that callers use.
   * @internal
   */
  public get _ownPorts(): readonly AppPort[] {
    return this._ports;
  }

  /**
   * From now on an app stands for this Service of somebody else.
   * @internal
   */
  public _become(_app: MeshService): void {}

  /**
   * Where requests go when no rule says otherwise.
   * @internal
   */
  public abstract _destinations(): Destination[];

  /**
   * The routes of the Service's own rules, in order, the one for all other requests last.
   * @internal
   */
  public abstract _routes(): Route[];

  /**
   * The replicas of each version, where they are said.
   * @internal
   */
  public abstract _replicas(): ReadonlyMap<string, number | undefined>;

  /**
   * Whether this Service renders its own DestinationRule and VirtualService.
   * @internal
   */
  public abstract readonly _ownsMeshObjects: boolean;
}

class ForeignService extends MeshService {
  public override readonly _ownsMeshObjects = false;
  private app?: MeshService;

  public constructor(scope: Construct, id: string, props: MeshServiceFromNameProps) {
    super(scope, id, props);
  }

  public override _destinations(): Destination[] {
    this.requireNoApp();
    return [{ host: this.host }];
  }

  public override _routes(): Route[] {
    return [{ matches: [], destinations: this._destinations() }];
  }

  public override _networkPeers(): NetworkPeer[] {
    this.requireNoApp();
    return [inNamespace(this.namespace)];
  }

  public override _replicas(): ReadonlyMap<string, number | undefined> {
    return new Map();
  }

  public override _become(app: MeshService): void {
    this.app = app;
  }

  private requireNoApp(): void {
    if (this.app !== undefined) {
      throw new MeshError(
        ErrorCode.BYPASSED_SPLIT,
        `Service '${this.serviceName}' belongs to the app '${this.app.node.path}', whose split and rules would be passed by; name the app in its place`,
        this,
      );
    }
  }
}

/**
 * The namespace said, or else the chart's.
 * @throws `missing-namespace`, `invalid-name`
 */
export function requireNamespace(construct: Construct, namespace = Chart.of(construct).namespace): string {
  if (namespace === undefined) {
    throw new MeshError(
      ErrorCode.MISSING_NAMESPACE,
      `chart '${Chart.of(construct).node.id}' has no namespace; give it one: new Chart(app, '${Chart.of(construct).node.id}', { namespace: '…' })`,
      construct,
    );
  }
  return requireDnsLabel('namespace', namespace, construct);
}

function requireDistinctPorts(ports: readonly AppPort[], construct: Construct): void {
  for (const [index, port] of ports.entries()) {
    const earlier = ports
      .slice(0, index)
      .find((other) => other.port === port.port || other.servicePortName === port.servicePortName);
    if (earlier !== undefined) {
      throw new MeshError(
        ErrorCode.DUPLICATE_PORT,
        earlier.port === port.port
          ? `port ${port.port} occurs twice; each port number is allowed once`
          : `ports ${earlier.port} and ${port.port} are both called '${port.servicePortName}'; give one a name: AppPort.${port.protocol}(${port.port}, { name: '…' })`,
        construct,
      );
    }
  }
}
