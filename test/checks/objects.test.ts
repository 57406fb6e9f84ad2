import * as path from 'node:path';
import { ApiObject, type ApiObjectMetadata, Chart, JsonPatch } from 'cdk8s';
import { MeshApp } from '../../lib/synth/mesh-app';
import { temporaryFolder } from '../support/folders';

interface Thing {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ApiObjectMetadata;
  readonly chart?: string;
  readonly patch?: JsonPatch;
}

/** The message of the error that an app with these objects ends with; undefined when there is none. */
function refusal(...things: Thing[]): string | undefined {
  const app = new MeshApp({ outdir: path.join(temporaryFolder(), 'dist'), quiet: true });
  things.forEach(({ apiVersion = 'v1', kind = 'ConfigMap', metadata, chart = 'c', patch }, i) => {
    const scope = (app.node.tryFindChild(chart) as Chart | undefined) ?? new Chart(app, chart);
    const object = new ApiObject(scope, `o${i}`, { apiVersion, kind, metadata });
    if (patch !== undefined) {
      object.addJsonPatch(patch);
    }
  });
  try {
    app.synth();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const named = (name: string): Thing => ({ metadata: { name } });
const service = (name: string): Thing => ({ kind: 'Service', metadata: { name } });
const namespace = (name: string): Thing => ({ kind: 'Namespace', metadata: { name } });
const role = (name: string): Thing => ({ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name } });
const inNamespace = (name: string): Thing => ({ metadata: { name: 'x', namespace: name } });
const label = (key: string, value: unknown = 'v'): Thing => ({ metadata: { name: 'x', labels: { [key]: value as string } } });
const annotation = (key: string, value: unknown = 'v'): Thing => ({
  metadata: { name: 'x', annotations: { [key]: value as string } },
});
const subdomain = (length: number) => `${'a'.repeat(99)}.${'b'.repeat(99)}.`.padEnd(length, 'c');

test.each<[string, Thing]>([
  ['a name with 253 characters', named(subdomain(253))],
  ['a name with dots, digits first', named('0a.b-c.1')],
  ['a Service with 63 characters', service('a'.repeat(63))],
  ['a Namespace with 63 characters, digits first', namespace('1'.padEnd(63, 'a'))],
  ['a namespace with 63 characters', inNamespace('a'.repeat(63))],
  ['a role with a colon and upper case', role('system:Node_x')],
  ['a label with a domain', label('app.kubernetes.io/name', 'Web_1.0')],
  ['a label without a value', label('a', '')],
  ['a label of 63 characters with a value of 63', label('a'.repeat(63), 'b'.repeat(63))],
  ['an annotation with any text', annotation('Example.com/x', 'any: text\n')],
])('%s is accepted', (_, thing) => {
  expect(refusal(thing)).toBeUndefined();
});

test.each<[string, Thing, string]>([
  ['a name with 254 characters', named(subdomain(254)), 'allowed is at most 253 lower case'],
  ['a name in upper case', named('Web'), 'the name of this ConfigMap is "Web"'],
  ['a name with an underscore', named('a_b'), 'is "a_b"'],
  ['a name with a hyphen last', named('a-'), 'is "a-"'],
  ['a name with an empty part', named('a..b'), 'is "a..b"'],
  ['a name with a line break last', named('a\n'), 'is "a\\n"'],
  ['an empty name', named(''), 'the name of this ConfigMap'],
  ['a Service with 64 characters', service('a'.repeat(64)), 'the name of this Service is "aaa'],
  ['a Service with a digit first', service('1a'), 'a letter first'],
  ['a Service with a dot', service('a.b'), 'at most 63'],
  ['a Namespace with 64 characters', namespace('a'.repeat(64)), 'the name of this Namespace'],
  ['a Namespace with a dot', namespace('a.b'), 'the name of this Namespace is "a.b"'],
  ['a namespace with 64 characters', inNamespace('a'.repeat(64)), 'the namespace is'],
  ['a namespace with upper case', inNamespace('Shop'), 'the namespace is "Shop"'],
  ['a role without a name', role(''), 'is ""'],
  ['a role named .', role('.'), 'is "."'],
  ['a role named ..', role('..'), 'allowed is anything but . and .., without / and %'],
  ['a role with a slash', role('a/b'), 'is "a/b"'],
  ['a role with a percent sign', role('a%b'), 'is "a%b"'],
  ['a label key with 64 characters', label('a'.repeat(64)), 'the key of a label is'],
  ['a label key with a blank', label('a b'), 'the key of a label is "a b", allowed is at most 63 letters'],
  ['a label key whose domain has a hyphen first', label('-a.example.com/b'), 'the key of a label is "-a.example.com/b"'],
  ['a label key with two slashes', label('a/b/c'), 'the key of a label is "a/b/c"'],
  ['a label key with nothing before the slash', label('/a'), 'the key of a label is "/a"'],
  ['a label value with 64 characters', label('a', 'b'.repeat(64)), 'label a is "bbb'],
  ['a label value with a slash', label('a', 'b/c'), 'label a is "b/c"'],
  ['a label value that is a number', label('a', 1), 'label a is 1'],
  ['an annotation key with a blank', annotation('a b'), 'the key of an annotation is "a b"'],
  ['an annotation that is a truth value', annotation('a', true), 'annotation a is true, allowed is a string'],
  ['a kind with a dot', { kind: 'A.b', ...named('x') }, 'kind is "A.b", allowed is at most 63 letters'],
  ['an apiVersion without version', { apiVersion: 'apps/', ...named('x') }, 'apiVersion is "apps/"'],
])('%s is refused', (_, thing, message) => {
  expect(refusal(thing)).toMatch(/^\[c\/o0\] .* \(invalid-name\)$/s);
  expect(refusal(thing)).toContain(message);
});

test('a name that a patch breaks is refused, and one that the API server makes up is accepted', () => {
  expect(refusal({ ...named('a'), patch: JsonPatch.replace('/metadata/name', 'A') })).toContain('is "A"');
  const generated = (name: string) => ({ ...named(name), patch: JsonPatch.replace('/metadata', { generateName: 'job-' }) });
  expect(refusal(generated('a'), generated('b'))).toBeUndefined();
});

test.each([
  ['networking.istio.io/v1', 'DestinationRule'],
  ['security.istio.io/v1', 'AuthorizationPolicy'],
  ['telemetry.istio.io/v1', 'Telemetry'],
  ['extensions.istio.io/v1alpha1', 'WasmPlugin'],
])('an Istio object in no namespace is refused: %s %s', (apiVersion, kind) => {
  const message = refusal({ apiVersion, kind, metadata: { name: 'x' } });
  expect(message).toContain(`this ${kind} is in no namespace`);
  expect(message).toContain('(missing-namespace)');
});

test('a plain object in no namespace is accepted: kubectl may be told where it goes', () => {
  expect(refusal(named('x'))).toBeUndefined();
});

test('the same object twice is refused, and both constructs are named', () => {
  const web: Thing = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'shop' } };
  expect(refusal({ ...web, chart: 'a' }, { ...web, chart: 'b' })).toBe(
    '[b/o1] is the same object as [a/o0]: Deployment web of apps in namespace shop (duplicate-object)',
  );
});

