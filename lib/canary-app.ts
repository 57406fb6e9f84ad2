import { ApiObject, Chart, Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import {
  CONFIG_MAP,
  DEPLOYMENT,
  DESTINATION_RULE,
  POD_MONITOR,
  SERVICE,
  SERVICE_ACCOUNT,
  SERVICE_MONITOR,
  VIRTUAL_SERVICE,
} from './api-versions';
import { AppPort } from './app-port';
import { FOREIGN_SUBSET } from './creation';
import { ErrorCode, MeshError } from './errors';
import { list, requireDnsLabel, requireLabelValue } from './limits';
import { MeshService, type RolloutOwner } from './mesh-service';
import type { Metrics } from './metrics';
import { type PodSet, selectorOf } from './pod-set';
import {
  type CallOptions,
  type Detour,
  isolateWhereClosed,
  recordCall,
  type Scraped,
  Traffic,
  type Workload,
} from './policy/call-policy';
import { inNamespace, type NetworkPeer } from './policy/network';
import { protectRoutes, renderAppPolicy, renderVersionPolicy } from './resilience-rules';
import { requireEnd } from './routing/redirect-loop';
import { describeMatches } from './routing/request-match';
import {
  type Destination,
  limitRoute,
  type MirrorDestination,
  type Route,
  renderRoute,
  renderStream,
  takersOf,
  toPort,
} from './routing/route';
import type { Mirror, RouteOptions, RoutingRule } from './routing/routing-rule';
import { requireSplit, requireVersion, type Shares } from './routing/traffic-split';
import { ConfigFiles } from './workload/config-files';
import { mergeWorkload, renderDeployment, type WorkloadOptions } from './workload/workload';

/** A version of an app: what differs from the app's own options. */
export interface VersionProps extends WorkloadOptions {
  /**
   * The value of the pods' `version` label, where the version's name is a role (`production`, `canary`).
   * The Deployment is called `<app>-<versionLabel>`.
   * @default - the version's name
   */
  readonly versionLabel?: string;
  /**
   * The Deployment exists and somebody else owns it; its pods carry the labels `app`, by which it selects them, and `version`. Nothing
   * else may be said of it.
   * @default - the app creates it
   */
  readonly deployment?: DeploymentRef;
}

/** A Deployment that somebody else owns. */
export class DeploymentRef {
  /**
   * The Deployment of this name in the app's namespace.
   * @throws `invalid-name` when it is no DNS label
   */
  public static fromName(name: string): DeploymentRef {
    return new DeploymentRef(requireDnsLabel('name of the Deployment', name));
  }

  private constructor(
    /** The name of the Deployment. */
    public readonly name: string,
  ) {}
}

/** Properties of a {@link CanaryApp}. What is said here of routes (`rewrite`, `headers`, `cors`, `mirrors`) holds for requests that meet no rule. */
export interface CanaryAppProps extends WorkloadOptions, RouteOptions {
  /**
   * The name of the Service, and the value of the label `app`.
   * @default - the construct's id, or the name of `service`
   */
  readonly name?: string;
  /**
   * The ports of the app.
   * @default - those of `service`; one of the two must be said
   */
  readonly ports?: AppPort[];
  /**
   * The Service exists and somebody else owns it ({@link MeshService.fromName}).
   * @default - the app creates it
   */
  readonly service?: MeshService;
  /** What differs between the versions, by name; each becomes a Deployment and a subset. */
  readonly versions: { [name: string]: VersionProps };
  /**
   * The share of each version in whole percentages that sum to 100, for requests that meet no rule.
   *
   * A version comes and goes at 0: add it with 0 and raise its share when its pods are ready; lower it to 0 before it is removed.
   * Istio sends requests to a version before it has pods, and forgets a version before its routes: those requests get 503.
   * @default - everything to the only version; with several it must be said
   */
  readonly split?: { [version: string]: number };
  /**
   * What happens to some requests, before the split; the first rule that holds decides.
   * @default - none
   */
  readonly rules?: RoutingRule[];
  /**
   * Where the app shows its metrics.
   * @default - nowhere
   */
  readonly metrics?: Metrics;
  /**
   * The name of the ServiceAccount, which the app creates: each app of a namespace has its own.
   * @default - the app's name. Where somebody else owns a Deployment nothing is assumed: it must be said for pods that call others
   */
  readonly serviceAccount?: string;
}

const ROUTE_OPTIONS = ['rewrite', 'headers', 'destinationHeaders', 'cors', 'mirrors'] as const;

/**
 * An application in one or more versions: a Service over all of them, a ServiceAccount, a Deployment per version (and a ConfigMap
 * where it has files), a DestinationRule with a subset per version, and a VirtualService for calls inside the mesh.
 *
 * All of these are created from the first version on, so that the YAML keeps its shape when a version is added.
 *
 * @see https://istio.io/latest/docs/concepts/traffic-management/
 */
export class CanaryApp extends MeshService {
  /** The identity of the pods; `undefined` when somebody else owns all their Deployments. */
  public readonly serviceAccount?: ApiObject;
  /** @internal */
  public override readonly _ownsMeshObjects = true;
  /** @internal */
  public readonly _traffic = new Traffic();
  private readonly props: CanaryAppProps;
  private readonly split: Shares;
  private readonly selecting: ((pods: PodSet) => void)[] = [];
  private rolloutOwner?: RolloutOwner;

  /**
   * @throws `no-versions`, `unknown-version`, `invalid-split`, `bypassed-split`, `invalid-rule`, `unreachable-route`,
   * `redirect-loop`, `unsupported-rewrite`, `invalid-header`, `invalid-name`, `no-ports`, `duplicate-port`, `unknown-port`,
   * `missing-namespace`, `invalid-workload`, `out-of-range`, `invalid-host` for a rule that leads to a pattern of hosts
   */
  public constructor(scope: Construct, id: string, props: CanaryAppProps) {
    super(scope, id, {
      name: props.service?.serviceName ?? props.name,
      namespace: props.service?.namespace,
      ports: servicePorts(props),
    });
    this.props = props;
    props.service?._become(this);
    this.requireVersions();
    this.split = this.requireDefaultSplit();
    this.requireRules();

    const ownsPods = Object.values(props.versions).some(({ deployment }) => deployment === undefined);
    this.serviceAccount = ownsPods ? this.createObject('ServiceAccount', SERVICE_ACCOUNT, this.ownServiceAccount) : undefined;
    if (props.service === undefined) {
      this.createService();
    }
    this.createDeployments();
    const destinationRule = this.createObject('DestinationRule', DESTINATION_RULE, this.serviceName, () =>
      this.renderDestinationRule(),
    );
    for (const version of this.versions.filter((name) => props.versions[name].deployment !== undefined)) {
      destinationRule.node.addMetadata(FOREIGN_SUBSET, version);
    }
    this.createObject('VirtualService', VIRTUAL_SERVICE, this.serviceName, () => this.renderVirtualService());
    this.createMonitor();
    if (props.metrics !== undefined) {
      isolateWhereClosed(this);
    }
  }

  /** The Service over all versions; `undefined` when somebody else owns it. */
  public get service(): ApiObject | undefined {
    return this.node.tryFindChild('Service') as ApiObject | undefined;
  }

  /**
   * A subset per version, and how callers are protected.
   * @throws `unsupported-by-rollout` when something else rolls the app out
   */
  public get destinationRule(): ApiObject {
    return this.own('DestinationRule');
  }

  /**
   * The routes for calls inside the mesh.
   * @throws `unsupported-by-rollout` when something else rolls the app out
   */
  public get virtualService(): ApiObject {
    return this.own('VirtualService');
  }

  /**
   * The name of the ServiceAccount: the identity of the pods.
   * @throws `missing-identity` when somebody else owns a Deployment of the app, and its ServiceAccount is not said
   */
  public get serviceAccountName(): string {
    const { adopted } = this;
    if (this.props.serviceAccount === undefined && adopted !== undefined) {
      throw new MeshError(
        ErrorCode.MISSING_IDENTITY,
        `somebody else owns the Deployment '${this.props.versions[adopted].deployment?.name}' of version '${adopted}', and the ServiceAccount of its pods is not said; say it: serviceAccount: '…'`,
        this,
      );
    }
    return this.ownServiceAccount;
  }

  /** The names of the versions, in the order in which they were given. */
  public get versions(): string[] {
    return Object.keys(this.props.versions);
  }

  /**
   * Lets this app call another. From the first call on, an app calls and is called by those alone of whom it is said: its Sidecar,
   * its AuthorizationPolicy and its NetworkPolicy are all written from these calls, and from the gateways that expose it. Where a rule of
   * the other leads on to a third, that one is called too. Metrics stay open to Prometheus: from any namespace, until {@link DefaultDeny}
   * says in which it is. Names are asked of the pods in `kube-system` alone; {@link DefaultDeny} says what a NodeLocal DNSCache needs.
   *
   * @throws `invalid-call` when no policy can express it, `unknown-port`, `bypassed-split`, `missing-identity`,
   * `missing-networks`
   * @see https://istio.io/latest/docs/reference/config/security/authorization-policy/
   */
  public calls(callee: MeshService, options: CallOptions = {}): void {
    recordCall(this, callee, options);
  }

  /**
   * The Deployment of a version, for patches.
   * @throws `unknown-version` when the app has no such version or does not own its Deployment
   */
  public deployment(version: string): ApiObject {
    const deployment = this.node.tryFindChild(`Deployment-${version}`);
    if (deployment === undefined) {
      const known = this.versions.filter((name) => this.props.versions[name].deployment === undefined);
      throw new MeshError(
        ErrorCode.UNKNOWN_VERSION,
        `deployment('${version}') names no version with a Deployment of this app; there are ${list(known)}`,
        this,
      );
    }
    return deployment as ApiObject;
  }

  /** @internal */
  public override _destinations(): Destination[] {
    return this.rolloutOwner === undefined ? this.destinations('', this.split, this.props) : [{ host: this.host }];
  }

  /** @internal */
  public override _routes(): Route[] {
    const rules = (this.props.rules ?? []).map((rule, index) => {
      const place = `rules[${index}].`;
      const destinations = this.ruleDestinations(place, rule);
      return {
        matches: rule.when._toMatches(),
        destinations,
        redirect: rule.redirect,
        directResponse: rule.directResponse,
        ...this.routeOptions(place, rule, destinations),
      };
    });
    const destinations = this._destinations();
    return [...rules, { matches: [], destinations, ...this.routeOptions('', this.props, destinations) }];
  }

  /** @internal */
  public override _replicas(): ReadonlyMap<string, number | undefined> {
    return new Map(Object.entries(this.props.versions).map(([name, version]) => [name, version.replicas ?? this.props.replicas]));
  }

  /** @internal */
  public override get _rolloutOwner(): RolloutOwner | undefined {
    return this.rolloutOwner;
  }

  /**
   * Leaves to another what brings new versions into use: the Service, the routes, the subsets and the number of pods. What stays
   * is one Deployment, called after the app, whose version may change its name.
   *
   * @throws `conflicting-rules`, `unsupported-by-rollout`
   * @internal
   */
  public _handOver(owner: RolloutOwner): void {
    if (this.rolloutOwner !== undefined) {
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `app '${this.appName}' is already rolled out by '${this.rolloutOwner.node.path}'; one is enough`,
        owner,
      );
    }
    const [version, ...others] = this.versions;
    const { replicas = this.props.replicas } = this.props.versions[version];
    const { rules = [], destinationHeaders } = this.props;
    const refuse = (problem: string): never => {
      throw new MeshError(ErrorCode.UNSUPPORTED_BY_ROLLOUT, problem, owner);
    };
    if (others.length > 0) {
      refuse(`app '${this.appName}' has the versions ${list(this.versions)}; allowed is one, of which the next takes the place`);
    }
    if (rules.length > 0 || destinationHeaders !== undefined) {
      refuse(
        `app '${this.appName}' has rules or destinationHeaders, which name versions that only the rollout knows; remove them`,
      );
    }
    if (replicas !== undefined && replicas !== 1) {
      refuse(
        `app '${this.appName}' has ${replicas} replicas, which the rollout cannot hold; remove them, and where one pod per version is too few say horizontalPodAutoscaler`,
      );
    }
    this.rolloutOwner = owner;
    this.discard(['Service', 'DestinationRule', 'VirtualService', `Deployment-${version}`, `ConfigMap-${version}`], owner);
    this.createDeployments();
    if (this._podLabels.length > 1) {
      for (const create of this.selecting) {
        create(this.podSet('-primary', 1));
      }
    }
    for (const { gateway } of this._exposures) {
      gateway._leaveToRollouts();
    }
  }

  /**
   * The name of the only Deployment of an app that something else rolls out.
   * @internal
   */
  public get _deploymentName(): string {
    return this.props.versions[this.versions[0]].deployment?.name ?? this.appName;
  }

  /**
   * The labels of the pods, one set or the other. Flagger gives another `app` to the pods of the version in use and leaves them all
   * other labels; of pods that somebody else runs, no other is known.
   * @internal
   */
  public get _podLabels(): readonly Record<string, string>[] {
    if (this.rolloutOwner === undefined) {
      return [this._selector()];
    }
    return this.adopted === undefined
      ? [{ 'app.kubernetes.io/name': this.appName }]
      : [this._selector(), { app: `${this.appName}-primary` }];
  }

  /**
   * Creates what selects pods by one set of labels alone: for the pods that there are, and for those that Flagger adds.
   * @internal
   */
  public _eachPodSet(create: (pods: PodSet) => void): void {
    this.selecting.push(create);
    create(this.podSet('', 0));
    if (this._podLabels.length > 1) {
      create(this.podSet('-primary', 1));
    }
  }

  /**
   * What selects all pods of the app, once it is known whether Flagger rolls it out.
   * @internal
   */
  public get _podSelector(): Lazy {
    return Lazy.any({ produce: () => selectorOf(this._podLabels) });
  }

  /** @internal */
  public override get _workload(): Workload {
    return this;
  }

  /** @internal */
  public get _workloadName(): string {
    return this.serviceName;
  }

  /** @internal */
  public override get _detours(): readonly Detour[] {
    return (this.props.rules ?? []).flatMap(({ service, rewrite }) => (service === undefined ? [] : { service, rewrite }));
  }

  /** @internal */
  public override _networkPeers(): NetworkPeer[] {
    return this._podLabels.map((labels) => inNamespace(this.namespace, labels));
  }

  /**
   * Where Prometheus reads the app's metrics.
   * @internal
   */
  public get _scraped(): Scraped | undefined {
    const { metrics } = this.props;
    return metrics && { port: this.metricsPort(metrics), path: metrics._options.path ?? '/metrics' };
  }

  /**
   * The ports that callers use: those of the Service but for one that is there for the metrics alone.
   * @internal
   */
  public override get _ownPorts(): readonly AppPort[] {
    return this.props.service?.ports ?? this.props.ports ?? [];
  }

  private _selector(): Record<string, string> {
    return { app: this.appName };
  }

  private own(kind: string): ApiObject {
    const object = this.node.tryFindChild(kind);
    if (object === undefined) {
      throw new MeshError(
        ErrorCode.UNSUPPORTED_BY_ROLLOUT,
        `the ${kind} of app '${this.appName}' is made by '${this.rolloutOwner?.node.path}' and cannot be patched here`,
        this,
      );
    }
    return object as ApiObject;
  }

  /** Removes objects in whose place the owner of a rollout puts others, unless that would undo what somebody added to them. */
  private discard(ids: string[], owner: RolloutOwner): void {
    const objects = ids.map((id) => this.node.tryFindChild(id) as ApiObject | undefined).filter((object) => object !== undefined);
    const labels = { ...Chart.of(this).labels, ...this.labels('') };
    const findLost = () =>
      objects
        .filter((object) => isPatched(object, labels))
        .map(
          ({ kind, name }) =>
            `${kind} '${name}' of app '${this.appName}' was patched, and the rollout puts another in its place; patch what the app has after the rollout is said`,
        );
    const [lost] = findLost();
    if (lost !== undefined) {
      throw new MeshError(ErrorCode.UNSUPPORTED_BY_ROLLOUT, lost, owner);
    }
    for (const id of ids) {
      this.node.tryRemoveChild(id);
    }
    owner.node.addValidation({ validate: () => findLost().map((problem) => `${problem} (${ErrorCode.UNSUPPORTED_BY_ROLLOUT})`) });
  }

  private podSet(suffix: string, index: number): PodSet {
    return { suffix, labels: Lazy.any({ produce: () => this._podLabels[index] }) };
  }

  /** A version whose Deployment somebody else owns. */
  private get adopted(): string | undefined {
    return this.versions.find((version) => this.props.versions[version].deployment !== undefined);
  }

  private get ownServiceAccount(): string {
    return this.props.serviceAccount ?? this.appName;
  }

  private get appName(): string {
    return this.props.name ?? this.serviceName;
  }

  private requireVersions(): void {
    const { versions, service, ports } = this.props;
    if (service !== undefined && ports !== undefined) {
      throw new MeshError(
        ErrorCode.DUPLICATE_PORT,
        `ports stands beside service, whose ports are used; say them in MeshService.fromName`,
        this,
      );
    }
    if (Object.keys(versions).length === 0) {
      throw new MeshError(ErrorCode.NO_VERSIONS, 'versions is empty; an app needs at least one version', this);
    }
    requireLabelValue('name of the app', this.appName, this);
    const labels = new Map<string, string>();
    for (const [name, { versionLabel = name, deployment, ...options }] of Object.entries(versions)) {
      requireDnsLabel('name of the version', name, this);
      requireDnsLabel(`versionLabel of version '${name}'`, versionLabel, this);
      const other = labels.get(versionLabel);
      if (other !== undefined) {
        throw new MeshError(
          ErrorCode.INVALID_NAME,
          `versions '${other}' and '${name}' share the label '${versionLabel}'; each needs its own`,
          this,
        );
      }
      labels.set(versionLabel, name);
      if (deployment !== undefined) {
        this.requireNothingSaid(name, deployment, options);
      }
    }
  }

  private requireNothingSaid(version: string, deployment: DeploymentRef, options: object): void {
    const said = Object.entries(options).flatMap(([option, value]) =>
      option === 'replicas' || value === undefined ? [] : option,
    );
    if (said.length > 0) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `version '${version}' uses the Deployment '${deployment.name}' that somebody else owns, and cannot say ${list(said)}`,
        this,
      );
    }
  }

  private requireDefaultSplit(): Shares {
    const { versions } = this;
    if (this.props.split !== undefined) {
      return this.requireShares('split', this.props.split);
    }
    if (versions.length > 1) {
      throw new MeshError(
        ErrorCode.INVALID_SPLIT,
        `there are ${versions.length} versions (${list(versions)}) and no split; say the share of each in percent`,
        this,
      );
    }
    return new Map([[versions[0], 100]]);
  }

  private requireShares(what: string, split: { readonly [version: string]: number }): Shares {
    return this.requirePods(what, requireSplit(what, split, this.versions, this));
  }

  /** An app may be switched off as a whole, but of one that runs no requests lead to a version without pods. */
  private requirePods(what: string, shares: Shares): Shares {
    const replicas = this._replicas();
    const idle = [...shares].find(([version, share]) => share > 0 && replicas.get(version) === 0);
    if (idle !== undefined && [...replicas.values()].some((count) => count !== 0)) {
      throw new MeshError(
        ErrorCode.INVALID_SPLIT,
        `${what} gives ${idle[1]} percent to version '${idle[0]}', which has 0 replicas and would answer with 503; give it pods or no requests, and where an autoscaler decides leave replicas out`,
        this,
      );
    }
    return shares;
  }

  private requireRules(): void {
    const rules = this.props.rules ?? [];
    const said = [...ROUTE_OPTIONS.filter((option) => this.props[option] !== undefined), ...(rules.length > 0 ? ['rules'] : [])];
    if (said.length > 0 && !this.ports.some((port) => port.isHttp)) {
      throw new MeshError(ErrorCode.INVALID_RULE, `${list(said)} need an HTTP port, and the app has none`, this);
    }
    for (const [index, rule] of rules.entries()) {
      this._requirePortOf(`rules[${index}].when`, rule.when, this);
      const outcomes = (['to', 'split', 'service', 'redirect', 'directResponse'] as const).filter(
        (outcome) => rule[outcome] !== undefined,
      );
      if (outcomes.length !== 1) {
        throw new MeshError(
          ErrorCode.INVALID_RULE,
          `rules[${index}] says ${list(outcomes)}; a rule says exactly one of to, split, service, redirect, directResponse`,
          this,
        );
      }
      const ignored = ROUTE_OPTIONS.filter((option) => rule[option] !== undefined && isIgnored(option, rule));
      if (ignored.length > 0) {
        throw new MeshError(
          ErrorCode.INVALID_RULE,
          `rules[${index}] says ${list(ignored)}, which has no effect together with ${outcomes[0]}`,
          this,
        );
      }
    }
    this.requireReachable(rules);
    // Whatever a rule gets wrong (a version, a share, a rewrite, a header) is found here and not first at synth.
    if (said.length > 0) {
      const routes = this._routes();
      for (const route of routes) {
        renderRoute(route, [this.host], this);
      }
      requireEnd(routes, this.host, this);
    }
  }

  private requireReachable(rules: readonly RoutingRule[]): void {
    const placed = rules.map(({ when }, index) => ({ place: `rules[${index}]`, matches: when._toMatches() }));
    for (const [index, rule] of placed.entries()) {
      const takers = takersOf(rule, placed.slice(0, index));
      if (takers.length > 0) {
        throw new MeshError(
          ErrorCode.UNREACHABLE_ROUTE,
          `${rule.place} (${describeMatches(rule.matches)}) is never reached: ${describeTakers(takers)} all its requests; put it first or remove it`,
          this,
        );
      }
    }
    const takers = takersOf({ matches: [] }, placed);
    if (takers.length > 0) {
      throw new MeshError(
        ErrorCode.UNREACHABLE_ROUTE,
        `split is never reached: ${describeTakers(takers)} every request (${describeMatches(takers.flatMap(({ matches }) => matches))}); say in split where all requests go, or let the rules leave some`,
        this,
      );
    }
  }

  private ruleDestinations(place: string, rule: RoutingRule): Destination[] {
    if (rule.service !== undefined) {
      const { port } = rule.service._httpPort();
      return rule.service._destinations().map((destination) => ({ ...destination, port }));
    }
    if (rule.to !== undefined) {
      const only = new Map([[requireVersion(`${place}to`, rule.to, this.versions, this), 100]]);
      return this.destinations(place, this.requirePods(`${place}to`, only), rule);
    }
    return rule.split === undefined ? [] : this.destinations(place, this.requireShares(`${place}split`, rule.split), rule);
  }

  private destinations(place: string, shares: Shares, { destinationHeaders = {} }: RouteOptions): Destination[] {
    const aimless = Object.keys(destinationHeaders).find((version) => !shares.has(version));
    if (aimless !== undefined) {
      throw new MeshError(
        ErrorCode.UNKNOWN_VERSION,
        `${place}destinationHeaders names version '${aimless}', to which these requests do not go; they go to ${list([...shares.keys()])}`,
        this,
      );
    }
    return [...shares].map(([version, weight]) => ({
      host: this.host,
      subset: version,
      weight,
      headers: destinationHeaders[version],
    }));
  }

  private routeOptions(
    place: string,
    { rewrite, headers, cors, mirrors }: RouteOptions,
    destinations: readonly Destination[],
  ): Omit<Route, 'matches' | 'destinations'> {
    return {
      rewrite,
      headers,
      cors,
      mirrors: mirrors && this.mirrorDestinations(`${place}mirrors`, mirrors, destinations),
    };
  }

  private mirrorDestinations(
    what: string,
    mirrors: readonly Mirror[],
    destinations: readonly Destination[],
  ): MirrorDestination[] {
    const twice = mirrors.find(({ to }, index) => mirrors.slice(0, index).some((earlier) => earlier.to === to));
    if (twice !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_RULE,
        `${what} names version '${twice.to}' twice, which would get two copies of a request; say one percent for it`,
        this,
      );
    }
    return mirrors.map(({ to, percent = 100 }) => ({ destination: this.mirrorDestination(what, to, destinations), percent }));
  }

  private mirrorDestination(what: string, version: string, destinations: readonly Destination[]): Destination {
    const mirror = { host: this.host, subset: requireVersion(what, version, this.versions, this) };
    const others = destinations.filter(
      ({ host, subset, weight }) => weight !== 0 && (host !== mirror.host || subset !== version),
    );
    if (others.length === 0) {
      throw new MeshError(
        ErrorCode.INVALID_RULE,
        `${what} copies requests to version '${version}', which gets all of them already and would serve each twice; allowed are other versions`,
        this,
      );
    }
    return mirror;
  }

  private createService(): ApiObject {
    return this.createObject('Service', SERVICE, this.serviceName, () => ({
      selector: this._selector(),
      ports: this.ports.map((port) => ({
        name: port.servicePortName,
        port: port.port,
        targetPort: port.targetPort,
        appProtocol: port.protocol,
      })),
    }));
  }

  private createDeployments(): void {
    for (const [version, options] of Object.entries(this.props.versions)) {
      if (options.deployment === undefined) {
        this.createDeployment(version, options);
      }
    }
  }

  private createDeployment(version: string, { versionLabel = version, ...options }: VersionProps): void {
    const rolledOut = this.rolloutOwner !== undefined;
    const name = rolledOut ? this.appName : `${this.appName}-${versionLabel}`;
    const merged = mergeWorkload(this.props, options);
    const workload = rolledOut ? { ...merged, replicas: undefined } : merged;
    const files = new ConfigFiles(name, workload.files ?? {}, this);
    if (files.mounts.length > 0) {
      new ApiObject(this, `ConfigMap-${version}`, {
        metadata: this.metadata(name, this.labels(versionLabel)),
        data: files.data,
        ...CONFIG_MAP,
      });
    }
    const labels = rolledOut ? this._selector() : { version: versionLabel, ...this._selector() };
    const spec = renderDeployment(
      {
        app: this.appName,
        labels,
        podLabels: this.labels(versionLabel),
        ports: this.containerPorts(),
        serviceAccountName: this.ownServiceAccount,
        files,
      },
      workload,
      this,
    );
    new ApiObject(this, `Deployment-${version}`, {
      metadata: this.metadata(name, this.labels(versionLabel)),
      spec,
      ...DEPLOYMENT,
    });
  }

  private containerPorts(): AppPort[] {
    return withMetrics(this.ports, this.props.metrics).map((port) => this.inContainer(port));
  }

  /** Flagger calls the further ports of its Services after those of the container, and Istio reads the protocol from the name. */
  private inContainer(port: AppPort): AppPort {
    const { protocol, port: number, targetPort, servicePortName } = port;
    return this.rolloutOwner === undefined || this._ownPorts.includes(port)
      ? port
      : AppPort.of(protocol, number, { name: servicePortName, targetPort });
  }

  /** The name that the container gives a port, which is that of the first where several lead to one. */
  private containerPortName({ targetPort }: AppPort): string | undefined {
    return this.containerPorts().find((port) => port.targetPort === targetPort)?.containerPortName;
  }

  private createMonitor(): void {
    const { metrics } = this.props;
    if (metrics !== undefined) {
      const ofPods = metrics._kind === 'PodMonitor';
      const port = this.metricsPort(metrics);
      new ApiObject(this, metrics._kind, {
        ...(ofPods ? POD_MONITOR : SERVICE_MONITOR),
        metadata: this.metadata(this.serviceName, { ...this.labels(), ...metrics._options.labels }),
        spec: metrics._renderSpec(
          Lazy.any({ produce: () => this.monitored(metrics) }),
          Lazy.any({ produce: () => (ofPods ? this.containerPortName(port) : port.servicePortName) }),
        ),
      });
    }
  }

  /** Flagger has a Service for the version in use and one for the next. */
  private monitored({ _kind: kind }: Metrics): Record<string, unknown> {
    return kind === 'PodMonitor' || this.rolloutOwner === undefined
      ? selectorOf(this._podLabels)
      : {
          matchExpressions: [
            { key: 'app', operator: 'In', values: [`${this.serviceName}-primary`, `${this.serviceName}-canary`] },
          ],
        };
  }

  /** The port of the Service (or, for a PodMonitor, of the pods) with the metrics: it may have another name than the one said. */
  private metricsPort({ _kind: kind, port }: Metrics): AppPort {
    return kind === 'ServiceMonitor' ? this.portOf(port.port) : (this.ports.find((own) => own.port === port.port) ?? port);
  }

  private createObject(id: string, kind: { apiVersion: string; kind: string }, name: string, produce?: () => unknown): ApiObject {
    return new ApiObject(this, id, {
      metadata: this.metadata(name, this.labels()),
      spec: produce && Lazy.any({ produce }),
      ...kind,
    });
  }

  private metadata(name: string, labels: Record<string, string>) {
    return { name, namespace: this.namespace, labels };
  }

  private labels(version?: string): Record<string, string> {
    const labels = { 'app.kubernetes.io/name': this.appName, ...this._selector() };
    return version === undefined ? labels : { version, 'app.kubernetes.io/version': version, ...labels };
  }

  private renderDestinationRule(): unknown {
    return {
      host: this.host,
      trafficPolicy: renderAppPolicy(this),
      subsets: Object.entries(this.props.versions).map(([name, { versionLabel = name }]) => ({
        name,
        labels: { version: versionLabel },
        trafficPolicy: renderVersionPolicy(this, name),
      })),
    };
  }

  private renderVirtualService(): unknown {
    const tcp = this.ports.filter((port) => !port.isHttp);
    return {
      hosts: [this.host],
      http: this.ports.some((port) => port.isHttp)
        ? this.meshRoutes().map((route) => renderRoute(route, [this.host], this))
        : undefined,
      tcp: tcp.length === 0 ? undefined : tcp.map((port) => this.renderTcp(port)),
    };
  }

  /** Where the Service has several ports, Istio asks each destination for one. */
  private meshRoutes(): readonly Route[] {
    const routes = protectRoutes(this, this._routes());
    if (this.ports.length === 1) {
      return routes;
    }
    const own = this._ownPorts;
    const [ports, metrics] = [own.filter((port) => port.isHttp), this.ports.filter((port) => port.isHttp && !own.includes(port))];
    return [
      ...metrics.map(({ port }) => ({ matches: [{ port }], destinations: [{ host: this.host, port }] })),
      ...ports.flatMap(({ port }) => {
        const limited = ports.length === 1 ? routes : routes.flatMap((route) => limitRoute(route, [{ port }]));
        return limited.map((route) => toPort(route, this.host, port));
      }),
    ];
  }

  private renderTcp({ port }: AppPort): unknown {
    const destinations = this.destinations('', this.split, {});
    return {
      match: [{ port }],
      route: destinations.map((destination) => renderStream(this.ports.length === 1 ? destination : { ...destination, port })),
    };
  }
}

