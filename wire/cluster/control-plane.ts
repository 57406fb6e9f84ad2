import { generateKeyPairSync } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { bin, crds, kubeconfig, runtime } from '../paths';
import { type Api, adminToken, apiServerPort, certificates } from './api';
import { hubAddress, serviceRange } from './network';
import { eventually, Program, run } from './program';

const etcdUrl = 'http://127.0.0.1:2379';
const signingKey = path.join(runtime, 'service-account.key');
const verifyingKey = path.join(runtime, 'service-account.pub');
const tokens = path.join(runtime, 'tokens.csv');

const controllers = [
  'deployment-controller',
  'disruption-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'horizontal-pod-autoscaler-controller',
  'namespace-controller',
  'replicaset-controller',
  'serviceaccount-controller',
];

/** etcd, kube-apiserver and kube-controller-manager: everything of Kubernetes but nodes, a scheduler and a service proxy. */
export async function startControlPlane(api: Api): Promise<void> {
  writeCredentials();
  startEtcd();
  startApiServer();
  await eventually('the API server is ready', 60, () => api.get('/readyz'));
  startControllerManager();
  await installCrds();
}

function writeCredentials(): void {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  fs.writeFileSync(signingKey, privateKey.export({ type: 'pkcs1', format: 'pem' }));
  fs.writeFileSync(verifyingKey, publicKey.export({ type: 'spki', format: 'pem' }));
  fs.writeFileSync(tokens, `${adminToken},admin,admin,system:masters\n`);
  fs.writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'wire',
      contexts: [{ name: 'wire', context: { cluster: 'wire', user: 'admin' } }],
      clusters: [
        {
          name: 'wire',
          cluster: {
            server: `https://${hubAddress}:${apiServerPort}`,
            'certificate-authority': path.join(certificates, 'apiserver.crt'),
          },
        },
      ],
      users: [{ name: 'admin', user: { token: adminToken } }],
    }),
  );
}

function startEtcd(): void {
  Program.start('etcd', [
    'etcd',
    `--data-dir=${path.join(runtime, 'etcd')}`,
    `--listen-client-urls=${etcdUrl}`,
    `--advertise-client-urls=${etcdUrl}`,
    '--listen-peer-urls=http://127.0.0.1:2380',
    '--logger=zap',
  ]);
}

function startApiServer(): void {
  Program.start('kube-apiserver', [
    path.join(bin, 'kube-apiserver'),
    `--etcd-servers=${etcdUrl}`,
    `--advertise-address=${hubAddress}`,
    `--secure-port=${apiServerPort}`,
    `--cert-dir=${certificates}`,
    `--service-cluster-ip-range=${serviceRange}`,
    `--token-auth-file=${tokens}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${signingKey}`,
    `--service-account-key-file=${verifyingKey}`,
    // Webhooks are reached at their endpoints: there is no service proxy.
    '--enable-aggregator-routing=true',
  ]);
}

function startControllerManager(): void {
  Program.start('kube-controller-manager', [
    path.join(bin, 'kube-controller-manager'),
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join(',')}`,
    `--service-account-private-key-file=${signingKey}`,
    '--leader-elect=false',
    '--concurrent-deployment-syncs=2',
    '--horizontal-pod-autoscaler-sync-period=5s',
  ]);
}

async function installCrds(): Promise<void> {
  const files = fs.readdirSync(crds, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml'));
  const newest = newestOfEach(files).map((file) => `--filename=${path.join(crds, file)}`);
  await kubectl(['apply', '--server-side', ...newest]);
  await kubectl(['wait', '--for=condition=Established', '--timeout=60s', 'crd', '--all']);
}

/** Of `istio/istio-1.30.0.yaml` and `istio/istio-1.31.0.yaml` only the latter. */
function newestOfEach(files: string[]): string[] {
  const byName = new Map<string, string>();
  for (const file of files.sort()) byName.set(file.replace(/-\d.*$/, ''), file);
  return [...byName.values()];
}

export function kubectl(args: string[], input?: string): Promise<string> {
  return run([path.join(bin, 'kubectl'), `--kubeconfig=${kubeconfig}`, ...args], { env: { HOME: runtime }, input });
}
