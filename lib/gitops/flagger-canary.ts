import { ApiObject, type Duration, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import { CANARY } from '../api-versions';
import type { AppPort } from '../app-port';
import type { CanaryApp } from '../canary-app';
import { rememberCreation } from '../creation';
import { ErrorCode, MeshError } from '../errors';
import { list, renderSeconds, requireDnsLabel } from '../limits';
import { protectRoutes, renderAppPolicy, renderVersionPolicy } from '../resilience-rules';
import { matchesOf, type Route, renderRoute } from '../routing/route';
import { orUndefined } from '../workload/container';
import { type CanaryAnalysis, renderAnalysis } from './canary-analysis';

/** Properties of a {@link FlaggerCanary}. */
export interface FlaggerCanaryProps {
  /** The app. It has one version, of which a change is the next. */
  readonly app: CanaryApp;
  /** How the next version is tried. */
  readonly analysis: CanaryAnalysis;
  /**
   * Whether calls inside the mesh are shared between the versions too, and keep to the app's {@link ResilienceRules}. Without it
   * they reach the version in use. Say `false` where the app is exposed on host `*`, which Istio takes at gateways alone.
   * @default true
   */
  readonly mesh?: boolean;
  /**
   * The name of the HorizontalPodAutoscaler that decides on the number of pods. It stands in the namespace of the app, its target is
   * the app's Deployment, and Flagger makes a copy of it for the version in use.
   * @default - nothing decides: one pod of each version
   * @see https://docs.flagger.app/usage/how-it-works#canary-target
   */
  readonly horizontalPodAutoscaler?: string;
  /**
   * How long the next version's pods may take to become ready, in whole seconds.
   * @default - Flagger's: 10 min
   */
  readonly progressDeadline?: Duration;
  /**
   * Whether the next version is taken into use without a try.
   * @default false
   */
  readonly skipAnalysis?: boolean;
}

/** A host and a gateway at which the app is met, or the mesh, and the routes there. */
interface View {
  readonly gateway: string;
  readonly host: string;
  readonly routes: readonly Route[];
}

/**
 * Lets Flagger roll out the versions of an app: it watches the app's Deployment, tries what is new with a growing share of the
 * requests, and takes it into use or back.
 *
 * Flagger makes the Services, the VirtualService, the DestinationRules and the Deployment of the version in use, so the app and its
 * gateways leave them out. What is said of the app (exposure, {@link ResilienceRules}, headers, CORS) goes into the Canary instead,
 * whatever comes first in the code, and what a Canary cannot hold is refused.
 *
 * Hand an app over before it has users. One that runs is out for a while: its Service and routes are pruned at once, and Flagger's come
 * when the version in use is ready, some intervals later. On the way back they go with the Canary, also where they were just written
 * again, and come with the next apply.
 *
 * @see https://docs.flagger.app/usage/how-it-works
 */
export class FlaggerCanary extends Construct {
  private readonly props: FlaggerCanaryProps;
  private readonly port: AppPort;

  /**
   * @throws `unsupported-by-rollout`, `invalid-rollout`, `conflicting-rules`, `host-taken`, `unsupported-match`, `out-of-range`,
   * `duplicate-port`, `invalid-name`
   */
  public constructor(scope: Construct, id: string, props: FlaggerCanaryProps) {
    super(scope, id);
    rememberCreation(this);
    this.props = props;
    const { app, analysis, horizontalPodAutoscaler: autoscaler, progressDeadline, skipAnalysis } = props;
    this.port = this.requireOnePort();
    app._handOver(this);
    this._requireHeld();
    new ApiObject(this, 'Resource', {
      ...CANARY,
      metadata: { name: app.serviceName, namespace: app.namespace },
      spec: {
        targetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: app._deploymentName },
        autoscalerRef:
          autoscaler === undefined
            ? undefined
            : {
                apiVersion: 'autoscaling/v2',
                kind: 'HorizontalPodAutoscaler',
                name: requireDnsLabel('horizontalPodAutoscaler', autoscaler, this),
              },
        progressDeadlineSeconds: progressDeadline && renderSeconds('progressDeadline', progressDeadline, 1, this),
        skipAnalysis,
        service: Lazy.any({ produce: () => this.renderService() }),
        analysis: renderAnalysis(analysis, this),
      },
    });
    this.node.addValidation({ validate: () => this.findRoutelessness() });
  }

  /** @internal */
  public _requireHeld(): void {
    this.renderService();
  }

  private renderService(): Record<string, unknown> {
    const { app } = this.props;
    const views = this.views();
    const held = { ...this.renderViews(views), trafficPolicy: this.renderTrafficPolicy() };
    const unheld = findUnheld(held, HELD);
    if (unheld !== undefined) {
      this.refuse(`app '${app.serviceName}' says ${unheld}, which a Canary cannot hold; remove it`);
    }
    const { port, targetPort, servicePortName, protocol } = this.port;
    return {
      name: app.serviceName,
      port,
      targetPort,
      portName: servicePortName,
      appProtocol: protocol,
      portDiscovery: app.ports.length > 1 ? true : undefined,
      gateways: orUndefined([...new Set(views.map(({ gateway }) => gateway))]),
      hosts: orUndefined([...new Set(views.filter(({ gateway }) => gateway !== MESH).map(({ host }) => host))]),
      ...held,
    };
  }

  /** Where the app is met. The mesh comes last: Flagger says the port of the destinations only where a gateway is first. */
  private views(): View[] {
    const { app, mesh = true } = this.props;
    const gateways = app._exposures.map(({ gateway, host, port }): View => {
      if (host === undefined || port !== this.port) {
        return this.refuse(
          `gateway '${gateway.gatewayName}' forwards ${host === undefined ? 'connections' : `requests for port ${port.port}`} to app '${app.serviceName}'; a Canary routes HTTP requests for port ${this.port.port} alone`,
        );
      }
      if (host === '*' && mesh) {
        this.refuse(
          `app '${app.serviceName}' is exposed on host '*', which Istio does not take inside the mesh; say mesh: false`,
        );
      }
      return { gateway: gateway._reference, host, routes: gateway._routesAt(host) };
    });
    const inside = { gateway: MESH, host: app.host, routes: protectRoutes(app, app._routes()) };
    return mesh ? [...gateways, inside] : gateways;
  }

  /** A Canary has one route for all hosts, gateways and the mesh; only which requests it takes may differ from gateway to gateway. */
  private renderViews(views: readonly View[]): Record<string, unknown> {
    const outcomes: Record<string, unknown>[] = [];
    const matches = new Map<string, string>();
    for (const { gateway, host, routes } of views) {
      for (const route of routes) {
        const { match: _, route: __, ...rest } = renderRoute(route, [host], this);
        outcomes.push(rest);
      }
      const match = JSON.stringify(routes.flatMap(matchesOf));
      if ((matches.get(gateway) ?? match) !== match) {
        this.refuse(
          `app '${this.props.app.serviceName}' takes other requests on host '${host}' than on others of gateway '${gateway}'`,
        );
      }
      matches.set(gateway, match);
    }
    const different = differences(outcomes);
    if (different.length > 0) {
      this.refuse(
        `app '${this.props.app.serviceName}' is routed in different ways, by ${list(different)}; a Canary has one route for all requests, gateways and the mesh`,
      );
    }
    return { ...outcomes[0], match: this.renderMatch(new Map(views.map((view) => [view.gateway, view]))) };
  }

  private renderMatch(views: ReadonlyMap<string, View>): unknown[] | undefined {
    const matches = [...views.values()].flatMap(({ gateway, routes }) =>
      routes.flatMap(matchesOf).map((match) => ({ ...match, gateways: views.size > 1 ? [gateway] : undefined })),
    );
    const limited = matches.some(({ gateways: _, ...match }) => Object.keys(match).length > 0);
    return limited ? matches : undefined;
  }

  private renderTrafficPolicy(): Record<string, unknown> | undefined {
    const { app } = this.props;
    const own = app.versions.find((version) => renderVersionPolicy(app, version) !== undefined);
    if (own !== undefined) {
      this.refuse(`app '${app.serviceName}' has resilience rules for version '${own}' alone; a Canary has the same for all`);
    }
    if (app._rules.some(({ _props: { loadBalancer } }) => loadBalancer?._isPassthrough)) {
      this.refuse(
        `app '${app.serviceName}' has LoadBalancer.passthrough(), which calls the address that the caller asked for, past the versions; choose another`,
      );
    }
    return renderAppPolicy(app);
  }

  private requireOnePort(): AppPort {
    const { app } = this.props;
    const [port, ...others] = app._ownPorts;
    const metrics = app.ports.find((other) => !app._ownPorts.includes(other));
    if (others.length > 0 || !port.isHttp) {
      this.refuse(
        `app '${app.serviceName}' has the ports ${list(app._ownPorts.map(({ servicePortName }) => servicePortName))}; a Canary needs one, which speaks HTTP or gRPC, beside that of the metrics`,
      );
    }
    if (metrics !== undefined && metrics.port !== metrics.targetPort) {
      this.refuse(
        `the port of the metrics is ${metrics.port} in the Service and ${metrics.targetPort} in the container; Flagger makes them the same`,
      );
    }
    return port;
  }

  /** Known at synth alone: whether there is anything to route. Flagger adds the mesh where there is no gateway. */
  private findRoutelessness(): string[] {
    const { app, mesh = true } = this.props;
    return mesh || app._exposures.length > 0
      ? []
      : [
          `app '${app.serviceName}' is exposed at no gateway and refuses the mesh, so no request could be shared; expose it or leave mesh out (${ErrorCode.INVALID_ROLLOUT})`,
        ];
  }

  private refuse(problem: string): never {
    throw new MeshError(ErrorCode.UNSUPPORTED_BY_ROLLOUT, problem, this);
  }
}

