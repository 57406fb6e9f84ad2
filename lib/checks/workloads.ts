import { FOREIGN_SUBSET } from '../creation';
import { ErrorCode } from '../errors';
import { describeLabels, describeNeverEjecting, neverEjects } from '../limits';
import {
  covers,
  type DestinationRuleModel,
  type MeshModel,
  type PeerAuthenticationModel,
  type WorkloadModel,
} from '../model/mesh-model';
import type { Finding } from './finding';

/**
 * Finds subsets without pods, outlier detection that never ejects, monitors without a port, TLS that the two sides disagree on, and
 * settings for sidecars where there are none.
 */
export function checkWorkloads(model: MeshModel): Finding[] {
  return [
    ...model.destinationRules.flatMap((rule) => checkRule(model, rule)),
    ...findMonitorsWithoutPort(model),
    ...findSettingsWithoutProxy(model),
  ];
}

/** NetworkPolicies that come with a Sidecar would cut the pods off: without sidecars they speak on another port. */
function findSettingsWithoutProxy({ bareNamespaces, sidecarSettings }: MeshModel): Finding[] {
  return sidecarSettings
    .filter(({ namespace }) => bareNamespaces.has(namespace))
    .map(({ object, namespace }) => ({
      code: ErrorCode.NO_PROXY,
      message: `this ${object.manifest.kind} is for sidecars, and pods in namespace '${namespace}' get none; let them join by Injection.enabled(), or remove what needs a sidecar (calls, DefaultDeny, rate limits)`,
      construct: object.construct,
    }));
}

function checkRule(model: MeshModel, rule: DestinationRuleModel): Finding[] {
  const service = model.services.get(rule.host);
  const pods = service === undefined ? [] : model.podsOf(service);
  // Without pods in this app somebody else runs them, and nothing can be said.
  return pods.length === 0
    ? []
    : [...findEmptySubsets(rule, pods), ...findNeverEjecting(rule, pods), ...findTlsMistakes(model, rule, pods)];
}

