import { ApiObject, type Duration, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { DESTINATION_RULE, VIRTUAL_SERVICE } from './api-versions';
import type { AppPort } from './app-port';
import { rememberCreation } from './creation';
import { ErrorCode, inConstruct, MeshError } from './errors';
import { list, renderDuration } from './limits';
import type { MeshService } from './mesh-service';
import type { ClientTls } from './resilience/client-tls';
import { type FaultInjection, renderFault } from './resilience/fault';
import { requireCanEject } from './resilience/outlier-detection';
import { type RetryPolicy, renderRetries, requireRetriesFit } from './resilience/retries';
import {
  type PortTrafficPolicy,
  renderTrafficPolicy,
  TRAFFIC_POLICY_FIELDS,
  type TrafficPolicy,
} from './resilience/traffic-policy';
import type { RequestMatch } from './routing/request-match';
import { limitRoute, type Route, reachable, renderRoute } from './routing/route';

/** Properties of {@link ResilienceRules}. */
export interface ResilienceRulesProps extends TrafficPolicy {
  /** The app whose callers follow these rules. */
  readonly app: MeshService;
  /**
   * The requests for which `timeout`, `retries` and `fault` hold.
   * @default - all requests
   */
  readonly when?: RequestMatch;
  /**
   * How long a request may take, retries included.
   * @default - without end, as in Istio
   */
  readonly timeout?: Duration;
  /**
   * How often and on what a failed request is tried again.
   * @default - Istio's: twice, on connect-failure, refused-stream, unavailable, cancelled
   */
  readonly retries?: RetryPolicy;
  /**
   * Errors on purpose.
   * @default - none
   */
  readonly fault?: FaultInjection;
  /**
   * What is different for one port, by its number. What is not said for the port holds as for the app, save the retry budget:
   * Istio has none for a port with a policy of its own.
   * @default - nothing
   */
  readonly ports?: { [port: string]: PortTrafficPolicy };
  /**
   * What is different for one version, by its name. What is not said for the version holds as for the app.
   * @default - nothing
   */
  readonly versions?: { [version: string]: TrafficPolicy };
}

/**
 * How callers are protected from an app: timeout, retries, connection pool, outlier detection, load balancing, faults, client TLS.
 *
 * The rules go into the VirtualService and DestinationRule of a {@link CanaryApp}, and hold at every gateway that exposes it.
 * For a Service that somebody else owns they create both objects, in the namespace of the Service, where all callers find them.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#TrafficPolicy
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export class ResilienceRules extends Construct {
  /** @internal */
  public readonly _props: ResilienceRulesProps;

  /**
   * @throws `retries-exceed-timeout`, `fault-with-timeout`, `never-ejects`, `conflicting-rules`, `invalid-resilience`,
   * `unknown-version`, `unknown-port`, `out-of-range`, `unsupported-match`, `bypassed-split`, `unsupported-by-rollout`
   */
  public constructor(scope: Construct, id: string, props: ResilienceRulesProps) {
    super(scope, id);
    rememberCreation(this);
    this._props = props;
    this.requireSensible();
    requireNoConflict(this, props.app._rules);
    props.app._protect(this);
    if (props.when !== undefined) {
      // What Istio cannot say together with a rule of the app is found here and not first at synth.
      inConstruct(this, () => protectRoutes(props.app, props.app._routes()));
    }
    if (!props.app._ownsMeshObjects) {
      this.createObjects();
    }
    this.node.addValidation({ validate: () => this.findMisplaced() });
  }

  private requireSensible(): void {
    if (!hasTrafficPolicy(this) && !hasRouteRules(this)) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        `nothing is set; say ${list(['timeout', 'retries', 'fault', ...TRAFFIC_POLICY_FIELDS])}, or remove the rules`,
        this,
      );
    }
    const { app, when, timeout, retries, fault, ports = {}, versions = {} } = this._props;
    const policy = { ...mergePolicies(app, (props) => props), ...policyOf(this._props) };
    if (timeout !== undefined) {
      renderDuration('timeout', timeout, this);
    }
    if (retries !== undefined) {
      renderRetries(retries, this);
      requireRetriesFit(timeout, retries, this);
    }
    if (fault !== undefined) {
      renderFault(fault, this);
      if (timeout !== undefined || retries !== undefined) {
        throw new MeshError(
          ErrorCode.FAULT_WITH_TIMEOUT,
          'fault stands together with timeout or retries, which Istio ignores on a route with a fault; put them on different apps or requests',
          this,
        );
      }
    }
    if (when !== undefined && !hasRouteRules(this)) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        "'when' limits timeout, retries and fault, and none of them is set",
        this,
      );
    }
    if (hasRouteRules(this)) {
      app._httpPort();
    }
    if (when !== undefined) {
      app._requirePortOf('when', when, this);
    }
    renderTrafficPolicy(policy, this);
    this.requireBalanced(app.ports, this._props);
    for (const [port, override] of Object.entries(ports)) {
      this.requireBalanced([app.portOf(Number(port))], override);
      // Istio has no retry budget for a port with a policy of its own.
      renderTrafficPolicy({ ...policy, retryBudget: undefined, ...policyOf(override) }, this);
    }
    const replicas = app._replicas();
    for (const [version, override] of Object.entries(versions)) {
      if (!replicas.has(version)) {
        throw new MeshError(
          ErrorCode.UNKNOWN_VERSION,
          `versions names '${version}', which app '${app.serviceName}' does not have; it has ${list([...replicas.keys()])}`,
          this,
        );
      }
      this.requireBalanced(app.ports, override);
      renderTrafficPolicy({ ...policy, ...policyOf(override) }, this);
    }
    for (const [version, count] of replicas) {
      const own = versions[version]?.outlierDetection;
      const detections = own === undefined ? [policy, ...Object.values(ports)].map((of) => of.outlierDetection) : [own];
      for (const detection of detections) {
        if (detection !== undefined && count !== undefined) {
          requireCanEject(detection, count, version, this);
        }
      }
    }
  }

  private requireBalanced(ports: readonly AppPort[], { loadBalancer }: PortTrafficPolicy): void {
    const { app } = this._props;
    if (loadBalancer?._needsHttp && !ports.some((port) => port.isHttp)) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        `loadBalancer chooses by something of HTTP, and the ports ${list(ports.map(({ servicePortName }) => servicePortName))} of '${app.serviceName}' do not speak it, so any pod would be chosen; use HashKey.sourceIp()`,
        this,
      );
    }
    if (loadBalancer !== undefined && !loadBalancer._isPassthrough && app.host.startsWith('*')) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        `loadBalancer has nothing to choose from: of the pattern '${app.host}' callers bring the address themselves; leave it out`,
        this,
      );
    }
    const versions = [...app._replicas().keys()];
    if (loadBalancer?._isPassthrough && versions.length > 1) {
      throw new MeshError(
        ErrorCode.BYPASSED_SPLIT,
        `LoadBalancer.passthrough() calls the address that the caller asked for, past the versions ${list(versions)} of '${app.serviceName}'; choose another load balancer`,
        this,
      );
    }
  }

  /** Known at synth alone: what works at gateways alone or there not at all, and TLS around TLS. */
  private findMisplaced(): string[] {
    const { app, ports = {}, versions = {} } = this._props;
    const policies: PortTrafficPolicy[] = [this._props, ...Object.values(ports), ...Object.values(versions)];
    const problems: string[] = [];
    if (policies.some(({ loadBalancer }) => loadBalancer?._isPassthrough) && app._exposures.length > 0) {
      problems.push(
        `LoadBalancer.passthrough() needs a caller that asked for an address, and gateway '${app._exposures[0].gateway.gatewayName}' leads to '${app.serviceName}' without one; choose another load balancer`,
      );
    }
    if (policies.some(({ clientTls }) => clientTls?._isForGateways) && app._exposures.length === 0) {
      problems.push(
        `clientTls has a credentialName, which Istio reads at gateways alone, and no gateway leads to '${app.serviceName}': callers would send plain text; name files in their proxies (caCertificates), or expose it`,
      );
    }
    const around = app.ports
      .filter((port) => port.isTls && !app._exposures.some((exposed) => exposed.port === port && exposed.inPlainText))
      .find((port) =>
        clientTlsOf(app, port).some((tls) => tls._endsInApp && policies.some(({ clientTls }) => clientTls === tls)),
      );
    if (around !== undefined) {
      problems.push(
        `clientTls encrypts what goes to port ${around.port} (${around.protocol}) of '${app.serviceName}', which callers send as TLS already; say it for other ports with ports: {…}, or declare the plain text that they send, such as AppPort.http(${around.port})`,
      );
    }
    return problems.map((problem) => `${problem} (${ErrorCode.INVALID_RESILIENCE})`);
  }

  private createObjects(): void {
    const { app } = this._props;
    // Istio looks for a DestinationRule where the caller lives (a gateway's pods: istio-system) and where the Service lives.
    const metadata = { name: app.serviceName, namespace: app.namespace };
    const earlier = app._rules.filter((rules) => rules !== this);
    if (hasTrafficPolicy(this) && !earlier.some(hasTrafficPolicy)) {
      new ApiObject(this, 'DestinationRule', {
        ...DESTINATION_RULE,
        metadata,
        spec: { host: app.host, trafficPolicy: Lazy.any({ produce: () => renderAppPolicy(app) }) },
      });
    }
    if (hasRouteRules(this) && !earlier.some(hasRouteRules)) {
      new ApiObject(this, 'VirtualService', {
        ...VIRTUAL_SERVICE,
        metadata,
        spec: {
          hosts: [app.host],
          http: Lazy.any({
            produce: () => protectRoutes(app, app._routes()).map((route) => renderRoute(route, [app.host], this)),
          }),
        },
      });
    }
  }
}

