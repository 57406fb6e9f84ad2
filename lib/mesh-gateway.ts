import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { Access } from './access';
import { GATEWAY, VIRTUAL_SERVICE } from './api-versions';
import type { AppPort } from './app-port';
import { rememberCreation } from './creation';
import { ErrorCode, inConstruct, MeshError } from './errors';
import { GatewayAccess, type GatewayWorkload } from './gateway-access';
import { isHostOf, list, requireDnsLabel, requireLabel, requirePublicHost, serves } from './limits';
import { Listener, ListenerKind } from './listener';
import { type MeshService, requireNamespace } from './mesh-service';
import { clientTlsOf, protectRoutes } from './resilience-rules';
import { atGateway } from './routing/exposure';
import type { PathMatch } from './routing/path-match';
import { Redirect } from './routing/redirect';
import { requireEnd } from './routing/redirect-loop';
import { describeMatches, type HttpMatch, intersectAll, type RequestMatch } from './routing/request-match';
import type { Rewrite } from './routing/rewrite';
import { limitRoute, type Route, reachable, renderRoute, renderStream, takersOf } from './routing/route';

/** Properties of a {@link MeshGateway}. */
export interface MeshGatewayProps {
  /**
   * The name of the Gateway.
   * @default - the construct's id
   */
  readonly name?: string;
  /**
   * The labels of the pods that serve the gateway. Istio's Helm chart takes the name of its release without `istio-`:
   * `{ istio: 'ingress' }` for the release `istio-ingress`.
   * @default { istio: 'ingressgateway' }
   */
  readonly selector?: { [key: string]: string };
  /**
   * The namespace of the pods that serve the gateway, where policies on who may reach a host must stand. In Istio's root
   * namespace a policy also holds for pods of other namespaces.
   * @default 'istio-system'
   */
  readonly workloadNamespace?: string;
  /**
   * The ServiceAccount of the pods that serve the gateway: the only identity of their namespace by which apps with calls of their
   * own ({@link CanaryApp.calls}) let requests in. Istio's Helm chart calls it after its release, `istioctl install`
   * `istio-ingressgateway-service-account`.
   * @default - any identity of `workloadNamespace`
   */
  readonly workloadServiceAccount?: string;
  /**
   * The ports.
   * @default [Listener.http()]
   */
  readonly listeners?: Listener[];
}

/** Properties of {@link MeshGateway.fromName}. */
export interface MeshGatewayFromNameProps {
  /** The name of the Gateway. */
  readonly name: string;
  /**
   * The namespace of the Gateway.
   * @default - the chart's namespace
   */
  readonly namespace?: string;
  /**
   * The labels of the pods that serve the gateway; needed for policies on who may reach a host.
   * @default { istio: 'ingressgateway' }
   */
  readonly selector?: { [key: string]: string };
  /**
   * The namespace of the pods that serve the gateway, where policies on who may reach a host must stand. In Istio's root
   * namespace a policy also holds for pods of other namespaces.
   * @default 'istio-system'
   */
  readonly workloadNamespace?: string;
  /**
   * The ServiceAccount of the pods that serve the gateway: the only identity of their namespace by which apps with calls of their
   * own ({@link CanaryApp.calls}) let requests in. Istio's Helm chart calls it after its release, `istioctl install`
   * `istio-ingressgateway-service-account`.
   * @default - any identity of `workloadNamespace`
   */
  readonly workloadServiceAccount?: string;
  /**
   * The ports that it has.
   * @default [Listener.http()]
   */
  readonly listeners?: Listener[];
}

/** Which requests at a gateway. */
export interface GatewayMatchOptions {
  /**
   * The paths, of which one must match.
   * @default - every path
   */
  readonly paths?: PathMatch[];
  /**
   * A further condition.
   * @default - none
   */
  readonly when?: RequestMatch;
  /**
   * The listeners of the gateway.
   * @default - all that speak HTTP, or else all that pass TLS through
   */
  readonly listeners?: Listener[];
}

