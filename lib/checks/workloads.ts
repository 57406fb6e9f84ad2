import { FOREIGN_SUBSET } from '../creation';
import { ErrorCode } from '../errors';
import { describeLabels, describeNeverEjecting, neverEjects } from '../limits';
import { covers, type DestinationRuleModel, type MeshModel, type WorkloadModel } from '../model/mesh-model';
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
    : [
        ...findEmptySubsets(rule, pods),
        ...findNeverEjecting(rule, pods),
        ...findTlsConflicts(model, rule, pods),
        ...findMissingIdentity(model, rule, pods),
      ];
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

/** Plain text to a server that takes mutual TLS alone, or the other way round, resets every connection. */
function findTlsConflicts(model: MeshModel, rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Finding[] {
  const refused = rule.tlsMode === 'DISABLE' ? 'STRICT' : rule.tlsMode === 'ISTIO_MUTUAL' ? 'DISABLE' : undefined;
  const refusing = refused === undefined ? undefined : pods.find((pod) => peerMode(model, pod) === refused);
  return refusing === undefined
    ? []
    : [
        {
          code: ErrorCode.MTLS_CONFLICT,
          message: `callers of '${rule.host}' use client TLS ${rule.tlsMode}, but its pods accept ${refused} (PeerAuthentication), so every connection is reset; make both sides agree`,
          construct: rule.object.construct,
        },
      ];
}

/** Only mutual TLS of the mesh shows who calls: to a policy that asks for it, all others are nobody. */
function findMissingIdentity(model: MeshModel, rule: DestinationRuleModel, pods: readonly WorkloadModel[]): Finding[] {
  if (model.identityPolicies.length === 0) {
    return [];
  }
  const anonymous = rule.tlsMode !== undefined && rule.tlsMode !== 'ISTIO_MUTUAL';
  const unknown = pods.filter((pod) => !pod.bare && (anonymous || peerMode(model, pod) === 'DISABLE'));
  const policy = model.identityPolicies.find(({ namespace, selector }) =>
    unknown.some((pod) => pod.namespace === namespace && covers(selector, pod.labels)),
  );
  const cause = anonymous ? `client TLS is ${rule.tlsMode}` : 'its pods accept DISABLE (PeerAuthentication)';
  return policy === undefined
    ? []
    : [
        {
          code: ErrorCode.MTLS_CONFLICT,
          message: `callers of '${rule.host}' show no identity, because ${cause}, and AuthorizationPolicy '${policy.name}' lets in identities alone, so they get 403; let both sides use mutual TLS, or remove what asks who calls (calls, DefaultDeny)`,
          construct: rule.object.construct,
        },
      ];
}

/** What a pod accepts: the workload's own setting, or else its namespace's; `undefined` where ports differ or nothing is said. */
function peerMode(model: MeshModel, pod: WorkloadModel): string | undefined {
  const candidates = model.peerAuthentications.filter(({ namespace }) => namespace === pod.namespace);
  const own = candidates.find(({ selector }) => selector !== undefined && covers(selector, pod.labels));
  const effective = own ?? candidates.find(({ selector }) => selector === undefined);
  return effective?.hasPortModes ? undefined : effective?.mode;
}

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