function hasTrafficPolicy({ _props: props }: ResilienceRules): boolean {
  return (
    props.ports !== undefined || props.versions !== undefined || TRAFFIC_POLICY_FIELDS.some((field) => props[field] !== undefined)
  );
}

function hasRouteRules({ _props: props }: ResilienceRules): boolean {
  return props.timeout !== undefined || props.retries !== undefined || props.fault !== undefined;
}

/** Each thing is said once for an app; only rules for different requests may differ. */
function requireNoConflict(rules: ResilienceRules, earlier: readonly ResilienceRules[]): void {
  for (const other of earlier) {
    const mine = settingsOf(rules);
    const shared = settingsOf(other).filter((setting) => mine.includes(setting));
    if (shared.length > 0) {
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `${list(shared)} of app '${rules._props.app.serviceName}' is already set by '${other.node.path}'; say it once`,
        rules,
      );
    }
    requireMeet(rules, other);
  }
}

/** What holds for all requests meets what holds for some of them; what holds for other requests each may meet nowhere. */
function requireMeet(rules: ResilienceRules, other: ResilienceRules): void {
  const [general, special] = other._props.when === undefined ? [other, rules] : [rules, other];
  if (general._props.when !== undefined) {
    return;
  }
  const both = { ...timingOf(general._props), ...timingOf(special._props) };
  if (special._props.when !== undefined && special._props.fault !== undefined) {
    return;
  }
  if (both.fault !== undefined && (both.timeout !== undefined || both.retries !== undefined)) {
    throw new MeshError(
      ErrorCode.FAULT_WITH_TIMEOUT,
      `app '${rules._props.app.serviceName}' gets a fault and timeout or retries from '${other.node.path}' and here; Istio ignores the latter on a route with a fault; limit the fault with 'when'`,
      rules,
    );
  }
  requireRetriesFit(both.timeout, both.retries, rules);
}

