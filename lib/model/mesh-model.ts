import type { Chart } from 'cdk8s';
import { Alternatives } from '../alternatives';
import { DEFAULT_MAX_EJECTION_PERCENT, describeLabels, takesEveryPath } from '../limits';
import type { Manifest, Rendered } from './rendered';

/** A Service of the app. */
export interface ServiceModel {
  readonly object: Rendered;
  readonly namespace: string;
  readonly selector: Record<string, string>;
  readonly ports: readonly { readonly name?: string; readonly port: number; readonly targetPort?: number | string }[];
}

/** A set of pods of the app. */
export interface WorkloadModel {
  readonly object: Rendered;
  readonly namespace: string;
  readonly labels: Record<string, string>;
  /** `undefined` where nothing is said. */
  readonly replicas?: number;
  /** Whether an autoscaler or Flagger decides on the replicas. */
  readonly scaled: boolean;
  /** Whether the pods ask for no sidecar. */
  readonly bare: boolean;
}

/** The place a route sends requests to. */
export interface DestinationModel {
  readonly host: string;
  readonly subset?: string;
  readonly port?: number;
}

/** A route of a VirtualService. */
export interface RouteModel {
  /** Where it stands: `http[0]`. */
  readonly place: string;
  /** Whether it takes every request. */
  readonly catchesAll: boolean;
  readonly destinations: readonly DestinationModel[];
}

/** A VirtualService of the app. */
export interface VirtualServiceModel {
  readonly object: Rendered;
  readonly namespace: string;
  /** Short names are written in full. */
  readonly hosts: readonly string[];
  /** As `namespace/name`, or `mesh`. */
  readonly gateways: readonly string[];
  /** Whether only callers in its own namespace see it. */
  readonly isPrivate: boolean;
  readonly http: readonly RouteModel[];
  readonly streams: readonly RouteModel[];
}

/** A DestinationRule of the app. */
export interface DestinationRuleModel {
  readonly object: Rendered;
  readonly namespace: string;
  readonly host: string;
  readonly subsets: ReadonlyMap<string, Record<string, string>>;
  /** The mode of client TLS, where it is said. */
  readonly tlsMode?: string;
  /** The modes of single ports of the Service. */
  readonly portTlsModes: ReadonlyMap<number, string>;
  /** The modes of single subsets. */
  readonly subsetTlsModes: ReadonlyMap<string, string>;
  /** The share of pods that may be ejected, where outlier detection is on. */
  readonly maxEjectionPercent?: number;
  /** The same for the subsets that have an outlier detection of their own. */
  readonly subsetEjectionPercents: ReadonlyMap<string, number>;
}

/** A Gateway of the app. */
export interface GatewayModel {
  readonly object: Rendered;
  readonly namespace: string;
  /** Each host with each port on the pods that serve it: two gateways that share one of these are in each other's way. */
  readonly entrances: readonly { readonly host: string; readonly place: string }[];
  /** The hosts of all its servers, without a namespace before them. */
  readonly hosts: ReadonlySet<string>;
}

/** A PeerAuthentication of the app. */
export interface PeerAuthenticationModel {
  readonly namespace: string;
  readonly selector?: Record<string, string>;
  readonly mode?: string;
  /** The modes of single ports of the pods. */
  readonly portModes: ReadonlyMap<number, string>;
}

/** An AuthorizationPolicy of the app that lets some identities in. */
export interface IdentityPolicyModel {
  readonly name: string;
  readonly namespace: string;
  readonly selector: Record<string, string>;
  /** The ports of the pods for which it asks for one; empty for all. */
  readonly ports: ReadonlySet<number>;
}

/** An object that says something to sidecars alone. */
export interface SidecarSettingModel {
  readonly object: Rendered;
  readonly namespace: string;
}

/** A Canary of Flagger. */
export interface RolloutModel {
  readonly object: Rendered;
  readonly namespace: string;
  /** The name of the Service, to which Flagger adds `-primary` and `-canary`. */
  readonly service: string;
  /** The name of the Deployment, to which Flagger adds `-primary`. */
  readonly target: string;
  /** Whether an autoscaler decides on the replicas. */
  readonly scaled: boolean;
  /** The share of pods that may be ejected, where outlier detection is on. */
  readonly maxEjectionPercent?: number;
}