test('two versions of one API name the same object', () => {
  const gateway = (version: string) => ({
    apiVersion: `networking.istio.io/${version}`,
    kind: 'Gateway',
    metadata: { name: 'x', namespace: 'n' },
  });
  expect(refusal(gateway('v1'), gateway('v1beta1'))).toContain('[c/o1] is the same object as [c/o0]: Gateway x');
});

test.each([
  ['v1', 'Namespace'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
  ['apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
])('an object that is in no namespace is the same in charts of different namespaces: %s %s', (apiVersion, kind) => {
  const shop = (chart: string) => ({ chart, apiVersion, kind, metadata: { name: 'shop', namespace: chart } });
  expect(refusal(shop('a'), shop('b'))).toContain('[b/o1] is the same object as [a/o0]');
});

test('the same name in another namespace, kind or group is another object', () => {
  const metadata = { name: 'x', namespace: 'n' };
  expect(
    refusal(
      { metadata },
      { metadata: { name: 'x', namespace: 'm' } },
      { metadata, kind: 'Secret' },
      { metadata, apiVersion: 'example.com/v1' },
    ),
  ).toBeUndefined();
});

test('all mistakes are listed at once', () => {
  const message = refusal(named('A'), named('ok'), named('B'), named('ok'));
  expect(message).toMatch(/^3 mistakes:/);
  for (const part of ['[c/o0]', '[c/o2]', '[c/o3] is the same object as [c/o1]']) {
    expect(message).toContain(part);
  }
});
