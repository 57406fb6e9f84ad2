import * as fs from 'node:fs';
import * as path from 'node:path';
import { MeshApp } from 'cdk8s-istio';
import { parseAllDocuments } from 'yaml';
import type { Manifest } from './cluster/api';
import { dist, runtime } from './paths';

const asked = new Set<string>();

/** The folders of `dist/` that nobody has asked for. */
export function untried(): string[] {
  const folders = fs.readdirSync(dist, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => name).filter((name) => !asked.has(name));
}

/** What these folders of `dist/` hold: all of a system, or its base and one of the alternatives that go with it. */
export function fromDist(...folders: string[]): Manifest[] {
  return folders.flatMap((name) => {
    asked.add(name);
    const folder = path.join(dist, name);
    if (!fs.existsSync(folder)) throw new Error(`${folder} does not exist; \`npm run synth\` writes it`);
    return readManifests(folder);
  });
}

/** From TypeScript to objects by way of files, as `npm run synth` goes. */
export function synthesize(build: (app: MeshApp) => void): Manifest[] {
  const outdir = fs.mkdtempSync(path.join(runtime, 'synth-'));
  const app = new MeshApp({ outdir, quiet: true });
  build(app);
  app.synth();
  return readManifests(outdir);
}

function readManifests(folder: string): Manifest[] {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  const documents = files.sort().flatMap((file) => parseAllDocuments(fs.readFileSync(path.join(folder, file), 'utf8')));
  return documents.map((document) => document.toJS()).filter(Boolean);
}