/** Options of {@link MeshGateway.expose}. */
export interface ExposeOptions extends GatewayMatchOptions {
  /** The host that clients ask for; `*` for every host. */
  readonly host: string;
  /**
   * What the app sees in place of the path or host.
   * @default - what the client sent
   */
  readonly rewrite?: Rewrite;
  /**
   * Who may reach the host; all that the host serves shares this decision, at each gateway with the same pods.
   * @default - everybody; for a Service that somebody else owns it must be said
   */
  readonly access?: Access;
  /**
   * The port of the app.
   * @default - its first HTTP port; where TLS is passed through its first port for TLS, or else the first that is not HTTP
   */
  readonly port?: number;
}

/** Options of {@link MeshGateway.tcp}. */
export interface GatewayTcpOptions {
  /**
   * Who may reach the app: of connections the gateway sees no more than the port, so `Access.public()` alone is possible.
   * @default - everybody; for a Service that somebody else owns it must be said
   */
  readonly access?: Access;
  /**
   * The listener of the gateway, made by `Listener.tcp` or `Listener.tls`.
   * @default - the only one of this kind
   */
  readonly listener?: Listener;
  /**
   * The port of the app.
   * @default - its first port that is not HTTP, or else its first
   */
  readonly port?: number;
}

const SERVES_HOSTS = [ListenerKind.HTTP, ListenerKind.PASSTHROUGH];

/** What a host does with some requests. */
interface HostEntry {
  /** The construct that these requests belong to. */
  readonly owner: Construct;
  /** The app that they lead to, where they lead to one. */
  readonly app?: MeshService;
  readonly matches: HttpMatch[];
  readonly listeners: Listener[];
  /** The routes in order, before they are limited to listeners. */
  routes(): Route[];
}

/** Where something that comes in here goes. */
interface Way {
  readonly app: MeshService;
  readonly port: AppPort;
  readonly inPlainText: boolean;
}

interface Passthrough {
  readonly app: MeshService;
  readonly port: number;
  readonly listeners: Listener[];
}

/** A host of a gateway and all that it serves. */
class GatewayHost {
  public readonly entries: HostEntry[] = [];
  public passthrough?: Passthrough;

  public constructor(public readonly name: string) {}

  public get listeners(): Listener[] {
    return [...this.entries.flatMap((entry) => entry.listeners), ...(this.passthrough?.listeners ?? [])];
  }
}

/**
 * An entrance into the mesh: an Istio Gateway and a VirtualService per host. A route carries the rules and the split of the
 * app it leads to, so a request meets the same canary whichever way it comes.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/gateway/
 */
export class MeshGateway extends Construct {
  /**
   * A Gateway that somebody else owns; created are its VirtualServices, and policies where `access` asks for them.
   * @throws `invalid-name`, `missing-namespace`, `duplicate-port`, `invalid-listener`
   */
  public static fromName(scope: Construct, id: string, props: MeshGatewayFromNameProps): MeshGateway {
    return new ForeignGateway(scope, id, props);
  }

  /** The name of the Gateway. */
  public readonly gatewayName: string;
  /** The namespace of the Gateway. */
  public readonly gatewayNamespace: string;
  private readonly listeners: readonly Listener[];
  /**
   * The pods that serve the gateway.
   * @internal
   */
  public readonly _workload: GatewayWorkload;
  private readonly access: GatewayAccess;
  private readonly served = new Map<string, GatewayHost>();
  private readonly streams: { listener: Listener; app: MeshService }[] = [];
  private readonly ways: Way[] = [];

  /** @throws `invalid-name`, `missing-namespace`, `duplicate-port`, `invalid-listener` */
  public constructor(scope: Construct, id: string, props: MeshGatewayProps = {}) {
    super(scope, id);
    rememberCreation(this);
    this.gatewayName = requireDnsLabel('name of the Gateway', props.name ?? id, this);
    this.gatewayNamespace = requireNamespace(this, this._foreignNamespace(props));
    this.listeners = [...(props.listeners ?? [Listener.http()])];
    this.requireListeners();
    const selector = this.requireSelector(props.selector ?? { istio: 'ingressgateway' });
    this._workload = {
      name: `${this.gatewayNamespace}-${this.gatewayName}`,
      namespace: requireDnsLabel('workloadNamespace', props.workloadNamespace ?? 'istio-system', this),
      selector,
      serviceAccount:
        props.workloadServiceAccount === undefined
          ? undefined
          : requireDnsLabel('workloadServiceAccount', props.workloadServiceAccount, this),
    };
    this.access = new GatewayAccess(this, this._workload, this.streamPorts());
    this._createGateway(selector);
    this.node.addValidation({ validate: () => this.findPlainTextToTls() });
  }

