import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type BenchApp, benchApps, GATEWAY } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

/** Writes one base and an overlay for each app that patches what differs, as people do with Kustomize. */
export function writeKustomization(folder: string, apps: readonly BenchApp[]): void {
  const [base] = benchApps(1);
  const baseObjects = [...manifestsOf(base), gatewayRouteOf(base)];
  const file = kustomizationWriter(folder);
  file('base', { resources: ['objects.yaml'] });
  writeFileSync(join(folder, 'base', 'objects.yaml'), baseObjects.map((object) => stringify(object)).join('---\n'));
  for (const app of apps) {
    const objects = [...manifestsOf(app), gatewayRouteOf(app)];
    file(`apps/${app.name}`, {
      resources: ['../../base'],
      patches: objects.map((object, index) => ({
        target: { kind: object.kind, name: `^${baseObjects[index].metadata.name}$` },
        patch: stringify([
          { op: 'replace', path: '/metadata', value: object.metadata },
          ...(object.spec === undefined ? [] : [{ op: 'replace', path: '/spec', value: object.spec }]),
        ]),
        options: { allowNameChange: true },
      })),
    });
  }
  file('.', { resources: [`${GATEWAY}.yaml`, ...apps.map(({ name }) => `apps/${name}`)] });
  writeFileSync(join(folder, `${GATEWAY}.yaml`), stringify(gatewayOf(apps)));
}

function kustomizationWriter(root: string): (folder: string, content: object) => void {
  return (folder, content) => {
    mkdirSync(join(root, folder), { recursive: true });
    const head = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };
    writeFileSync(join(root, folder, 'kustomization.yaml'), stringify({ ...head, ...content }));
  };
}
