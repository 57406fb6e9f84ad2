import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv, { type ValidateFunction } from 'ajv';
import { parse } from 'yaml';
import type { Manifest } from './synth';

const CRDS = join(__dirname, '../../../shared/crds');

/** The versions of Istio whose CRDs the objects are held against, oldest first. */
export const ISTIO_VERSIONS = ['1.28.0', '1.29.0', '1.30.0', '1.31.0-rc.0'];
/** What every manifest is held against that asks for nothing newer. */
const ALL_SOURCES = [...ISTIO_VERSIONS.map((version) => `istio/istio-${version}.yaml`), 'prometheus-operator'];
/** For fields that only the newest Istio knows. */
export const NEWEST_ISTIO = [`istio/istio-${ISTIO_VERSIONS.at(-1)}.yaml`];

const DESCRIPTION = /^ *description: '(?:[^']|'')*'\n/gm;

interface Schema {
  readonly [keyword: string]: unknown;
}

interface Crd {
  readonly spec: {
    readonly group: string;
    readonly versions: { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
const validators = new Map<string, ValidateFunction | undefined>();

/**
 * What the API server would refuse in an object of a custom kind, and the fields that it would drop.
 * Objects of Kubernetes' own kinds have no CRD and pass.
 */
export function schemaMistakes(manifests: readonly Manifest[], sources: readonly string[] = ALL_SOURCES): string[] {
  return manifests.flatMap((manifest) =>
    sources.flatMap((source) => {
      const validate = validator(source, manifest);
      validate?.(manifest);
      return (validate?.errors ?? []).map(
        ({ instancePath, message, params }) =>
          `${source}: ${manifest.kind} ${manifest.metadata.name}${instancePath} ${message} ${JSON.stringify(params)}`,
      );
    }),
  );
}

function validator(source: string, { apiVersion, kind }: Manifest): ValidateFunction | undefined {
  const key = `${source} ${apiVersion} ${kind}`;
  if (!validators.has(key)) {
    const schema = findSchema(source, apiVersion, kind);
    validators.set(key, schema && ajv.compile(closed(withTypeAndMetadata(schema))));
  }
  return validators.get(key);
}

function findSchema(source: string, apiVersion: string, kind: string): Schema | undefined {
  const [group, version] = apiVersion.split('/');
  const isKind = new RegExp(`^ {4}kind: ${kind}$`, 'm');
  const crds = texts(source)
    .filter((text) => isKind.test(text))
    .map((text) => parse(text) as Crd);
  return crds.find(({ spec }) => spec.group === group)?.spec.versions.find(({ name }) => name === version)?.schema
    .openAPIV3Schema;
}

/** One text per CRD: parsing all of them takes long. Descriptions go: Flagger's are indented in a way that is no YAML. */
function texts(source: string): string[] {
  const path = join(CRDS, source);
  const files = source.endsWith('.yaml') ? [path] : readdirSync(path).map((name) => join(path, name));
  return files.flatMap((file) => readFileSync(file, 'utf8').replace(DESCRIPTION, '').split(/^---$/m));
}

/** What every object has, and no CRD needs to say. */
function withTypeAndMetadata(schema: Schema): Schema {
  const common = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { type: 'object' } };
  return { ...schema, properties: { ...(schema.properties as object), ...common } };
}

/** A schema that knows its fields takes no others. */
function closed(schema: Schema): Schema {
  if (Array.isArray(schema)) {
    return schema.map(closed) as unknown as Schema;
  }
  if (schema === null || typeof schema !== 'object') {
    return schema;
  }
  const inner = Object.fromEntries(Object.entries(schema).map(([keyword, value]) => [keyword, closed(value as Schema)]));
  const isObject = schema.type === 'object' && typeof schema.properties === 'object';
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || 'additionalProperties' in schema;
  return { ...inner, ...(isObject && !open && { additionalProperties: false }) };
}
