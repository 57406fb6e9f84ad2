import { ErrorCode } from '../errors';
import { isDnsLabel, isLabelValue, isServiceName } from '../limits';
import type { Manifest, Rendered } from '../model/rendered';
import { Claims } from './claims';
import type { Finding } from './finding';

/**
 * Finds what the API server would refuse, or overwrite without a word, for any kind of object:
 * an object that is there twice, and names, namespaces, labels and annotations that are not valid.
 *
 * @returns all mistakes, in the order of the objects
 */
export function checkObjects(objects: readonly Rendered[]): Finding[] {
  const mistakes: Finding[] = [];
  for (const object of objects) {
    checkNames(object, mistakes);
  }
  return [...mistakes, ...findDuplicates(objects)];
}

/** Finds objects with the same group, kind, namespace and name, save in charts that are never applied together. The version is no part of it: `v1beta1` and `v1` name the same object. */
export function findDuplicates(objects: readonly Rendered[]): Finding[] {
  const claims = new Claims();
  const mistakes: Finding[] = [];
  for (const object of objects) {
    const key = identity(object.manifest);
    const other = key === undefined ? undefined : claims.add(key, object);
    if (other !== undefined) {
      const message = `is the same object as [${other.construct.node.path}]: ${title(object.manifest)}`;
      mistakes.push({ code: ErrorCode.DUPLICATE_OBJECT, message, construct: object.construct });
    }
  }
  return mistakes;
}

/** What tells an object from all others in a cluster; undefined where the API server makes up the name. */
function identity({ apiVersion, kind, metadata }: Manifest): string | undefined {
  if (metadata?.name === undefined) {
    return undefined;
  }
  const type = `${group(apiVersion)}/${kind}`;
  const namespace = CLUSTER_WIDE.has(type) ? '' : (metadata.namespace ?? '');
  return `${type.toLowerCase()} ${namespace} ${metadata.name}`;
}

function title({ apiVersion, kind, metadata }: Manifest): string {
  const place = metadata?.namespace === undefined ? '' : ` in namespace ${metadata.namespace}`;
  return `${kind} ${metadata?.name}${group(apiVersion) === '' ? '' : ` of ${group(apiVersion)}`}${place}`;
}

function group(apiVersion: string): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
}

/** The kinds of Kubernetes itself that are in no namespace. A chart's namespace lands on them all the same, and means nothing there. */
const CLUSTER_WIDE = new Set([
  '/Namespace',
  '/Node',
  '/PersistentVolume',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'apiregistration.k8s.io/APIService',
  'certificates.k8s.io/CertificateSigningRequest',
  'gateway.networking.k8s.io/GatewayClass',
  'networking.k8s.io/IngressClass',
  'node.k8s.io/RuntimeClass',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/CSIDriver',
  'storage.k8s.io/StorageClass',
]);

/** A form that names must have. */
interface NameRule {
  readonly matches: (name: string) => boolean;
  readonly allowed: string;
}

const LABEL: NameRule = {
  matches: isDnsLabel,
  allowed: 'at most 63 lower case letters, digits and -, a letter or digit first and last',
};

const SERVICE_LABEL: NameRule = {
  matches: isServiceName,
  allowed: 'at most 63 lower case letters, digits and -, a letter first, a letter or digit last',
};

const SUBDOMAIN: NameRule = {
  matches: (name) => name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name),
  allowed: 'at most 253 lower case letters, digits, - and ., a letter or digit first and last and beside each dot',
};

const PATH_SEGMENT: NameRule = {
  matches: (name) => name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name),
  allowed: 'anything but . and .., without / and %',
};

const KIND = remembering({
  matches: (name) => name.length <= 63 && /^[A-Za-z]([-A-Za-z0-9]*[A-Za-z0-9])?$/.test(name),
  allowed: 'at most 63 letters, digits and -, a letter first',
});

const API_VERSION = remembering({
  matches: (name) =>
    /^(?:[^/]+\/)?[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) && (group(name) === '' || SUBDOMAIN.matches(group(name))),
  allowed: 'version or group/version, such as v1 or apps/v1',
});

const QUALIFIED = remembering({
  matches: (key) => {
    const slash = key.indexOf('/');
    const name = key.slice(slash + 1);
    return name !== '' && isLabelValue(name) && (slash === -1 || SUBDOMAIN.matches(key.slice(0, slash).toLowerCase()));
  },
  allowed: 'at most 63 letters, digits, -, _ and ., a letter or digit first and last, with or without a domain and / before them',
});

/** For types and keys: there are few, and each occurs many times. */
function remembering({ matches, allowed }: NameRule): NameRule {
  const right = new Set<string>();
  return { allowed, matches: (name) => right.has(name) || (matches(name) && right.add(name).has(name)) };
}

function nameRule({ apiVersion, kind }: Manifest): NameRule {
  switch (group(apiVersion)) {
    case '':
      return kind === 'Service' ? SERVICE_LABEL : kind === 'Namespace' ? LABEL : SUBDOMAIN;
    case 'rbac.authorization.k8s.io':
      return PATH_SEGMENT;
    default:
      return SUBDOMAIN;
  }
}

const ISTIO_GROUPS = new Set(['networking.istio.io', 'security.istio.io', 'telemetry.istio.io', 'extensions.istio.io']);

function checkNames({ manifest, construct }: Rendered, mistakes: Finding[]): void {
  const report = (message: string, code = ErrorCode.INVALID_NAME) => mistakes.push({ code, message, construct });
  const demand = (rule: NameRule, what: string, value: unknown) => {
    if (typeof value !== 'string' || !rule.matches(value)) {
      report(`${what} is ${JSON.stringify(value)}, allowed is ${rule.allowed}`);
    }
  };
  const { apiVersion, kind, metadata = {} } = manifest;
  const before = mistakes.length;
  demand(API_VERSION, 'apiVersion', apiVersion);
  demand(KIND, 'kind', kind);
  if (mistakes.length > before) {
    return;
  }
  if (metadata.generateName === undefined) {
    demand(nameRule(manifest), `the name of this ${kind}`, metadata.name);
  }
  if (metadata.namespace !== undefined) {
    demand(LABEL, 'the namespace', metadata.namespace);
  } else if (ISTIO_GROUPS.has(group(apiVersion))) {
    const message = `this ${kind} is in no namespace; give the chart or the object one, lest the place where it is applied decide whom it affects`;
    report(message, ErrorCode.MISSING_NAMESPACE);
  }
  const { labels, annotations } = metadata;
  for (const key in labels) {
    const value = labels[key];
    demand(QUALIFIED, 'the key of a label', key);
    if (typeof value !== 'string' || !isLabelValue(value)) {
      const allowed = 'nothing or a string of at most 63 letters, digits, -, _ and ., a letter or digit first and last';
      report(`label ${key} is ${JSON.stringify(value)}, allowed is ${allowed}`);
    }
  }
  for (const key in annotations) {
    const value = annotations[key];
    demand(QUALIFIED, 'the key of an annotation', key);
    if (typeof value !== 'string') {
      report(`annotation ${key} is ${JSON.stringify(value)}, allowed is a string`);
    }
  }
}
