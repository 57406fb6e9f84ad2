import { isIP, isIPv4 } from 'node:net';
import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from './errors';

// Checks of single values, shared by all constructs. Each throws where the user made the mistake.

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const SERVICE_NAME = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const HOST = /^(\*|(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*)$/;

export function isDnsLabel(value: string): boolean {
  return DNS_LABEL.test(value);
}

export function isServiceName(value: string): boolean {
  return SERVICE_NAME.test(value);
}

export function isLabelValue(value: string): boolean {
  return LABEL_VALUE.test(value);
}

/** A name of at most 63 lower-case letters, digits and `-`, as Kubernetes asks of labels, subsets and namespaces. */
export function requireDnsLabel(what: string, value: string, construct?: IConstruct): string {
  if (!isDnsLabel(value)) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `${what} is ${quote(value)}; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends`,
      construct,
    );
  }
  return value;
}

/** A DNS label that begins with a letter, as Kubernetes asks of Services. */
export function requireServiceName(what: string, value: string, construct?: IConstruct): string {
  if (!isServiceName(value)) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `${what} is ${quote(value)}; a Service needs 1 to 63 lower-case letters, digits and '-', with a letter first and no '-' last`,
      construct,
    );
  }
  return value;
}

/** A key of labels or annotations: a name, with or without a DNS name and `/` before it. */
export function requireLabelKey(what: string, value: string, construct?: IConstruct): string {
  const [, domain, name = ''] = /^(?:([^/]*)\/)?([^/]*)$/.exec(value) ?? [];
  if (name === '' || !isLabelValue(name) || (domain !== undefined && !isDomain(domain))) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `${what} is ${quote(value)}; allowed are 1 to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, with or without a DNS name and '/' before them`,
      construct,
    );
  }
  return value;
}

function isDomain(name: string): boolean {
  return name.length <= 253 && name.split('.').every(isDnsLabel);
}

/** A label: its key and its value. */
export function requireLabel(what: string, key: string, value: string, construct?: IConstruct): void {
  requireLabelKey(`key of the ${what}`, key, construct);
  requireLabelValue(`${what} '${key}'`, value, construct);
}

export function requireLabelValue(what: string, value: string, construct?: IConstruct): string {
  if (!isLabelValue(value)) {
    throw new MeshError(
      ErrorCode.INVALID_NAME,
      `${what} is ${quote(value)}; a label value has at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends`,
      construct,
    );
  }
  return value;
}

/** A host as gateways and VirtualServices take it: a DNS name, with `*` alone or as its first label. */
export function requireHost(value: string, construct?: IConstruct): string {
  if (value.length > 253 || !HOST.test(value)) {
    throw new MeshError(
      ErrorCode.INVALID_HOST,
      `host is ${quote(value)}; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label`,
      construct,
    );
  }
  if (/(^|\.)\d+$/.test(value)) {
    throw new MeshError(
      ErrorCode.INVALID_HOST,
      `host is ${quote(value)}, which Istio takes for an address, as its last label is a number; allowed are DNS names, '*' only alone or as the first label`,
      construct,
    );
  }
  return value;
}

/** A host that clients outside the mesh ask for. Istio completes a name without a dot to one inside the cluster, which no client does. */
export function requirePublicHost(value: string, construct?: IConstruct): string {
  const host = requireHost(value, construct);
  if (!host.includes('.') && host !== '*') {
    throw new MeshError(
      ErrorCode.INVALID_HOST,
      `host is ${quote(host)}, which Istio takes for a Service of the namespace, so no request from outside ever matches; allowed are names with a dot, such as '${host}.example.com', and '*'`,
      construct,
    );
  }
  return host;
}

/** A host without `*`: one that a request can have, which may be an IPv4 address. */
export function requireHostName(value: string, construct?: IConstruct): string {
  if (value.includes('*')) {
    throw new MeshError(
      ErrorCode.INVALID_HOST,
      `host is ${quote(value)}; '*' stands for many hosts, and here one is needed`,
      construct,
    );
  }
  return isIPv4(value) ? value : requireHost(value, construct);
}

/** Whether clients of a host, which may be a pattern, ask for this one. */
export function isHostOf(host: string, asked: string): boolean {
  return host === '*' || host === asked || (host.startsWith('*.') && asked.endsWith(host.slice(1)));
}