  /** The hosts that the gateway serves, sorted: for DNS records or a hosts file. Includes patterns such as `*.example.com`. */
  public get hosts(): string[] {
    return [...this.served.keys()].sort();
  }

  /**
   * Makes an app reachable from outside, with its own rules and split. Several calls may share a host as long as each has
   * requests of its own; the first call whose requests match decides.
   *
   * @throws `host-taken` when the host's requests already belong to another app, `unreachable-route` when to the same app,
   * `missing-access`, `invalid-access`, `conflicting-rules`, `invalid-host`, `unknown-port`, `invalid-listener`,
   * `impossible-match`, `unsupported-match`, `unsupported-rewrite`, `redirect-loop`, `bypassed-split`, `unsupported-by-rollout`,
   * `missing-namespace`, `invalid-name`
   */
  public expose(app: MeshService, options: ExposeOptions): void {
    const listeners = this.listenersFor(options.listeners);
    const choices = 'Access.sourceRanges, Access.jwt, Access.externalAuthorization or Access.public';
    const access = this.requireAccess(app, `host '${options.host}'`, choices, options.access);
    if (listeners.every((listener) => listener._kind === ListenerKind.PASSTHROUGH)) {
      this.passThrough(app, options, listeners);
      return;
    }
    const port = options.port === undefined ? app._httpPort() : app.portOf(options.port);
    const matches = this.matchesFor(options.host, listeners, options);
    const exposure = { matches, rewrite: options.rewrite, port: port.port, host: app.host };
    this.serve(options.host, {
      owner: app,
      app,
      matches,
      listeners,
      routes: () => reachable(protectRoutes(app, app._routes()).flatMap((route) => atGateway(route, exposure))),
    });
    this.access.decide(options.host, access);
    this.lead({ app, port, inPlainText: true }, options.host);
  }

  /**
   * Sends the clients of a host elsewhere.
   *
   * @throws `redirect-loop` when the next request would meet the same redirect again, `host-taken`, `unreachable-route`,
   * `invalid-host`, `invalid-listener`, `impossible-match`, `unsupported-match`, `unsupported-rewrite`, `missing-namespace`,
   * `invalid-name`
   */
  public redirect(host: string, redirect: Redirect, options: GatewayMatchOptions = {}): void {
    const listeners = this.listenersFor(options.listeners);
    const matches = this.matchesFor(host, listeners, options);
    const everywhere: Route = { matches, destinations: [], redirect };
    // Whether a client comes back here may depend on the port that it is sent to.
    const ports = options.listeners?.map((listener) => listener.port);
    const routes = ports === undefined ? [everywhere] : onPorts(everywhere, ports);
    this.serve(host, { owner: this, matches, listeners, routes: () => routes });
  }

