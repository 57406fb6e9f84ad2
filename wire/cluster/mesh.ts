import * as fs from 'node:fs';
import { logs } from '../paths';
import { Api, type Fields, identity, type Manifest } from './api';
import { kubectl, startControlPlane } from './control-plane';
import { Flagger, type FlaggerValues } from './flagger';
import { distributed, startIstiod } from './istiod';
import { Kubelet } from './kubelet';
import { serveNames } from './names';
import { Network } from './network';
import type { PodProcess } from './pod-process';
import { eventually } from './program';
import { namespace } from './stand-in';
import { systemNamespace } from './webhooks';

export interface ClientOptions {
  readonly namespace?: string;
  readonly serviceAccount?: string;
}

/** The running mesh, as a scenario sees it: apply objects, find pods, send requests from anywhere. */
export class Mesh {
  /** A client in the mesh, with a proxy of its own. */
  inside!: PodProcess;
  /** A client that the mesh knows nothing of. */
  outside!: PodProcess;
  private flagger?: Promise<Flagger>;

  static async start(): Promise<Mesh> {
    fs.mkdirSync(logs, { recursive: true });
    const api = new Api();
    const network = await Network.create();
    await startControlPlane(api);
    await startIstiod();
    const mesh = new Mesh(api, await Kubelet.start(api, network));
    await serveNames((name) => mesh.addressOf(name));
    await mesh.apply([namespace('wire-inside', 'enabled'), namespace('wire-outside', 'disabled')]);
    [mesh.inside, mesh.outside] = await Promise.all([
      mesh.startClient('client', { namespace: 'wire-inside' }),
      mesh.startClient('client', { namespace: 'wire-outside' }),
    ]);
    return mesh;
  }

  private constructor(
    readonly api: Api,
    private readonly kubelet: Kubelet,
  ) {}

  /** One Flagger for all systems, from the first that asks for it. */
  startFlagger(values: FlaggerValues, prometheusHosts: string[]): Promise<Flagger> {
    this.flagger ??= Flagger.start(values, prometheusHosts);
    return this.flagger;
  }

  /** Applies on the server's side and waits for nothing; returns the objects as the server holds them now. */
  async apply(objects: Manifest[]): Promise<Manifest[]> {
    const output = await kubectl(
      ['apply', '--server-side', '--force-conflicts', '--validate=strict', '--output=json', '--filename=-'],
      list(objects),
    );
    const applied = JSON.parse(output);
    return applied.kind === 'List' ? applied.items : [applied];
  }

  /** Applies, then waits until pods run, endpoints are known and every proxy has taken its configuration. */
  async settle(objects: Manifest[]): Promise<Manifest[]> {
    const applied = await this.apply(objects);
    await this.settled(applied);
    return applied;
  }

  /** Applies what is to be there, waits for it, then removes what was there before and is not meant to stay. */
  async move(before: Manifest[], after: Manifest[]): Promise<void> {
    await this.settle(after);
    await this.prune(before, after);
  }

  /** The same without a pause in between, as Flux does it. */
  async reconcile(before: Manifest[], after: Manifest[]): Promise<void> {
    const applied = await this.apply(after);
    await this.prune(before, after);
    await this.settled(applied);
  }

  async settled(applied: Manifest[]): Promise<void> {
    await Promise.all(applied.filter(isKind('Deployment')).map((deployment) => this.rolledOut(deployment)));
    await Promise.all(applied.filter(isKind('Service')).map((service) => this.endpointsPublished(service)));
    await distributed(applied);
  }

  /** The objects as the server holds them now. */
  async current(objects: Manifest[]): Promise<Manifest[]> {
    const found = JSON.parse(await kubectl(['get', '--output=json', '--filename=-'], list(objects)));
    return found.kind === 'List' ? found.items : [found];
  }

  /** Deletes, then waits until no proxy relies on the objects any more. */
  async remove(objects: Manifest[]): Promise<void> {
    const [kept, deleted] = [objects.filter(isKept), objects.filter((object) => !isKept(object))];
    if (kept.length > 0) await this.apply(kept.map(bare));
    await kubectl(['delete', '--ignore-not-found', '--wait=false', '--filename=-'], list(deleted));
    await this.namespacesGone(deleted.filter(isKind('Namespace')));
    await distributed([], objects);
  }

  private async prune(before: Manifest[], after: Manifest[]): Promise<void> {
    const staying = new Set(after.map(identity));
    await this.remove(before.filter((object) => !staying.has(identity(object))));
  }

  /** Sets the number of a version's pods, which the YAML leaves to others. */
  async scale(namespace: string, app: string, version: string, replicas: number): Promise<void> {
    const deployment = `/apis/apps/v1/namespaces/${namespace}/deployments/${app}-${version}`;
    const scaled = await this.api.patch(deployment, { spec: { replicas } });
    await this.settled([scaled, await this.api.get(`/api/v1/namespaces/${namespace}/services/${app}`)]);
  }

