import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type BenchApp, GATEWAY, NAMESPACE } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

/** Writes a Helm chart that renders all apps from one template and a list of values. */
export function writeHelmChart(folder: string, apps: readonly BenchApp[]): void {
  mkdirSync(join(folder, 'templates'), { recursive: true });
  writeFileSync(join(folder, 'Chart.yaml'), stringify({ apiVersion: 'v2', name: 'bench', version: '1.0.0' }));
  writeFileSync(join(folder, 'values.yaml'), stringify({ apps, hosts: apps.map((app) => app.host).sort() }));
  const documents = [...manifestsOf(PLACEHOLDERS), gatewayRouteOf(PLACEHOLDERS)].map((manifest) => stringify(manifest));
  writeFileSync(
    join(folder, 'templates', 'apps.yaml'),
    `{{- range .Values.apps }}\n---\n${asTemplate(documents.join('---\n'))}{{- end }}\n`,
  );
  const gateway = stringify(gatewayOf([PLACEHOLDERS])).replace(
    /^( *- )zhost$/m,
    '{{- range .Values.hosts }}\n$1{{ . }}\n{{- end }}',
  );
  writeFileSync(join(folder, 'templates', `${GATEWAY}.yaml`), gateway);
}

// Values that occur nowhere else, so that they can be replaced by the template's own.
const PLACEHOLDERS: BenchApp = { name: 'zname', image: 'zimage', host: 'zhost', port: 64001, shares: { v1: 64002, v2: 64003 } };

function asTemplate(text: string): string {
  return text
    .replaceAll('zname', '{{ .name }}')
    .replaceAll('zimage', '{{ .image }}')
    .replaceAll('zhost', '{{ .host }}')
    .replaceAll('64001', '{{ .port }}')
    .replaceAll('64002', '{{ .shares.v1 }}')
    .replaceAll('64003', '{{ .shares.v2 }}');
}

export const HELM_ARGUMENTS = ['template', 'bench', '--namespace', NAMESPACE];