  /**
   * Forwards a TCP listener to an app, with its split.
   *
   * @throws `missing-access`, `invalid-listener`, `unknown-port`, `duplicate-port` when the listener is already forwarded,
   * `unsupported-by-rollout`, `missing-namespace`, `invalid-name`
   */
  public tcp(app: MeshService, options: GatewayTcpOptions = {}): void {
    const candidates = this.listeners.filter((listener) => listener._kind === ListenerKind.TCP);
    const listener = options.listener ?? (candidates.length === 1 ? candidates[0] : undefined);
    if (listener === undefined || !candidates.includes(listener)) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `tcp() needs one of the gateway's TCP or TLS listeners; it has ${list(candidates.map((candidate) => candidate._name))}`,
        this,
      );
    }
    const taken = this.streams.find((stream) => stream.listener === listener);
    if (taken !== undefined) {
      throw new MeshError(
        ErrorCode.DUPLICATE_PORT,
        `listener ${listener._name} already leads to '${taken.app.node.path}' and cannot lead to '${app.node.path}' too`,
        this,
      );
    }
    const access = this.requireAccess(app, `listener ${listener._name}`, 'Access.public, if it is everybody', options.access);
    if (!access._isPublic) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `listener ${listener._name} forwards connections, of which no policy knows more than the port; allowed is Access.public(), or a NetworkPolicy of your own`,
        this,
      );
    }
    const port =
      options.port === undefined ? (app.ports.find((candidate) => !candidate.isHttp) ?? app.ports[0]) : app.portOf(options.port);
    this.streams.push({ listener, app });
    this.lead({ app, port, inPlainText: listener.isTls });
    new ApiObject(this, `VirtualService-${listener._name}`, {
      ...VIRTUAL_SERVICE,
      metadata: { name: `${this.gatewayName}-${listener._name}`, namespace: this.routesNamespace },
      spec: {
        hosts: ['*'],
        gateways: [this._reference],
        tcp: [
          {
            match: [{ port: listener.port }],
            route: Lazy.any({
              produce: () => app._destinations().map((destination) => renderStream({ ...destination, port: port.port })),
            }),
          },
        ],
      },
    });
  }

  /**
   * The routes of a host, in order.
   * @internal
   */
  public _routesAt(host: string): Route[] {
    const served = this.served.get(host);
    return served === undefined ? [] : this.routesOf(served);
  }

  /**
   * The name by which VirtualServices refer to the Gateway.
   * @internal
   */
  public get _reference(): string {
    return `${this.gatewayNamespace}/${this.gatewayName}`;
  }

  /**
   * Leaves the hosts of apps to what rolls them out.
   * @internal
   */
  public _leaveToRollouts(): void {
    for (const host of this.served.values()) {
      this.leaveToRollout(host);
    }
  }

  /** @internal */
  protected _foreignNamespace(_props: MeshGatewayProps): string | undefined {
    return undefined;
  }

  /** @internal */
  protected _createGateway(selector: { [key: string]: string }): void {
    new ApiObject(this, 'Resource', {
      ...GATEWAY,
      metadata: { name: this.gatewayName, namespace: this.gatewayNamespace },
      spec: { selector, servers: Lazy.any({ produce: () => this.renderServers() }) },
    });
    this.node.addValidation({ validate: () => this.findHostlessListeners() });
  }

  private requireSelector(selector: { [key: string]: string }): { [key: string]: string } {
    if (Object.keys(selector).length === 0) {
      throw new MeshError(ErrorCode.INVALID_LISTENER, 'selector is empty; it holds the labels of the gateway pods', this);
    }
    for (const [key, value] of Object.entries(selector)) {
      requireLabel('selector', key, value, this);
    }
    return selector;
  }

  /** What somebody else owns may not be meant for everybody, so publishing it asks for a decision. */
  private requireAccess(app: MeshService, place: string, choices: string, access?: Access): Access {
    if (access === undefined && !app._ownsMeshObjects) {
      throw new MeshError(
        ErrorCode.MISSING_ACCESS,
        `Service '${app.serviceName}' belongs to somebody else and is exposed on ${place} without access; say who may reach it: ${choices}`,
        this,
      );
    }
    return access ?? Access.public();
  }

  private get routesNamespace(): string {
    return requireNamespace(this);
  }

  private requireListeners(): void {
    if (this.listeners.length === 0) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        'listeners is empty; a gateway needs at least one, such as Listener.http()',
        this,
      );
    }
    for (const [index, listener] of this.listeners.entries()) {
      const onPort = this.listeners.slice(0, index).filter((other) => other.port === listener.port);
      if (listener._credential !== undefined && onPort.some((other) => other._credential === listener._credential)) {
        throw new MeshError(
          ErrorCode.INVALID_LISTENER,
          `two listeners have port ${listener.port} and credential '${listener._credential}': browsers keep one connection for the hosts of both and get 404 for those of the other; serve all on one listener, or give each its own certificate`,
          this,
        );
      }
      const [earlier] = onPort;
      if (earlier !== undefined && !(earlier.isTls && listener.isTls)) {
        throw new MeshError(
          ErrorCode.DUPLICATE_PORT,
          `two listeners have port ${listener.port}; only TLS listeners may share one`,
          this,
        );
      }
    }
    if (this.listeners.some((listener) => listener._http.redirectToHttps) && this.httpsPort === undefined) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        'a listener redirects to https, and the gateway has no HTTPS listener',
        this,
      );
    }
  }

  private get httpsPort(): number | undefined {
    return this.listeners.find((listener) => listener.isTls && SERVES_HOSTS.includes(listener._kind))?.port;
  }

  /** Ports on which nothing has a host. Where TLS that is passed through shares its port with HTTPS, a policy must hold for both. */
  private streamPorts(): number[] {
    const ofHttp = this.listeners.filter((listener) => listener._kind === ListenerKind.HTTP).map((listener) => listener.port);
    return [...new Set(this.listeners.map((listener) => listener.port))].filter((port) => !ofHttp.includes(port));
  }

  private listenersFor(chosen?: Listener[]): Listener[] {
    if (chosen !== undefined) {
      const foreign = chosen.find((listener) => !this.listeners.includes(listener));
      if (foreign !== undefined || chosen.length === 0) {
        throw new MeshError(
          ErrorCode.INVALID_LISTENER,
          `${foreign === undefined ? 'listeners is empty' : `listener ${foreign._name} is none of the gateway's`}; it has ${list(this.listeners.map((listener) => listener._name))}`,
          this,
        );
      }
      const kinds = new Set(chosen.map((listener) => listener._kind));
      if (kinds.size > 1 || !chosen.every((listener) => SERVES_HOSTS.includes(listener._kind))) {
        throw new MeshError(
          ErrorCode.INVALID_LISTENER,
          `a host is served on ${list(chosen.map((listener) => listener._name))}; allowed are listeners for HTTP, or listeners that pass TLS through`,
          this,
        );
      }
      return [...chosen];
    }
    const http = this.listeners.filter((listener) => listener._kind === ListenerKind.HTTP);
    const usable = http.length > 0 ? http : this.listeners.filter((listener) => listener._kind === ListenerKind.PASSTHROUGH);
    if (usable.length === 0) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `a host needs a listener for HTTP or TLS passthrough; the gateway has ${list(this.listeners.map((listener) => listener._name))}`,
        this,
      );
    }
    return usable;
  }

  /** What a host matches, of which some request at these listeners satisfies something. */
  private matchesFor(host: string, listeners: readonly Listener[], options: GatewayMatchOptions): HttpMatch[] {
    const matches = inConstruct(this, () => gatewayMatches(options, this));
    const ports = listeners.map((listener) => listener.port);
    const isMet = ({ sourceLabels, sourceNamespace, port, authority }: HttpMatch) =>
      sourceLabels === undefined &&
      sourceNamespace === undefined &&
      (port === undefined || ports.includes(port)) &&
      (authority?.exact === undefined || isHostOf(host, authority.exact.replace(/:\d+$/, '')));
    if (matches.length > 0 && !matches.some(isMet)) {
      throw new MeshError(
        ErrorCode.IMPOSSIBLE_MATCH,
        `no request for host '${host}' satisfies ${describeMatches(matches)}; a gateway knows the host that is exposed, its own ports (${list(ports.map(String))}), and nothing of who calls`,
        this,
      );
    }
    return matches;
  }

  private serve(hostName: string, entry: HostEntry): void {
    const host = this.hostOf(hostName);
    const takers = takersOnEachListener(entry, host.entries);
    if (takers.length > 0) {
      const same = takers.every(({ owner }) => owner === entry.owner);
      const taken = takers.map(({ owner, matches }) => `'${owner.node.path}' with ${describeMatches(matches)}`).join(' and ');
      throw new MeshError(
        same ? ErrorCode.UNREACHABLE_ROUTE : ErrorCode.HOST_TAKEN,
        `host '${hostName}' with ${describeMatches(entry.matches)} for '${entry.owner.node.path}' is already taken by ${taken}; give each its own host or paths, the narrower first`,
        this,
      );
    }
    const routes = inConstruct(this, () => entry.routes());
    for (const route of routes) {
      renderRoute(route, [hostName], this);
    }
    host.entries.push(entry);
    if (routes.some(({ redirect }) => redirect !== undefined)) {
      this.requireNoCircle(host, entry.listeners);
    }
    this.leaveToRollout(host);
  }

  /** Each redirect may lead on, and all of them together nowhere. */
  private requireNoCircle(host: GatewayHost, listeners: readonly Listener[]): void {
    for (const listener of listeners) {
      const entries = host.entries.filter((entry) => entry.listeners.includes(listener));
      requireEnd(
        entries.flatMap((entry) => entry.routes()),
        host.name,
        this,
      );
    }
  }

  private passThrough(app: MeshService, options: ExposeOptions, listeners: Listener[]): void {
    const needsHttp = [options.paths, options.when, options.rewrite].some((option) => option !== undefined);
    if (needsHttp || options.access?._isPublic === false) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        'paths, when, rewrite and access for some need HTTP, and a passthrough listener sees only the SNI; terminate TLS with Listener.https',
        this,
      );
    }
    const host = this.hostOf(options.host);
    if (host.passthrough !== undefined) {
      throw new MeshError(
        ErrorCode.HOST_TAKEN,
        `host '${options.host}' for '${app.node.path}' is already taken by '${host.passthrough.app.node.path}'`,
        this,
      );
    }
    const own = app.ports.filter((candidate) => !candidate.isHttp);
    const port = options.port === undefined ? (own.find((candidate) => candidate.isTls) ?? own[0]) : app.portOf(options.port);
    if (port === undefined || port.isHttp) {
      throw new MeshError(
        ErrorCode.INVALID_LISTENER,
        `a passthrough listener hands TLS on as it is, and '${app.node.path}' speaks ${list((port === undefined ? app.ports : [port]).map((candidate) => `${candidate.protocol} on port ${candidate.port}`))}; give it a port for TLS, such as AppPort.https(8443), or terminate TLS with Listener.https`,
        this,
      );
    }
    host.passthrough = { app, port: port.port, listeners };
    this.leaveToRollout(host);
    this.lead({ app, port, inPlainText: false });
  }

  private lead(way: Way, host?: string): void {
    const { app, ...rest } = way;
    this.ways.push(way);
    app._expose({ gateway: this, host, ...rest });
  }

  /** Known at synth alone: whether what comes in plain text, or whose TLS ends here, is encrypted for a port that asks for it. */
  private findPlainTextToTls(): string[] {
    return this.ways
      .filter(({ app, port, inPlainText }) => inPlainText && port.isTls && !clientTlsOf(app, port).some((tls) => tls._endsInApp))
      .map(
        ({ app, port }) =>
          `requests go in plain text to port ${port.port} of '${app.serviceName}', which speaks ${port.protocol}; encrypt them: new ResilienceRules(…, { app, ports: { ${port.port}: { clientTls: ClientTls.simple(…) } } }), or hand TLS on with Listener.passthrough (${ErrorCode.INVALID_LISTENER})`,
      );
  }

  /** The host, with its VirtualService made at the first use. */
  private hostOf(name: string): GatewayHost {
    const known = this.served.get(requirePublicHost(name, this));
    if (known !== undefined) {
      return known;
    }
    const host = new GatewayHost(name);
    this.served.set(name, host);
    new ApiObject(this, `VirtualService-${name}`, {
      metadata: { name: `${this.gatewayName}-${name.replace('*', 'any')}`, namespace: this.routesNamespace },
      spec: {
        hosts: [name],
        gateways: [this._reference],
        http: Lazy.any({ produce: () => (host.entries.length === 0 ? undefined : this.renderHttp(host)) }),
        tls: Lazy.any({ produce: () => host.passthrough && [renderPassthrough(name, host.passthrough)] }),
      },
      ...VIRTUAL_SERVICE,
    });
    return host;
  }

  /** What rolls an app out routes its hosts itself: such a host gets no VirtualService here, and serves nothing else. */
  private leaveToRollout(host: GatewayHost): void {
    const rolledOut = host.entries.find(({ app }) => app?._rolloutOwner !== undefined);
    if (rolledOut === undefined) {
      return;
    }
    const other = host.entries.find(({ owner }) => owner !== rolledOut.owner)?.owner ?? host.passthrough?.app;
    if (other !== undefined) {
      throw new MeshError(
        ErrorCode.HOST_TAKEN,
        `host '${host.name}' leads to '${other.node.path}' too, but '${rolledOut.app?._rolloutOwner?.node.path}' rolls out '${rolledOut.owner.node.path}' and needs the host alone; give each a host of its own`,
        this,
      );
    }
    this.node.tryRemoveChild(`VirtualService-${host.name}`);
  }

  private renderHttp(host: GatewayHost): unknown[] {
    return inConstruct(this, () => this.routesOf(host)).map((route) => renderRoute(route, [host.name], this));
  }

  private routesOf(host: GatewayHost): Route[] {
    const redirecting = [...new Set(host.entries.flatMap((entry) => entry.listeners))].filter((listener) =>
      listener._redirectsByRoute(this.httpsPort),
    );
    const excepted = redirecting.flatMap((listener) => this.redirectRoutes(host, listener));
    const open = host.listeners.filter((listener) => !listener._redirectsByRoute(this.httpsPort));
    const routes = host.entries.flatMap((entry) => {
      const listeners = entry.listeners.filter((listener) => !listener._redirectsByRoute(this.httpsPort));
      return entry.routes().flatMap((route) => limitToListeners(route, listeners, open));
    });
    return [...excepted, ...routes];
  }

  /** On a listener that redirects to https: what is excepted, and then the redirect. */
  private redirectRoutes(host: GatewayHost, listener: Listener): Route[] {
    const paths = (listener._http.redirectExcept ?? []).flatMap((path) => path._toMatches());
    const served = host.entries
      .filter((entry) => entry.listeners.includes(listener))
      .flatMap((entry) => entry.routes())
      .flatMap((route) => limitRoute(route, paths))
      .flatMap((route) => onPorts(route, [listener.port]));
    return [...served, { matches: [{ port: listener.port }], destinations: [], redirect: this.redirectToHttps(host, listener) }];
  }

  /** Istio leaves out 443, and then the client keeps the port that it asked for unless that is 80; a host of its own has none. */
  private redirectToHttps(host: GatewayHost, listener: Listener): Redirect {
    if (this.httpsPort !== 443) {
      return Redirect.https({ port: this.httpsPort });
    }
    return Redirect.https(listener.port === 80 || host.name.startsWith('*') ? {} : { authority: host.name });
  }

  private renderServers(): unknown[] {
    const names = new Map<string, number>();
    return this.listeners.map((listener) => {
      const hosts = [...this.served.values()].filter((host) => host.listeners.includes(listener)).map((host) => host.name);
      const count = (names.get(listener._name) ?? 0) + 1;
      names.set(listener._name, count);
      return listener._render(count === 1 ? listener._name : `${listener._name}-${count}`, hosts.sort(), this.httpsPort);
    });
  }

  /** A listener that redirects everything sends clients to https, where their host must be served. */
  private findLostRedirects(hosts: readonly GatewayHost[]): string[] {
    const redirecting = this.listeners.filter(
      ({ _http: { redirectToHttps, redirectExcept } }) => redirectToHttps && !redirectExcept,
    );
    const secure = hosts.filter(({ listeners }) => listeners.some(({ isTls, port }) => isTls && port === this.httpsPort));
    const names = new Set(secure.map(({ name }) => name));
    return redirecting.flatMap((listener) =>
      hosts
        .filter(({ name, listeners }) => listeners.includes(listener) && !serves(names, name))
        .map(
          ({ name }) =>
            `host '${name}' stands on ${listener._name}, which redirects to https, and no listener serves it on port ${this.httpsPort}; expose it there too (${ErrorCode.INVALID_LISTENER})`,
        ),
    );
  }

  /** Known at synth alone: whether each listener serves something, and each host of a shared port has one certificate. */
  private findHostlessListeners(): string[] {
    const hosts = [...this.served.values()];
    const idle = this.listeners
      .filter((listener) => listener._kind === ListenerKind.TCP && !this.streams.some((stream) => stream.listener === listener))
      .map(
        (listener) =>
          `listener ${listener._name} leads nowhere; forward it with tcp() or remove it (${ErrorCode.INVALID_LISTENER})`,
      );
    const hostless = this.listeners
      .filter((listener) => SERVES_HOSTS.includes(listener._kind))
      .filter((listener) => !hosts.some((host) => host.listeners.includes(listener)))
      .map(
        (listener) =>
          `listener ${listener._name} serves no host; expose an app on it or remove it (${ErrorCode.INVALID_LISTENER})`,
      );
    const ambiguous = hosts.flatMap((host) => {
      const distinct = [...new Set(host.listeners)];
      const shared = distinct.find((listener, index) => distinct.slice(0, index).some((other) => other.port === listener.port));
      return shared === undefined
        ? []
        : [
            `host '${host.name}' stands on two listeners with port ${shared.port}; choose one with listeners: […] (${ErrorCode.INVALID_LISTENER})`,
          ];
    });
    return [...idle, ...hostless, ...ambiguous, ...this.findLostRedirects(hosts)];
  }
}

