import * as path from 'node:path';
import { bin, runtime } from '../paths';
import type { Api, Fields, Manifest } from './api';
import { writeFiles } from './files';
import { discoveryAddress } from './istiod';
import type { PodNetwork } from './network';
import { eventually, Program, run } from './program';

const proxyUser = 1337;
const statusPort = 15021;

export const proxyContainer = 'istio-proxy';
export type ProxyRole = 'sidecar' | 'router';

/** The role of the proxy that istiod has added to this pod, if any. */
export function proxyRole(pod: Manifest): ProxyRole | undefined {
  return pod.spec.containers.find(({ name }: Fields) => name === proxyContainer)?.args[1];
}

/** What the init container and the proxy's container do in a pod. */
export async function startProxy(api: Api, pod: Manifest, network: PodNetwork, role: ProxyRole): Promise<Program> {
  if (role === 'sidecar') await redirectTraffic(network);
  const folder = path.join(runtime, 'pods', `${pod.metadata.namespace}.${pod.metadata.name}`);
  await writeProxyFiles(api, pod, folder);
  const proxy = Program.start(
    `proxy-${pod.metadata.namespace}.${pod.metadata.name}`,
    [
      path.join(bin, 'pilot-agent'),
      'proxy',
      role,
      `--domain=${pod.metadata.namespace}.svc.cluster.local`,
      `--templateFile=${path.join(bin, 'envoy_bootstrap.json')}`,
      '--concurrency=1',
      '--proxyLogLevel=warning',
    ],
    { netns: network.netns, uid: proxyUser, cwd: folder, env: proxyEnvironment(pod, network) },
  );
  await eventually(`the proxy of ${pod.metadata.name} is ready`, 60, async () => {
    if (!proxy.running) throw new Error(`it ended, see ${proxy.name}.log`);
    return (await fetch(`http://${network.address}:${statusPort}/healthz/ready`)).ok;
  });
  return proxy;
}

async function redirectTraffic({ netns }: PodNetwork): Promise<void> {
  const redirection = [
    '-p',
    '15001',
    '-z',
    '15006',
    '-u',
    `${proxyUser}`,
    '-m',
    'REDIRECT',
    '-i',
    '*',
    '-b',
    '*',
    '-d',
    '15090,15021,15020',
  ];
  await run([path.join(bin, 'pilot-agent'), 'istio-iptables', ...redirection], { netns });
}

/** The files that a kubelet projects into the proxy's container, at the same places below the proxy's own folder. */
async function writeProxyFiles(api: Api, pod: Manifest, folder: string): Promise<void> {
  const { namespace, labels = {} } = pod.metadata;
  const token = await api.create(`/api/v1/namespaces/${namespace}/serviceaccounts/${pod.spec.serviceAccountName}/token`, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: ['istio-ca'] },
  });
  const root = await eventually(`istiod's root certificate in ${namespace}`, 30, () =>
    api.get(`/api/v1/namespaces/${namespace}/configmaps/istio-ca-root-cert`),
  );
  const files: Record<string, string> = {
    'var/run/secrets/tokens/istio-token': token.status.token,
    'var/run/secrets/istio/root-cert.pem': root.data['root-cert.pem'],
    'etc/istio/pod/labels': Object.entries(labels)
      .map(([key, value]) => `${key}="${value}"`)
      .join('\n'),
  };
  writeFiles(folder, files);
  await run(['chown', '--recursive', `${proxyUser}:${proxyUser}`, folder]);
}

function proxyEnvironment(pod: Manifest, network: PodNetwork): Record<string, string> {
  const { name, namespace = '', labels = {} } = pod.metadata;
  return {
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    INSTANCE_IP: network.address,
    SERVICE_ACCOUNT: pod.spec.serviceAccountName,
    JWT_POLICY: 'third-party-jwt',
    CA_ADDR: discoveryAddress,
    TRUST_DOMAIN: 'cluster.local',
    ISTIO_META_CLUSTER_ID: 'Kubernetes',
    ISTIO_META_DNS_CAPTURE: 'true',
    ISTIO_META_WORKLOAD_NAME: labels.app ?? name,
    PROXY_CONFIG: JSON.stringify({
      discoveryAddress,
      binaryPath: path.join(bin, 'envoy'),
      configPath: './etc/istio/proxy',
      terminationDrainDuration: '1s',
    }),
  };
}