/** A ServiceMonitor of the app. */
export interface ServiceMonitorModel {
  readonly object: Rendered;
  readonly namespace: string;
  readonly selector: Record<string, string>;
  readonly ports: readonly string[];
}

// biome-ignore lint/suspicious/noExplicitAny: a manifest is plain data; what is read of it is checked here, at the one place that reads it
type Data = any;

/** All that the app says about its mesh, read once from the rendered manifests. */
export class MeshModel {
  /**
   * What can be applied together: everything outside {@link Alternatives}, with one alternative at a time, and with one of those inside it.
   * Two alternatives that have nothing to do with each other meet in no set.
   */
  public static ofEachSet(objects: readonly Rendered[]): MeshModel[] {
    const choices = new Map<Chart, string[]>();
    for (const chart of new Set(objects.map((object) => object.chart))) {
      choices.set(chart, choicesOf(chart));
    }
    const all = [...new Map([...choices.values()].map((path) => [path.at(-1), path])).values()];
    const last = all.filter((path) => !all.some((other) => other.length > path.length && isWithin(path, other)));
    return last.length === 1
      ? [new MeshModel(objects)]
      : last.map((chosen) => new MeshModel(objects.filter(({ chart }) => isWithin(choices.get(chart) as string[], chosen))));
  }

  /** By full host name. */
  public readonly services = new Map<string, ServiceModel>();
  public readonly workloads: WorkloadModel[] = [];
  public readonly virtualServices: VirtualServiceModel[] = [];
  public readonly destinationRules: DestinationRuleModel[] = [];
  public readonly gateways: GatewayModel[] = [];
  public readonly peerAuthentications: PeerAuthenticationModel[] = [];
  public readonly identityPolicies: IdentityPolicyModel[] = [];
  public readonly serviceMonitors: ServiceMonitorModel[] = [];
  public readonly rollouts: RolloutModel[] = [];
  /** The namespaces whose pods get no sidecar. */
  public readonly bareNamespaces = new Set<string>();
  public readonly sidecarSettings: SidecarSettingModel[] = [];

  private readonly podsByLabel = new LabelIndex<WorkloadModel>();
  private readonly servicesByLabel = new LabelIndex<ServiceModel>();
  private readonly gatewaysByName = new Map<string, GatewayModel>();
  private readonly splitsByHost = new Map<string, VirtualServiceModel>();
  private readonly rulesByHost = new Map<string, DestinationRuleModel[]>();

  public constructor(objects: readonly Rendered[]) {
    const scaled = new Set(objects.map(({ manifest }) => scaleTarget(manifest)));
    for (const object of objects) {
      this.read(object, scaled);
    }
  }

  /** The pods that a Service sends requests to. */
  public podsOf(service: ServiceModel): WorkloadModel[] {
    return this.podsByLabel.select(service.namespace, service.selector);
  }

  /** The Services of a namespace that carry these labels. */
  public servicesWith(namespace: string, selector: Record<string, string>): ServiceModel[] {
    return this.servicesByLabel.select(namespace, selector);
  }

  /** The DestinationRules for a host. */
  public rulesOf(host: string): readonly DestinationRuleModel[] {
    return this.rulesByHost.get(host) ?? [];
  }

  /** The Gateway with this `namespace/name`. */
  public gatewayNamed(name: string): GatewayModel | undefined {
    return this.gatewaysByName.get(name);
  }

  /** The VirtualService that shares the requests for a host inside the mesh among several subsets of it. */
  public splitOf(host: string): VirtualServiceModel | undefined {
    return this.splitsByHost.get(host);
  }

