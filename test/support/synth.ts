import { join } from 'node:path';
import { Chart } from 'cdk8s';
import { MeshApp, MeshError } from 'cdk8s-istio';
import { parseAllDocuments } from 'yaml';
import { temporaryFolder } from './folders';

/** An object as a reader of the YAML gets it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Record<string, string>;
    readonly annotations?: Record<string, string>;
  };
  // biome-ignore lint/suspicious/noExplicitAny: a spec is data of any shape
  readonly spec: any;
  readonly data?: Record<string, string>;
}

/** An app that would write to a folder of its own. */
export function meshApp(): MeshApp {
  return new MeshApp({ outdir: join(temporaryFolder(), 'dist'), quiet: true });
}

/** A chart in the namespace `shop`. */
export function chart(namespace = 'shop'): Chart {
  return new Chart(meshApp(), 'system', { namespace });
}

/** What `build` puts into a chart, after all checks, read back from the YAML. */
export function synth(build: (chart: Chart) => void): Manifest[] {
  const app = meshApp();
  build(new Chart(app, 'system', { namespace: 'shop' }));
  return parseAllDocuments(app.synthYaml()).map((document) => document.toJS() as Manifest);
}

/** The only object of a kind, or the one with this name. */
export function one(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter((manifest) => manifest.kind === kind && (name === undefined || manifest.metadata.name === name));
  if (found.length !== 1) {
    throw new Error(`${found.length} objects are a ${kind} ${name ?? ''}, among ${manifests.map(title).join(', ')}`);
  }
  return found[0];
}

export function title({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`;
}

/** The message with which something is refused. It ends with the stable code. */
export function refusal(build: () => unknown): string {
  try {
    build();
  } catch (error) {
    if (error instanceof MeshError) {
      return error.message;
    }
    throw error;
  }
  throw new Error('nothing was refused');
}