class ForeignGateway extends MeshGateway {
  public constructor(scope: Construct, id: string, props: MeshGatewayFromNameProps) {
    super(scope, id, props);
  }

  /** @internal */
  protected override _foreignNamespace(props: MeshGatewayFromNameProps): string | undefined {
    return props.namespace;
  }

  /** @internal */
  protected override _createGateway(): void {
    // Somebody else owns it.
  }
}

function gatewayMatches({ paths, when }: GatewayMatchOptions, construct: Construct): HttpMatch[] {
  const byPath = paths?.flatMap((path) => path._toMatches());
  const further = when?._toMatches();
  const both = byPath !== undefined && further !== undefined ? intersectAll(byPath, further) : (byPath ?? further);
  if (both?.length === 0) {
    throw new MeshError(
      ErrorCode.IMPOSSIBLE_MATCH,
      `no request satisfies both one of the paths (${byPath?.length === 0 ? 'none is named' : describeMatches(byPath ?? [])}) and ${describeMatches(further ?? [])}`,
      construct,
    );
  }
  return both ?? [];
}

/** The earlier entries that take every request of the later one on all its listeners; none where a request is left on one. */
function takersOnEachListener(later: HostEntry, earlier: readonly HostEntry[]): HostEntry[] {
  const takers = later.listeners.map((listener) =>
    takersOf(
      later,
      earlier.filter(({ listeners }) => listeners.includes(listener)),
    ),
  );
  return takers.some((some) => some.length === 0) ? [] : [...new Set(takers.flat())];
}

/** A route of some of the host's listeners asks for their ports. */
function limitToListeners(route: Route, listeners: readonly Listener[], open: readonly Listener[]): Route[] {
  if (listeners.length === 0) {
    return [];
  }
  const ports = new Set(listeners.map((listener) => listener.port));
  return open.every((listener) => ports.has(listener.port)) ? [route] : onPorts(route, [...ports]);
}

function onPorts(route: Route, ports: readonly number[]): Route[] {
  return limitRoute(
    route,
    ports.map((port) => ({ port })),
  );
}

function renderPassthrough(host: string, { app, port, listeners }: Passthrough): unknown {
  return {
    match: listeners.map((listener) => ({ port: listener.port, sniHosts: [host] })),
    route: app._destinations().map((destination) => renderStream({ ...destination, port })),
  };
}