  private read(object: Rendered, scaled: ReadonlySet<string | undefined>): void {
    const { manifest } = object;
    const metadata = manifest.metadata ?? {};
    const name = metadata.name ?? '';
    const namespace = metadata.namespace ?? '';
    const spec: Data = manifest.spec ?? {};
    switch (typeOf(manifest)) {
      case 'v1/Service':
        this.addService(`${name}.${namespace}.svc.cluster.local`, {
          object,
          namespace,
          selector: spec.selector ?? {},
          ports: spec.ports ?? [],
        });
        break;
      case 'apps/Deployment':
      case 'apps/StatefulSet':
      case 'apps/DaemonSet':
        this.addWorkload({
          object,
          namespace,
          labels: spec.template?.metadata?.labels ?? {},
          replicas: spec.replicas,
          scaled: manifest.kind === 'DaemonSet' || scaled.has(`${namespace}/${manifest.kind}/${name}`),
          bare: isBare(spec.template?.metadata),
        });
        break;
      case 'v1/Pod':
        this.addWorkload({
          object,
          namespace,
          labels: (metadata.labels ?? {}) as Record<string, string>,
          replicas: 1,
          scaled: false,
          bare: isBare(metadata),
        });
        break;
      case 'networking.istio.io/VirtualService':
        this.addVirtualService({
          object,
          namespace,
          hosts: (spec.hosts ?? []).map((host: string) => fullName(host, namespace)),
          gateways: (spec.gateways ?? ['mesh']).map((gateway: string) =>
            gateway === 'mesh' || gateway.includes('/') ? gateway : `${namespace}/${gateway}`,
          ),
          isPrivate: isPrivate(spec),
          http: (spec.http ?? []).map((route: Data, index: number) => readRoute(`http[${index}]`, route, namespace)),
          streams: [
            ...(spec.tcp ?? []).map((route: Data, index: number) => readRoute(`tcp[${index}]`, route, namespace)),
            ...(spec.tls ?? []).map((route: Data, index: number) => readRoute(`tls[${index}]`, route, namespace)),
          ],
        });
        break;
      case 'networking.istio.io/DestinationRule':
        this.addRule({
          object,
          namespace,
          host: fullName(spec.host ?? '', namespace),
          subsets: new Map((spec.subsets ?? []).map((subset: Data) => [subset.name, subset.labels ?? {}])),
          tlsMode: spec.trafficPolicy?.tls?.mode,
          portTlsModes: said(spec.trafficPolicy?.portLevelSettings, (setting) => [setting.port?.number, setting.tls?.mode]),
          subsetTlsModes: said(spec.subsets, (subset) => [subset.name, subset.trafficPolicy?.tls?.mode]),
          maxEjectionPercent: ejectionPercent(spec),
          subsetEjectionPercents: said(spec.subsets, (subset) => [subset.name, ejectionPercent(subset)]),
        });
        break;
      case 'networking.istio.io/Gateway':
        this.addGateway(`${namespace}/${name}`, {
          object,
          namespace,
          entrances: (spec.servers ?? []).flatMap((server: Data) =>
            (server.hosts ?? []).map((host: string) => ({
              host,
              place: `port ${server.port?.number} of the pods with ${describeLabels(spec.selector ?? {})}`,
            })),
          ),
          hosts: new Set(
            (spec.servers ?? []).flatMap((server: Data) => (server.hosts ?? []).map((host: string) => host.replace(/^.*\//, ''))),
          ),
        });
        break;
      case 'networking.istio.io/Sidecar':
      case 'networking.istio.io/EnvoyFilter':
        this.sidecarSettings.push({ object, namespace });
        break;
      case 'v1/Namespace':
        if (metadata.labels?.['istio.io/dataplane-mode'] === 'ambient' || metadata.labels?.['istio-injection'] === 'disabled') {
          this.bareNamespaces.add(name);
        }
        break;
      case 'security.istio.io/PeerAuthentication':
        this.peerAuthentications.push({
          namespace,
          selector: spec.selector?.matchLabels,
          mode: spec.mtls?.mode,
          portModes: said(Object.entries(spec.portLevelMtls ?? {}), ([port, { mode }]) => [Number(port), mode]),
        });
        break;
      case 'security.istio.io/AuthorizationPolicy':
        this.addIdentityPolicy(name, namespace, spec);
        break;
      case 'flagger.app/Canary':
        this.rollouts.push({
          object,
          namespace,
          service: spec.service?.name ?? spec.targetRef?.name ?? '',
          target: spec.targetRef?.name ?? '',
          scaled: spec.autoscalerRef !== undefined,
          maxEjectionPercent: ejectionPercent(spec.service ?? {}),
        });
        break;
      case 'monitoring.coreos.com/ServiceMonitor':
        this.serviceMonitors.push({
          object,
          namespace,
          selector: spec.selector?.matchLabels ?? {},
          ports: (spec.endpoints ?? [])
            .map((endpoint: Data) => endpoint.port)
            .filter((port: unknown) => typeof port === 'string'),
        });
        break;
    }
  }

  private addIdentityPolicy(name: string, namespace: string, { action = 'ALLOW', rules = [], selector }: Data): void {
    const asking: Data[] = rules.filter(({ from = [] }: Data) =>
      from.some(({ source }: Data) => ['principals', 'namespaces'].some((field) => source?.[field])),
    );
    if (action === 'ALLOW' && asking.length > 0) {
      const ports = asking.flatMap(({ to = [{}] }) => to.map(({ operation }: Data) => operation?.ports));
      const numbers = ports.includes(undefined) ? [] : ports.flat().map(Number);
      this.identityPolicies.push({ name, namespace, selector: selector?.matchLabels ?? {}, ports: new Set(numbers) });
    }
  }

  private addGateway(name: string, gateway: GatewayModel): void {
    this.gateways.push(gateway);
    this.gatewaysByName.set(name, gateway);
  }

  private addWorkload(workload: WorkloadModel): void {
    this.workloads.push(workload);
    this.podsByLabel.add(workload.namespace, workload.labels, workload);
  }

  private addService(host: string, service: ServiceModel): void {
    this.services.set(host, service);
    this.servicesByLabel.add(service.namespace, service.object.manifest.metadata?.labels ?? {}, service);
  }

  private addVirtualService(virtualService: VirtualServiceModel): void {
    this.virtualServices.push(virtualService);
    const { hosts, gateways, http, streams } = virtualService;
    for (const host of gateways.includes('mesh') ? hosts : []) {
      const subsets = new Set<string | undefined>();
      for (const { destinations } of [...http, ...streams]) {
        for (const destination of destinations) {
          subsets.add(destination.host === host ? destination.subset : undefined);
        }
      }
      subsets.delete(undefined);
      if (subsets.size > 1) {
        this.splitsByHost.set(host, virtualService);
      }
    }
  }

  private addRule(rule: DestinationRuleModel): void {
    this.destinationRules.push(rule);
    append(this.rulesByHost, rule.host, rule);
  }
}

/** Finds what a selector selects without looking at everything. */
class LabelIndex<T> {
  private readonly entries: LabelledValue<T>[] = [];
  private readonly byKey = new Map<string, Map<string, LabelledValue<T>[]>>();

  public add(namespace: string, labels: Record<string, unknown>, value: T): void {
    this.entries.push({ namespace, labels, value });
    this.byKey.clear();
  }

  /** An empty selector selects nothing. */
  public select(namespace: string, selector: Record<string, string>): T[] {
    const candidates = Object.keys(selector).map((key) => this.with(key).get(`${namespace} ${selector[key]}`) ?? []);
    const fewest = candidates.reduce((best, next) => (next.length < best.length ? next : best), candidates[0] ?? []);
    return fewest.filter(({ labels }) => covers(selector, labels)).map(({ value }) => value);
  }

  /** Everything that carries a label with this key, by namespace and value. Selectors use few of the keys. */
  private with(key: string): Map<string, LabelledValue<T>[]> {
    let byValue = this.byKey.get(key);
    if (byValue === undefined) {
      byValue = new Map();
      for (const entry of this.entries) {
        if (Object.hasOwn(entry.labels, key)) {
          append(byValue, `${entry.namespace} ${entry.labels[key]}`, entry);
        }
      }
      this.byKey.set(key, byValue);
    }
    return byValue;
  }
}

interface LabelledValue<T> {
  readonly namespace: string;
  readonly labels: Record<string, unknown>;
  readonly value: T;
}

function append<T>(index: Map<string, T[]>, key: string, value: T): void {
  const values = index.get(key);
  if (values === undefined) {
    index.set(key, [value]);
  } else {
    values.push(value);
  }
}

/** Whether the labels hold all that the selector asks for. */
export function covers(selector: Record<string, string>, labels: Record<string, unknown>): boolean {
  return Object.keys(selector).every((key) => labels[key] === selector[key]);
}

/** The alternatives that a chart belongs to, from the outermost in. */
function choicesOf(chart: Chart): string[] {
  const { scopes } = chart.node;
  return scopes.slice(1).flatMap((scope, index) => (scopes[index] instanceof Alternatives ? scope.node.path : []));
}

/** Whether what belongs to some alternatives is there when these are chosen. */
function isWithin(choices: readonly string[], chosen: readonly string[]): boolean {
  return choices.every((choice, index) => chosen[index] === choice);
}

/** What an autoscaler or Flagger scales: `namespace/kind/name`. */
function scaleTarget({ kind, metadata, spec }: Manifest): string | undefined {
  const target = scaleTargetRef(kind, spec ?? {});
  return target && `${metadata?.namespace ?? ''}/${target.kind ?? 'Deployment'}/${target.name}`;
}

function scaleTargetRef(kind: string, spec: Data): Data {
  switch (kind) {
    case 'HorizontalPodAutoscaler':
    case 'ScaledObject':
      return spec.scaleTargetRef;
    case 'Canary':
      return spec.targetRef;
    default:
      return undefined;
  }
}

/** Group, or the version of the core group, and kind: `apps/Deployment`, `v1/Service`. */
function typeOf({ apiVersion, kind }: Manifest): string {
  const slash = apiVersion.indexOf('/');
  return `${slash < 0 ? apiVersion : apiVersion.slice(0, slash)}/${kind}`;
}

function readRoute(place: string, route: Data, namespace: string): RouteModel {
  const weighted: Data[] = [
    ...(route.route ?? []),
    ...(route.mirrors ?? []),
    ...(route.mirror ? [{ destination: route.mirror }] : []),
  ];
  const matches: Data[] = route.match ?? [];
  return {
    place,
    catchesAll: matches.length === 0 || matches.some((match) => takesEverything(match)),
    destinations: weighted.map(({ destination }) => ({
      host: fullName(destination?.host ?? '', namespace),
      subset: destination?.subset,
      port: destination?.port?.number,
    })),
  };
}

function takesEverything(match: Data): boolean {
  const conditions = Object.keys(match).filter((key) => !['name', 'statPrefix', 'ignoreUriCase'].includes(key));
  return conditions.every((key) => key === 'uri' && takesEveryPath(match.uri));
}

function isBare({ labels, annotations }: Data = {}): boolean {
  return [labels, annotations].some((said) => said?.['sidecar.istio.io/inject'] === 'false');
}

/** A setting of several ports or subsets, where it is said. */
function said<K, V>(entries: Data[] = [], read: (entry: Data) => [K, V | undefined]): Map<K, V> {
  return new Map(entries.map(read).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])));
}

function isPrivate(spec: Data): boolean {
  return spec.exportTo?.length === 1 && spec.exportTo[0] === '.';
}

/** Istio completes names without a dot with the namespace of the object they stand in. */
function fullName(host: string, namespace: string): string {
  return host.includes('.') || host === '*' || host === '' ? host : `${host}.${namespace}.svc.cluster.local`;
}

/** How many percent of the pods may be ejected; `undefined` without outlier detection. */
function ejectionPercent({ trafficPolicy }: Data): number | undefined {
  const detection = trafficPolicy?.outlierDetection;
  return detection && (detection.maxEjectionPercent ?? DEFAULT_MAX_EJECTION_PERCENT);
}
