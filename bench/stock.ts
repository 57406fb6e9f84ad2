import { ApiObject, App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { benchApps, GATEWAY, NAMESPACE } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

// node stock.js <apps> <outdir>: stock cdk8s, with the classes of cdk8s-plus for what Kubernetes itself defines.
const [count, outdir] = process.argv.slice(2);
const apps = benchApps(Number(count));
const app = new App({ outdir });
const entrance = new Chart(app, GATEWAY, { namespace: NAMESPACE });
add(entrance, gatewayOf(apps));
for (const bench of apps) {
  const chart = new Chart(app, bench.name, { namespace: NAMESPACE });
  for (const manifest of manifestsOf(bench)) {
    add(chart, manifest);
  }
  add(entrance, gatewayRouteOf(bench));
}
app.synth();

function add(chart: Chart, { apiVersion, kind, ...props }: ReturnType<typeof gatewayOf>): void {
  const id = `${kind}-${props.metadata.name}`;
  if (kind === 'Deployment') {
    new k8s.KubeDeployment(chart, id, props as k8s.KubeDeploymentProps);
  } else if (kind === 'ServiceAccount') {
    new k8s.KubeServiceAccount(chart, id, props as k8s.KubeServiceAccountProps);
  } else {
    new ApiObject(chart, id, { apiVersion, kind, ...props });
  }
}