const MESH = 'mesh';

/** The fields of `Canary.spec.service` that hold what is said of an app; `true` where a field holds whatever we write. */
export interface Held {
  readonly [field: string]: Held | true;
}

/** @see https://github.com/fluxcd/flagger/blob/main/artifacts/flagger/crd.yaml */
export const HELD: Held = {
  match: true,
  timeout: true,
  retries: { attempts: true, perTryTimeout: true, retryOn: true },
  rewrite: { uri: true, authority: true },
  headers: true,
  corsPolicy: {
    allowCredentials: true,
    allowHeaders: true,
    allowMethods: true,
    allowOrigins: true,
    exposeHeaders: true,
    maxAge: true,
  },
  trafficPolicy: {
    connectionPool: {
      http: {
        h2UpgradePolicy: true,
        http1MaxPendingRequests: true,
        http2MaxRequests: true,
        idleTimeout: true,
        maxRequestsPerConnection: true,
        maxRetries: true,
      },
    },
    loadBalancer: {
      simple: true,
      consistentHash: {
        httpCookie: { name: true, path: true, ttl: true },
        httpHeaderName: true,
        httpQueryParameterName: true,
        useSourceIp: true,
      },
      localityLbSetting: { distribute: true, enabled: true, failover: true },
    },
    outlierDetection: {
      baseEjectionTime: true,
      consecutive5xxErrors: true,
      consecutiveGatewayErrors: true,
      consecutiveLocalOriginFailures: true,
      interval: true,
      maxEjectionPercent: true,
      minHealthPercent: true,
      splitExternalLocalOriginErrors: true,
    },
    tls: {
      caCertificates: true,
      clientCertificate: true,
      mode: true,
      privateKey: true,
      sni: true,
      subjectAltNames: true,
    },
  },
};

/** The fields in which objects differ. */
function differences(objects: readonly Record<string, unknown>[]): string[] {
  const fields = new Set(objects.flatMap((object) => Object.keys(object)));
  return [...fields].filter((field) => new Set(objects.map((object) => JSON.stringify(object[field]))).size > 1);
}

/** The path of the first field that cannot be held. */
function findUnheld(value: unknown, held: Held | true, path = ''): string | undefined {
  if (held === true || value === null || typeof value !== 'object') {
    return undefined;
  }
  for (const [field, inner] of Object.entries(value).filter(([, content]) => content !== undefined)) {
    const place = path === '' ? field : `${path}.${field}`;
    const unheld = Object.hasOwn(held, field) ? findUnheld(inner, held[field], place) : place;
    if (unheld !== undefined) {
      return unheld;
    }
  }
  return undefined;
}