function findEmptySubsets(rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Finding[] {
  const { metadata } = rule.object.construct.node;
  const foreign = new Set(metadata.filter(({ type }) => type === FOREIGN_SUBSET).map(({ data }) => data));
  return [...rule.subsets]
    .filter(([subset]) => !foreign.has(subset))
    .filter(([, labels]) => !pods.some((pod) => covers(labels, pod.labels)))
    .map(([subset, labels]) => ({
      code: ErrorCode.EMPTY_SUBSET,
      message: `subset '${subset}' asks for labels ${describeLabels(labels)}, which no pod behind '${rule.host}' carries; requests to it are answered with 503`,
      construct: rule.object.construct,
    }));
}

function findNeverEjecting(rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Finding[] {
  const stuck = pods.find(({ scaled, replicas = 1, labels }) => !scaled && neverEjects(ejectionPercent(rule, labels), replicas));
  if (stuck === undefined) {
    return [];
  }
  const max = ejectionPercent(rule, stuck.labels);
  const { name } = stuck.object.manifest.metadata ?? {};
  return [
    {
      code: ErrorCode.NEVER_EJECTS,
      message: describeNeverEjecting(max, stuck.replicas ?? 1, `'${name}'`),
      construct: rule.object.construct,
    },
  ];
}

/** How many percent of the pods with these labels may be ejected: their subset's own setting, or else the rule's; 100 where none of them says. */
function ejectionPercent(rule: DestinationRuleModel, labels: Record<string, string>): number {
  const own = [...rule.subsetEjectionPercents].find(([subset]) => covers(rule.subsets.get(subset) ?? {}, labels));
  return own?.[1] ?? rule.maxEjectionPercent ?? 100;
}

function findTlsMistakes(model: MeshModel, rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Finding[] {
  const isSaid = rule.tlsMode !== undefined || rule.portTlsModes.size + rule.subsetTlsModes.size > 0;
  if (!isSaid && model.peerAuthentications.length === 0) {
    return [];
  }
  const met = encounters(model, rule, pods);
  const conflicts = findTlsConflicts(rule, met);
  return conflicts.length > 0 ? conflicts : findMissingIdentity(model, rule, met);
}

/** How callers and some pods speak on a port of the Service. */
interface Encounter {
  readonly port: number;
  readonly targetPort?: number;
  /** Whether something is said of this port alone. */
  readonly special: boolean;
  readonly pod: WorkloadModel;
  /** The mode of the callers' TLS; Istio chooses where nothing is said. */
  readonly client?: string;
  /** What the pods accept, where it is said. */
  readonly server?: string;
}

/** Every port with every pod that has a sidecar. */
function encounters(model: MeshModel, rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Encounter[] {
  return pods
    .filter((pod) => !pod.bare)
    .flatMap((pod) => {
      const subset = [...rule.subsetTlsModes].find(([name]) => covers(rule.subsets.get(name) ?? {}, pod.labels));
      const peer = peerAuthentication(model, pod);
      return (model.services.get(rule.host)?.ports ?? []).map(({ port, targetPort = port }) => {
        const onPort = typeof targetPort === 'number' ? targetPort : undefined;
        const ofPort = onPort === undefined ? undefined : peer?.portModes.get(onPort);
        return {
          port,
          targetPort: onPort,
          special: rule.portTlsModes.has(port) || ofPort !== undefined,
          pod,
          client: subset?.[1] ?? rule.portTlsModes.get(port) ?? rule.tlsMode,
          server: ofPort ?? peer?.mode,
        };
      });
    });
}

/** Callers without the mesh's certificates at a server that takes no others, or the other way round: every connection is reset. */
function findTlsConflicts({ host, object }: DestinationRuleModel, met: readonly Encounter[]): Finding[] {
  const refused = met.find(
    ({ client, server }) => client !== undefined && (client === 'ISTIO_MUTUAL' ? server === 'DISABLE' : server === 'STRICT'),
  );
  return refused === undefined
    ? []
    : [
        {
          code: ErrorCode.MTLS_CONFLICT,
          message: `callers of '${host}' use client TLS ${refused.client}${refused.special ? ` for port ${refused.port}` : ''}, but its pods accept ${refused.server} (PeerAuthentication), so every connection is reset; make both sides agree`,
          construct: object.construct,
        },
      ];
}

/** Only mutual TLS of the mesh shows who calls: to a policy that asks for it, all others are nobody. */
function findMissingIdentity(model: MeshModel, { host, object }: DestinationRuleModel, met: readonly Encounter[]): Finding[] {
  const anonymous = met.filter(
    ({ client, server }) => (client !== undefined && client !== 'ISTIO_MUTUAL') || server === 'DISABLE',
  );
  for (const { client, pod, port, targetPort, special } of anonymous) {
    const policy = model.identityPolicies.find(
      ({ namespace, selector, ports }) =>
        namespace === pod.namespace &&
        covers(selector, pod.labels) &&
        (ports.size === 0 || (targetPort !== undefined && ports.has(targetPort))),
    );
    if (policy !== undefined) {
      const cause =
        client === undefined || client === 'ISTIO_MUTUAL'
          ? 'its pods accept DISABLE (PeerAuthentication)'
          : `client TLS is ${client}`;
      return [
        {
          code: ErrorCode.MTLS_CONFLICT,
          message: `callers of '${host}' show no identity${special ? ` on port ${port}` : ''}, because ${cause}, and AuthorizationPolicy '${policy.name}' lets in identities alone, so they get 403; let both sides use mutual TLS, or remove what asks who calls (calls, DefaultDeny)`,
          construct: object.construct,
        },
      ];
    }
  }
  return [];
}

/** What says which TLS a pod accepts: the workload's own settings, or else its namespace's, or the mesh's. */
function peerAuthentication({ peerAuthentications }: MeshModel, pod: WorkloadModel): PeerAuthenticationModel | undefined {
  const candidates = peerAuthentications.filter(({ namespace }) => namespace === pod.namespace);
  return (
    candidates.find(({ selector }) => selector !== undefined && covers(selector, pod.labels)) ??
    candidates.find(({ selector }) => selector === undefined) ??
    peerAuthentications.find(({ namespace, selector }) => namespace === ROOT_NAMESPACE && selector === undefined)
  );
}

const ROOT_NAMESPACE = 'istio-system';

function findMonitorsWithoutPort(model: MeshModel): Finding[] {
  return model.serviceMonitors.flatMap((monitor) => {
    const services = model.servicesWith(monitor.namespace, monitor.selector);
    const names = new Set(services.flatMap((service) => service.ports.map((port) => port.name)));
    return services.length === 0
      ? []
      : monitor.ports
          .filter((port) => !names.has(port))
          .map((port) => ({
            code: ErrorCode.UNKNOWN_PORT,
            message: `port '${port}' is called so by none of the Services it selects, so nothing is scraped; there are ${[...names].join(', ')}`,
            construct: monitor.object.construct,
          }));
  });
}