/** Whether anything was added to an object that was created with these labels. */
function isPatched(object: ApiObject, own: Record<string, string>): boolean {
  // Patches are private to cdk8s.
  const { patches = [] } = object as unknown as { readonly patches?: readonly unknown[] };
  const { labels = {}, annotations, finalizers, ownerReferences } = object.metadata.toJson();
  const further = Object.keys(labels).some((key) => !Object.hasOwn(own, key));
  return further || patches.length > 0 || [annotations, finalizers, ownerReferences].some((added) => added !== undefined);
}

function describeTakers(takers: readonly { readonly place: string }[]): string {
  return `${takers.map(({ place }) => place).join(' and ')} ${takers.length === 1 ? 'takes' : 'take'}`;
}

/** A proxy that answers itself sends nothing on; the versions of another Service are not ours to name. */
function isIgnored(option: (typeof ROUTE_OPTIONS)[number], { service, redirect, directResponse }: RoutingRule): boolean {
  const answers = redirect !== undefined || directResponse !== undefined;
  return answers ? !['headers', 'cors'].includes(option) : option === 'destinationHeaders' && service !== undefined;
}

/** A ServiceMonitor finds its port in the Service; a PodMonitor needs none there. */
function servicePorts({ service, ports = [], metrics }: CanaryAppProps): AppPort[] {
  return service?.ports ?? (metrics?._kind === 'ServiceMonitor' ? withMetrics(ports, metrics) : ports);
}

/** The ports and, where it is another, the one with the metrics. */
function withMetrics(ports: readonly AppPort[], metrics?: Metrics): AppPort[] {
  const missing = metrics !== undefined && !ports.some((port) => port.port === metrics.port.port);
  return missing ? [...ports, metrics.port] : [...ports];
}
