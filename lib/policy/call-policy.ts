import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { AUTHORIZATION_POLICY, NETWORK_POLICY, SIDECAR } from '../api-versions';
import type { AppPort } from '../app-port';
import { ErrorCode, MeshError } from '../errors';
import { list } from '../limits';
import type { Exposed, MeshService } from '../mesh-service';
import type { PathMatch } from '../routing/path-match';
import { describeMatches } from '../routing/request-match';
import { orUndefined } from '../workload/container';
import { inNamespace, MESH_EGRESS, meshIngress, onPorts } from './network';

/** Which requests somebody sends to an app. */
export interface CallOptions {
  /**
   * The port of the Service.
   * @default - every port but one that is there for metrics alone
   */
  readonly port?: number;
  /**
   * The paths, of which one must match: {@link PathMatch.grpc}, {@link PathMatch.exact} or {@link PathMatch.prefix}.
   * @default - every path
   */
  readonly paths?: PathMatch[];
}

/** Pods that call or are called. */
export interface Workload extends Construct {
  /** The name of the pods' policies. */
  readonly _workloadName: string;
  readonly namespace: string;
  readonly serviceAccountName: string;
  /** The labels of the pods, as they are known at synth. */
  readonly _podLabels: Record<string, string>;
  /** Where Prometheus reads the pods' metrics. */
  readonly _scraped?: { readonly port: AppPort; readonly path: string };
  readonly _exposures?: readonly Exposed[];
}

/** An edge of the call graph. */
interface Call {
  readonly caller: Workload;
  readonly callee: MeshService;
  readonly ports: readonly AppPort[];
  /** As an AuthorizationPolicy writes them. */
  readonly paths?: readonly string[];
}

/**
 * Records that pods call a Service: from then on both call and are called by nobody else.
 * @throws `invalid-call`, `unknown-port`
 */
export function recordCall(caller: Workload, callee: MeshService, options: CallOptions): void {
  const ports = options.port === undefined ? callee._ownPorts : [callee.portOf(options.port)];
  const tcp = ports.find((port) => !port.isHttp);
  if (options.paths !== undefined && tcp !== undefined) {
    throw new MeshError(
      ErrorCode.INVALID_CALL,
      `paths are said for port ${tcp.port} of '${callee.node.path}', which speaks ${tcp.protocol}; leave them out or name a port for HTTP or gRPC`,
      caller,
    );
  }
  const call = { caller, callee, ports, paths: options.paths && renderPaths(options.paths, caller) };
  policyOf(caller).outgoing.push(call);
  const called = callee._workload;
  if (called !== undefined) {
    policyOf(called).incoming.push(call);
  }
}

function policyOf(workload: Workload): CallPolicy {
  return (workload.node.tryFindChild(ID) as CallPolicy | undefined) ?? new CallPolicy(workload);
}

const ID = 'Calls';

/**
 * What one workload may call and who may call it, written three times from the same calls: its proxy knows no other host (Sidecar),
 * it lets no other identity in (AuthorizationPolicy), and the network carries no other connection (NetworkPolicy).
 */
class CallPolicy extends Construct {
  public readonly outgoing: Call[] = [];
  public readonly incoming: Call[] = [];

  public constructor(private readonly workload: Workload) {
    super(workload, ID);
    const { _workloadName: name, namespace } = workload;
    const pods = Lazy.any({ produce: () => workload._podLabels });
    const metadata = { name, namespace };
    new ApiObject(this, 'Sidecar', {
      ...SIDECAR,
      metadata,
      spec: {
        workloadSelector: { labels: pods },
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
        egress: [{ hosts: Lazy.any({ produce: () => this.renderHosts() }) }],
      },
    });
    new ApiObject(this, 'AuthorizationPolicy', {
      ...AUTHORIZATION_POLICY,
      metadata,
      // Without a rule it allows nothing.
      spec: { selector: { matchLabels: pods }, action: 'ALLOW', rules: Lazy.any({ produce: () => this.renderRules() }) },
    });
    new ApiObject(this, 'NetworkPolicy', {
      ...NETWORK_POLICY,
      metadata,
      spec: {
        podSelector: { matchLabels: pods },
        policyTypes: ['Ingress', 'Egress'],
        ingress: Lazy.any({ produce: () => this.renderIngress() }),
        egress: Lazy.any({ produce: () => this.renderEgress() }),
      },
    });
  }

