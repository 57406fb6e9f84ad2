import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchApps, GATEWAY } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

// node floor.js <apps> <outdir>: what no program in JavaScript can do without. JSON is YAML, and node writes it itself.
const [count, outdir] = process.argv.slice(2);
const apps = benchApps(Number(count));
mkdirSync(outdir, { recursive: true });
write(GATEWAY, [gatewayOf(apps), ...apps.map(gatewayRouteOf)]);
for (const app of apps) {
  write(app.name, manifestsOf(app));
}

function write(name: string, manifests: unknown[]): void {
  writeFileSync(join(outdir, `${name}.yaml`), manifests.map((manifest) => JSON.stringify(manifest)).join('\n---\n'));
}