/** Whether one of the hosts that are served is this one, or of a pattern some host: by its name, by a pattern above it, or by what the pattern is above. */
export function serves(served: ReadonlySet<string>, host: string): boolean {
  if (served.has(host) || (host.startsWith('*') && [...served].some((known) => known.endsWith(host.slice(1))))) {
    return true;
  }
  const labels = host.split('.');
  return labels.some((_, index) => served.has(['*', ...labels.slice(index + 1)].join('.')));
}

export function requirePort(what: string, value: number, construct?: IConstruct): number {
  return requireInteger(what, value, { min: 1, max: 65535 }, construct);
}

/** The bounds of a whole number, both included. */
export interface IntegerBounds {
  readonly min: number;
  readonly max?: number;
}

export function requireInteger(what: string, value: number, bounds: IntegerBounds, construct?: IConstruct): number {
  const max = bounds.max ?? 2 ** 31 - 1;
  if (!Number.isInteger(value) || value < bounds.min || value > max) {
    throw new MeshError(
      ErrorCode.OUT_OF_RANGE,
      `${what} is ${value}; allowed are whole numbers ${bounds.max === undefined ? `from ${bounds.min} up` : `from ${bounds.min} to ${max}`}`,
      construct,
    );
  }
  return value;
}

export function requirePercent(what: string, value: number, construct?: IConstruct): number {
  if (!(value >= 0 && value <= 100)) {
    throw new MeshError(ErrorCode.OUT_OF_RANGE, `${what} is ${value} percent; allowed are 0 to 100`, construct);
  }
  return value;
}

/** Istio's way to write a duration (`15s`, `500ms`); refuses what its API server refuses: less than 1 ms. */
export function renderDuration(what: string, value: Duration, construct?: IConstruct): string {
  const ms = value.toMilliseconds({ integral: false });
  if (!(ms >= 1) || !Number.isInteger(ms)) {
    throw new MeshError(ErrorCode.OUT_OF_RANGE, `${what} is ${ms} ms; allowed are whole milliseconds from 1 up`, construct);
  }
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

/** A duration where whole seconds are counted, as Kubernetes does. */
export function renderSeconds(what: string, duration: Duration, min: number, construct?: IConstruct): number {
  const seconds = duration.toMilliseconds({ integral: false }) / 1000;
  if (!Number.isInteger(seconds) || seconds < min) {
    throw new MeshError(ErrorCode.OUT_OF_RANGE, `${what} is ${seconds} s; allowed are whole seconds from ${min} up`, construct);
  }
  return seconds;
}

/** A network in CIDR notation. */
export function isNetwork(range: string): boolean {
  const [address, length, ...rest] = range.split('/');
  const family = isIP(address);
  return family !== 0 && rest.length === 0 && /^\d{1,3}$/.test(length ?? '') && Number(length) <= (family === 4 ? 32 : 128);
}

// Of the ways to write an expression, those that people use.
const EVERY_PATH = ['.*', '/.*', '.+', '(.*)', '/(.*)', '(/.*)'];

/** Whether every path satisfies a condition as Istio writes it; `false` also where that cannot be told. */
export function takesEveryPath({ prefix, regex }: { readonly prefix?: string; readonly regex?: string }): boolean {
  return prefix === '/' || (regex !== undefined && EVERY_PATH.includes(regex.replace(/^\^|\$$/g, '')));
}

export function quote(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : String(value);
}

export function describeLabels(labels: Record<string, string>): string {
  return list(
    Object.keys(labels)
      .sort()
      .map((key) => `${key}=${labels[key]}`),
  );
}

/** Istio's bound on the share of pods that may be ejected, where none is said. */
export const DEFAULT_MAX_EJECTION_PERCENT = 10;

/** Whether no pod is ever ejected: Envoy does it only while the share of ejected pods, this one included, stays within the bound. */
export function neverEjects(maxPercent: number, pods: number): boolean {
  return pods > 0 && 100 / pods > maxPercent;
}

export function describeNeverEjecting(maxPercent: number, pods: number, whose: string): string {
  const share = Math.ceil(100 / pods);
  const max = maxPercent === DEFAULT_MAX_EJECTION_PERCENT ? `${maxPercent}, Istio's default` : String(maxPercent);
  const allowed = share === 100 ? 'allowed is 100' : `allowed is ${share} to 100`;
  return `maxEjectionPercent is ${max}, but ${pods === 1 ? 'the only pod' : `one of the ${pods} pods`} of ${whose} is ${share} percent, so none is ever ejected; ${allowed}, more replicas, or an autoscaler for them in this app`;
}

export function list(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.join(', ');
}
