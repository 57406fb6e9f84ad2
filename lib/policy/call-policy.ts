import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { AUTHORIZATION_POLICY, NETWORK_POLICY, SIDECAR } from '../api-versions';
import type { AppPort } from '../app-port';
import { ErrorCode, MeshError } from '../errors';
import type { GatewayWorkload } from '../gateway-access';
import { list } from '../limits';
import type { MeshService } from '../mesh-service';
import { type PodSet, selectorOf } from '../pod-set';
import type { PathMatch } from '../routing/path-match';
import { describeMatches } from '../routing/request-match';
import type { Rewrite } from '../routing/rewrite';
import { orUndefined } from '../workload/container';
import { closingOf, whenClosed } from './closed-namespaces';
import { inNamespace, MESH_EGRESS, MESH_HOSTS, meshIngress, onPorts } from './network';

/** Which requests somebody sends to an app. */
export interface CallOptions {
  /**
   * The port of the Service.
   * @default - every port but one that is there for metrics alone
   */
  readonly port?: number;
  /**
   * The paths, of which one must match: {@link PathMatch.grpc}, {@link PathMatch.exact}, {@link PathMatch.prefix} or
   * {@link PathMatch.below}.
   * @default - every path
   */
  readonly paths?: PathMatch[];
}

/** Pods that call or are called. */
export interface Workload extends Construct {
  /** The name of the pods' policies. */
  readonly _workloadName: string;
  readonly namespace: string;
  /** @throws `missing-identity` where it is not known */
  readonly serviceAccountName: string;
  /** The labels of the pods, one set or the other, as they are known at synth. */
  readonly _podLabels: readonly Record<string, string>[];
  /** Creates what selects pods by one set of labels alone, for each set. */
  _eachPodSet(create: (pods: PodSet) => void): void;
  /** Where Prometheus reads the pods' metrics. */
  readonly _scraped?: Scraped;
  readonly _traffic: Traffic;
}

/** Where Prometheus reads metrics. */
export interface Scraped {
  readonly port: AppPort;
  readonly path: string;
}

/** All that is said of who calls some pods and whom they call. */
export class Traffic {
  public readonly outgoing: Call[] = [];
  public readonly incoming: Call[] = [];
  public readonly entrances: Entrance[] = [];
}

/** An edge of the call graph. */
interface Call {
  readonly caller: Workload;
  readonly callee: MeshService;
  readonly ports: readonly AppPort[];
  /** As an AuthorizationPolicy writes them. */
  readonly paths?: readonly string[];
}

/** A gateway whose requests reach the pods. */
interface Entrance {
  readonly gateway: GatewayWorkload;
  readonly port: AppPort;
}

/** Where the rules of an app lead some of its requests: to another Service. */
export interface Detour {
  readonly service: MeshService;
  readonly rewrite?: Rewrite;
}

/**
 * Records that pods call a Service: from then on both call and are called by nobody else. The proxy of the caller applies the rules
 * of the callee, so it also calls the Services to which these lead.
 * @throws `invalid-call`, `unknown-port`, `missing-identity`, `missing-networks`
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
  const paths = options.paths && renderPaths(options.paths, caller);
  const detours = ports.some(({ isHttp }) => isHttp) ? callee._detours : [];
  const calls: Call[] = [
    { caller, callee, ports, paths },
    ...detours.map(({ service, rewrite }) => ({
      caller,
      callee: service,
      ports: [service._httpPort()],
      paths: paths && rewritten(paths, rewrite),
    })),
  ];
  // Whatever a policy lacks is found here and not first at synth.
  for (const call of calls) {
    call.callee._networkPeers();
    if (call.callee._workload !== undefined) {
      principalOf(caller);
    }
  }
  for (const call of calls) {
    record(call, isolate);
  }
}

/** Records a call that the proxy of the caller makes by itself, which gives policies to nobody outside closed namespaces. */
export function recordProxyCall(caller: Workload, callee: MeshService, port: AppPort): void {
  record({ caller, callee, ports: [port] }, isolateWhereClosed);
}

function record(call: Call, act: (workload: Workload) => void): void {
  const { caller, callee } = call;
  const called = callee._workload;
  if (called !== undefined) {
    called._traffic.incoming.push(call);
    act(called);
  }
  caller._traffic.outgoing.push(call);
  act(caller);
}

/** Records that a gateway leads to a port of a Service: in a closed namespace its pods get policies that let the gateway in. */
export function recordEntrance(callee: MeshService, gateway: GatewayWorkload, port: AppPort): void {
  const called = callee._workload;
  if (called !== undefined) {
    called._traffic.entrances.push({ gateway, port });
    isolateWhereClosed(called);
  }
}

/** Gives pods policies of their own where their namespace is closed, now or by a later line. */
export function isolateWhereClosed(workload: Workload): void {
  whenClosed(workload, () => isolate(workload));
}

function isolate(workload: Workload): void {
  if (workload.node.tryFindChild(ID) === undefined) {
    new CallPolicy(workload);
  }
}

const ID = 'Calls';

/**
 * What one workload may call and who may call it, written three times from the same calls: its proxy knows no other host (Sidecar),
 * it lets no other identity in (AuthorizationPolicy), and the network carries no other connection (NetworkPolicy).
 */
class CallPolicy extends Construct {
  private readonly traffic: Traffic;