  private renderHosts(): string[] {
    const hosts = [...new Set(this.outgoing.map(({ callee }) => `${callee.namespace}/${callee.host}`))];
    return hosts.length === 0 ? ['~/*'] : hosts;
  }

  private renderRules(): unknown[] | undefined {
    const calls = this.incoming.map(({ caller, ports, paths }) =>
      rule({ principals: [principal(caller.namespace, caller.serviceAccountName)] }, ports, { paths }),
    );
    const gateways = (this.workload._exposures ?? []).map(({ gateway: { _workload: pods }, port }) =>
      rule(
        pods.serviceAccount === undefined
          ? { namespaces: [pods.namespace] }
          : { principals: [principal(pods.namespace, pods.serviceAccount)] },
        [port],
      ),
    );
    const { _scraped: scraped } = this.workload;
    // Prometheus has no identity in the mesh.
    const scrapes = scraped === undefined ? [] : [rule(undefined, [scraped.port], { methods: ['GET'], paths: [scraped.path] })];
    return orUndefined(distinct([...calls, ...gateways, ...scrapes]));
  }

  private renderIngress(): unknown[] {
    const calls = this.incoming.map(({ caller, ports }) => ({
      from: [inNamespace(caller.namespace, caller._podLabels)],
      ports: onPorts(targets(ports)),
    }));
    const gateways = (this.workload._exposures ?? []).map(({ gateway: { _workload: pods }, port }) => ({
      from: [inNamespace(pods.namespace, pods.selector)],
      ports: onPorts([port.targetPort]),
    }));
    const { _scraped: scraped } = this.workload;
    return distinct([...calls, ...gateways, ...meshIngress(scraped === undefined ? [] : [scraped.port.targetPort])]);
  }

  private renderEgress(): unknown[] {
    const calls = this.outgoing.map(({ callee, ports }) => ({ to: callee._networkPeers(), ports: onPorts(targets(ports)) }));
    return distinct([...calls, ...MESH_EGRESS]);
  }
}

function rule(source: unknown, ports: readonly AppPort[], operation: Record<string, unknown> = {}): unknown {
  return {
    from: source && [{ source }],
    to: [{ operation: { ports: targets(ports).map(String), ...operation } }],
  };
}

/** Policies see the ports of the pods. */
function targets(ports: readonly AppPort[]): number[] {
  return ports.map(({ targetPort }) => targetPort);
}

/** Istio reads `cluster.local` as the mesh's own trust domain, whatever that is called. */
function principal(namespace: string, serviceAccount: string): string {
  return `cluster.local/ns/${namespace}/sa/${serviceAccount}`;
}

/** Two calls may differ in what only the other policy tells apart. */
function distinct(entries: readonly unknown[]): unknown[] {
  return [...new Map(entries.map((entry) => [JSON.stringify(entry), entry])).values()];
}

function renderPaths(paths: readonly PathMatch[], caller: Construct): string[] {
  if (paths.length === 0) {
    throw new MeshError(ErrorCode.INVALID_CALL, 'paths is empty, so nothing could be called; name one or leave it out', caller);
  }
  return paths.map((path) => {
    const [{ uri = {}, ignoreUriCase = false }] = path._toMatches();
    const literal = uri.exact ?? uri.prefix;
    if (literal === undefined || ignoreUriCase || literal.includes('*')) {
      throw new MeshError(
        ErrorCode.INVALID_CALL,
        `paths hold ${describeMatches(path._toMatches())}, which no AuthorizationPolicy says; allowed are ${list(['PathMatch.grpc', 'PathMatch.exact', 'PathMatch.prefix'])} without '*', in one case`,
        caller,
      );
    }
    return uri.exact ?? `${literal}*`;
  });
}
