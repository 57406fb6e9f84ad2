import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type BenchApp, GATEWAY } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

/** Writes a folder for each app with its objects, whose image tags Kustomize fills in, and one that joins them all. */
export function writeKustomization(folder: string, apps: readonly BenchApp[]): void {
  const write = kustomizationWriter(folder);
  for (const app of apps) {
    write(`apps/${app.name}`, {
      resources: ['objects.yaml'],
      images: [{ name: `${app.image}-v1`, newName: app.image, newTag: '1.0.0' }],
    });
    const objects = [...manifestsOf(app), gatewayRouteOf(app)].map((object) => stringify(object)).join('---\n');
    writeFileSync(
      join(folder, 'apps', app.name, 'objects.yaml'),
      objects.replace(`image: ${app.image}:1.0.0`, `image: ${app.image}-v1`),
    );
  }
  write('.', { resources: [`${GATEWAY}.yaml`, ...apps.map(({ name }) => `apps/${name}`)] });
  writeFileSync(join(folder, `${GATEWAY}.yaml`), stringify(gatewayOf(apps)));
}

function kustomizationWriter(root: string): (folder: string, content: object) => void {
  return (folder, content) => {
    mkdirSync(join(root, folder), { recursive: true });
    const head = { apiVersion: 'kustomize.config.k8s.io/v1beta1', kind: 'Kustomization' };
    writeFileSync(join(root, folder, 'kustomization.yaml'), stringify({ ...head, ...content }));
  };
}