  public constructor(private readonly workload: Workload) {
    super(workload, ID);
    const { _workloadName: name, namespace } = workload;
    this.traffic = workload._traffic;
    workload._eachPodSet((pods) => this.createProxyPolicies(pods));
    new ApiObject(this, 'NetworkPolicy', {
      ...NETWORK_POLICY,
      metadata: { name, namespace },
      spec: {
        podSelector: Lazy.any({ produce: () => selectorOf(workload._podLabels) }),
        policyTypes: ['Ingress', 'Egress'],
        ingress: Lazy.any({ produce: () => this.renderIngress() }),
        egress: Lazy.any({ produce: () => this.renderEgress() }),
      },
    });
  }

  private createProxyPolicies({ suffix, labels }: PodSet): void {
    const { _workloadName: name, namespace } = this.workload;
    const metadata = { name: name + suffix, namespace };
    new ApiObject(this, `Sidecar${suffix}`, {
      ...SIDECAR,
      metadata,
      spec: {
        workloadSelector: { labels },
        outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
        egress: [{ hosts: Lazy.any({ produce: () => this.renderHosts() }) }],
      },
    });
    new ApiObject(this, `AuthorizationPolicy${suffix}`, {
      ...AUTHORIZATION_POLICY,
      metadata,
      // Without a rule it allows nothing.
      spec: { selector: { matchLabels: labels }, action: 'ALLOW', rules: Lazy.any({ produce: () => this.renderRules() }) },
    });
  }

  private renderHosts(): string[] {
    // Istio warns of a host that is there twice.
    const called = this.traffic.outgoing
      .filter(({ callee }) => !MESH_HOSTS.includes(`${callee.namespace}/*`))
      .map(({ callee }) => `${callee.namespace}/${callee.host}`);
    return [...new Set([...MESH_HOSTS, ...called])];
  }

  private renderRules(): unknown[] | undefined {
    const calls = this.traffic.incoming.map(({ caller, ports, paths }) =>
      rule({ principals: [principalOf(caller)] }, ports, { paths }),
    );
    const gateways = this.traffic.entrances.map(({ gateway: { namespace, serviceAccount }, port }) =>
      rule(serviceAccount === undefined ? { namespaces: [namespace] } : { principals: [principal(namespace, serviceAccount)] }, [
        port,
      ]),
    );
    const { _scraped: scraped } = this.workload;
    return orUndefined(distinct([...calls, ...gateways, ...(scraped === undefined ? [] : [renderScrape(scraped)])]));
  }

  private renderIngress(): unknown[] {
    const calls = this.traffic.incoming.map(({ caller, ports }) => ({
      from: caller._podLabels.map((labels) => inNamespace(caller.namespace, labels)),
      ports: onPorts(targets(ports)),
    }));
    const gateways = this.traffic.entrances.map(({ gateway: { namespace, selector }, port }) => ({
      from: [inNamespace(namespace, selector)],
      ports: onPorts([port.targetPort]),
    }));
    const { _scraped: scraped } = this.workload;
    const prometheus = closingOf(this.workload)?.prometheusNamespace;
    const scrapes = meshIngress(prometheus, scraped && [scraped.port.targetPort]);
    return distinct([...calls, ...gateways, ...scrapes]);
  }

  private renderEgress(): unknown[] {
    const calls = this.traffic.outgoing.map(({ callee, ports }) => ({
      to: callee._networkPeers(),
      ports: onPorts(targets(ports)),
    }));
    return distinct([...calls, ...MESH_EGRESS]);
  }
}

function rule(source: unknown, ports: readonly AppPort[], operation: Record<string, unknown> = {}): unknown {
  return {
    from: source && [{ source }],
    to: [{ operation: { ports: targets(ports).map(String), ...operation } }],
  };
}

/** Prometheus has no identity in the mesh. Istio drops a rule that speaks of HTTP for a port that does not. */
function renderScrape({ port, path }: Scraped): unknown {
  return rule(undefined, [port], port.isHttp ? { methods: ['GET'], paths: [path] } : {});
}

/** Policies see the ports of the pods. */
function targets(ports: readonly AppPort[]): number[] {
  return ports.map(({ targetPort }) => targetPort);
}

function principalOf({ namespace, serviceAccountName }: Workload): string {
  return principal(namespace, serviceAccountName);
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
  return paths.flatMap((path) =>
    path._toMatches().map(({ uri = {}, ignoreUriCase = false }) => {
      const literal = uri.exact ?? uri.prefix;
      if (literal === undefined || ignoreUriCase || literal.includes('*')) {
        throw new MeshError(
          ErrorCode.INVALID_CALL,
          `paths hold ${describeMatches(path._toMatches())}, which no AuthorizationPolicy says; allowed are ${list(['PathMatch.grpc', 'PathMatch.exact', 'PathMatch.prefix', 'PathMatch.below'])} without '*', in one case`,
          caller,
        );
      }
      return uri.exact ?? `${literal}*`;
    }),
  );
}

/** The paths as the Service behind a rule sees them: its policy is asked after the rewrite. */
function rewritten(paths: readonly string[], rewrite: Rewrite | undefined): readonly string[] | undefined {
  const to = rewrite?._path();
  switch (to?.kind) {
    case undefined:
      return paths;
    case 'path':
      return [to.path];
    case 'prefix':
      return [`${to.path}*`];
    case 'regex':
      return undefined;
  }
}