function settingsOf({ _props: props }: ResilienceRules): string[] {
  const policies: [string, TrafficPolicy][] = [
    ['', props],
    ...Object.entries(props.ports ?? {}).map(([port, policy]): [string, TrafficPolicy] => [`ports[${port}].`, policy]),
    ...Object.entries(props.versions ?? {}).map(([version, policy]): [string, TrafficPolicy] => [
      `versions[${version}].`,
      policy,
    ]),
  ];
  const fields = policies.flatMap(([prefix, policy]) =>
    TRAFFIC_POLICY_FIELDS.filter((field) => policy[field] !== undefined).map((field) => prefix + field),
  );
  const timing =
    props.when === undefined ? (['timeout', 'retries', 'fault'] as const).filter((field) => props[field] !== undefined) : [];
  return [...fields, ...timing];
}

/**
 * The routes of an app with the timeouts, retries and faults of its rules. Rules for some requests come before the rest of each route.
 */
export function protectRoutes(app: MeshService, routes: readonly Route[]): readonly Route[] {
  if (app._rules.length === 0) {
    return routes;
  }
  const general = app._rules.filter(({ _props: props }) => props.when === undefined);
  const limited = app._rules.filter(({ _props: props }) => props.when !== undefined);
  const defaults = Object.assign({}, ...general.map(({ _props: props }) => timingOf(props)));
  return routes.flatMap((route) => {
    if (route.destinations.length === 0) {
      return [route];
    }
    const special = limited.flatMap(({ _props: props }) => {
      // Istio ignores timeouts and retries on a route with a fault, so such a route does not inherit them.
      const inherited = props.fault === undefined ? defaults : {};
      return limitRoute(route, props.when?._toMatches() ?? []).map((limited) => ({
        ...limited,
        ...inherited,
        ...timingOf(props),
      }));
    });
    return reachable([...special, { ...route, ...defaults }]);
  });
}

