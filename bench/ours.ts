import { Chart, YamlOutputType } from 'cdk8s';
import { AppPort, CanaryApp, MeshApp, MeshGateway } from 'cdk8s-istio';
import { benchApps, GATEWAY, NAMESPACE } from './apps';

// node ours.js <apps> <outdir> [file-per-object]
const [count, outdir, layout] = process.argv.slice(2);
const yamlOutputType =
  layout === 'file-per-object' ? YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE : YamlOutputType.FILE_PER_CHART;
const app = new MeshApp({ outdir, yamlOutputType, quiet: true });
const gateway = new MeshGateway(new Chart(app, GATEWAY, { namespace: NAMESPACE }), GATEWAY);
for (const { name, image, host, port, shares } of benchApps(Number(count))) {
  const canary = new CanaryApp(new Chart(app, name, { namespace: NAMESPACE }), name, {
    ports: [AppPort.http(port)],
    replicas: 2,
    env: { APP_NAME: name, LOG_LEVEL: 'info' },
    versions: { v1: { image: `${image}:1.0.0` }, v2: { image: `${image}:1.1.0` } },
    split: shares,
  });
  gateway.expose(canary, { host });
}
app.synth();