  /** The process of each ready pod with these labels. */
  async pods(namespace: string, labels: Record<string, string>): Promise<PodProcess[]> {
    return (await this.readyPods(namespace, labels)).map((pod) => this.kubelet.process(pod));
  }

  /** The address at which the workload of a Gateway with this selector can be reached from outside. */
  async gatewayAddress(selector: Record<string, string>): Promise<string> {
    const [pod] = await this.readyPods(systemNamespace, selector);
    return pod.status.podIP;
  }

  /** Starts a pod that serves nothing and sends requests; with a proxy if its namespace is injected. */
  async startClient(
    name: string,
    { namespace = 'wire-inside', serviceAccount = 'default' }: ClientOptions = {},
  ): Promise<PodProcess> {
    const account = `/api/v1/namespaces/${namespace}/serviceaccounts/${serviceAccount}`;
    await eventually(`service account ${serviceAccount} in ${namespace}`, 30, () => this.api.get(account));
    await this.apply([
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels: { app: name } },
        spec: { serviceAccountName: serviceAccount, containers: [{ name: 'client', image: 'client' }] },
      },
    ]);
    const [client] = await eventually(`client ${name} in ${namespace}`, 60, async () => {
      const pods = await this.pods(namespace, { app: name });
      return pods.length > 0 && pods;
    });
    return client;
  }

  /** Services have the addresses of the cluster; all that lies outside is the client there. */
  private async addressOf(name: string): Promise<string> {
    const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\.cluster\.local$/.exec(name) ?? [];
    if (!service) return this.outside.publicAddress;
    return (await this.api.get(`/api/v1/namespaces/${namespace}/services/${service}`)).spec.clusterIP;
  }

  private async readyPods(namespace: string, labels: Record<string, string>): Promise<Manifest[]> {
    const selector = Object.entries(labels).map((pair) => pair.join('='));
    const { items } = await this.api.get(
      `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(selector.join(','))}`,
    );
    return items.filter((pod: Manifest) => !pod.metadata.deletionTimestamp && isReady(pod));
  }

  private async namespacesGone(namespaces: Manifest[]): Promise<void> {
    const names = new Set(namespaces.map(({ metadata }) => metadata.name));
    await eventually(`the namespaces ${[...names].join(', ')} are gone`, 60, async () => {
      const { items } = await this.api.get('/api/v1/namespaces');
      return !items.some(({ metadata }: Manifest) => names.has(metadata.name));
    });
  }

  private async rolledOut({ metadata }: Manifest): Promise<void> {
    await eventually(`deployment ${metadata.name} is rolled out`, 120, async () => {
      const path = `/apis/apps/v1/namespaces/${metadata.namespace}/deployments/${metadata.name}`;
      const { metadata: current, spec, status } = await this.api.get(path);
      const counts = [status.replicas, status.updatedReplicas, status.availableReplicas].map((count) => count ?? 0);
      return status.observedGeneration === current.generation && counts.every((count) => count === spec.replicas);
    });
  }

  private async endpointsPublished({ metadata, spec }: Manifest): Promise<void> {
    if (!spec.selector) return;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${metadata.namespace}/endpointslices`;
    await eventually(`the endpoints of ${metadata.name} are published`, 30, async () => {
      const { items } = await this.api.get(
        `${path}?labelSelector=${encodeURIComponent(`kubernetes.io/service-name=${metadata.name}`)}`,
      );
      const endpoints = items.flatMap((slice: Fields) => slice.endpoints ?? []);
      const ready = endpoints.filter((endpoint: Fields) => endpoint.conditions.ready);
      return ready.length === (await this.readyPods(metadata.namespace ?? '', spec.selector)).length;
    });
  }
}

export function isKind(kind: string): (object: Manifest) => boolean {
  return (object) => object.kind === kind;
}

/** The one object of this kind and name. */
export function pick(objects: Manifest[], kind: string, name: string): Manifest {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (!found) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** Kubernetes never gives up this namespace; it can only lose what was said about it. */
function isKept({ kind, metadata }: Manifest): boolean {
  return kind === 'Namespace' && metadata.name === 'default';
}

function bare({ apiVersion, kind, metadata: { name } }: Manifest): Manifest {
  return { apiVersion, kind, metadata: { name } };
}

function isReady(pod: Manifest): boolean {
  return pod.status.conditions?.some((condition: Fields) => condition.type === 'Ready' && condition.status === 'True');
}

/** Namespaces first, then the identities without which a Pod is refused, then all else: Flux applies by kind too. */
function list(objects: Manifest[]): string {
  const order = ({ kind }: Manifest) => (kind === 'Namespace' ? 0 : kind === 'ServiceAccount' ? 1 : 2);
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [...objects].sort((a, b) => order(a) - order(b)) });
}