function timingOf({ timeout, retries, fault }: ResilienceRulesProps): Partial<Route> {
  return Object.fromEntries(Object.entries({ timeout, retries, fault }).filter(([, value]) => value !== undefined));
}

/** The traffic policy of an app as a whole, its ports included. */
export function renderAppPolicy(app: MeshService): Record<string, unknown> | undefined {
  const general = mergePolicies(app, (props) => props);
  const ports = app.ports.flatMap((port) => {
    const override = mergePolicies(app, (props) => props.ports?.[String(port.port)] ?? {});
    const { retryBudget: _, ...inherited } = general;
    // Istio resets everything that a port's policy does not say, so what holds for the app is said again.
    return Object.keys(override).length === 0
      ? []
      : [{ port: { number: port.port }, ...renderTrafficPolicy({ ...inherited, ...override }, app) }];
  });
  const rendered = renderTrafficPolicy(general, app);
  return ports.length === 0 ? rendered : { ...rendered, portLevelSettings: ports };
}

/** How callers encrypt what they send to a port: the port's own setting or the app's, and those of single versions. */
export function clientTlsOf(app: MeshService, { port }: AppPort): ClientTls[] {
  const general = mergePolicies(app, (props) => props);
  const own = mergePolicies(app, (props) => props.ports?.[String(port)] ?? {});
  const versions = app._rules.flatMap(({ _props: props }) => Object.values(props.versions ?? {}));
  return [{ ...general, ...own }, ...versions].flatMap(({ clientTls }) => clientTls ?? []);
}

/** What is different for one version; Istio adds what is said for the app. */
export function renderVersionPolicy(app: MeshService, version: string): Record<string, unknown> | undefined {
  const general = mergePolicies(app, (props) => props);
  const override = mergePolicies(app, (props) => props.versions?.[version] ?? {});
  return renderTrafficPolicy(override, app, override.outlierDetection ?? general.outlierDetection);
}

function mergePolicies(app: MeshService, select: (props: ResilienceRulesProps) => TrafficPolicy): TrafficPolicy {
  return Object.assign({}, ...app._rules.map(({ _props: props }) => policyOf(select(props))));
}

/** The fields of a traffic policy that are set. */
function policyOf(policy: TrafficPolicy): TrafficPolicy {
  return Object.fromEntries(
    TRAFFIC_POLICY_FIELDS.map((field) => [field, policy[field]] as const).filter(([, value]) => value !== undefined),
  );
}
