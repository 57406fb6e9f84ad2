import { DestinationRule, Gateway, VirtualService } from '@cdk8s/istio-imports';
import { App, Chart } from 'cdk8s';
import { k8s } from 'cdk8s-plus-27';
import { benchApps, GATEWAY, NAMESPACE } from './apps';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';

// node stock.js <apps> <outdir>: stock cdk8s, with the classes of cdk8s-plus, and those that `cdk8s import` makes of Istio's CRDs.
const CLASSES: Record<string, new (chart: Chart, id: string, props: object) => unknown> = {
  ServiceAccount: k8s.KubeServiceAccount,
  Service: k8s.KubeService,
  Deployment: k8s.KubeDeployment,
  DestinationRule,
  VirtualService,
  Gateway,
};

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
  new CLASSES[kind](chart, `${kind}-${props.metadata.name}`, kind === 'Service' ? withUnions(props) : props);
}

/** cdk8s-plus wants to be told whether a target port is a number or a name. */
function withUnions({ spec, ...props }: { spec?: unknown }): object {
  const { ports, ...rest } = spec as { ports: { targetPort: number }[] };
  const targetPort = (port: { targetPort: number }) => k8s.IntOrString.fromNumber(port.targetPort);
  return { ...props, spec: { ...rest, ports: ports.map((port) => ({ ...port, targetPort: targetPort(port) })) } };
}
