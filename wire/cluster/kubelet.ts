import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, Fields, Manifest, WatchEvent } from './api';
import { hubAddress, type Network, type PodNetwork } from './network';
import { PodProcess } from './pod-process';
import type { Program } from './program';
import { proxyRole, startProxy } from './sidecar';

const node = 'wire';
const startsAtOnce = 4;
/** How long a pod goes on serving after its deletion, so that every proxy has taken it off its list. */
const drainSeconds = 2;

interface RunningPod {
  readonly network: PodNetwork;
  readonly process?: PodProcess;
  readonly proxy?: Program;
}

/**
 * Stands in for the kubelet of the one node. It binds each pending pod, gives it a network of its own and, in place of its
 * containers, one process that serves all their ports; then it reports the pod as running and ready.
 */
export class Kubelet {
  private readonly pods = new Map<string, RunningPod>();
  private readonly seen = new Set<string>();
  private readonly waiting: Manifest[] = [];
  private starting = 0;

  static async start(api: Api, network: Network): Promise<Kubelet> {
    await api.create('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: node, labels: { 'kubernetes.io/hostname': node } },
    });
    const kubelet = new Kubelet(api, network);
    api.watch('/api/v1/pods', (event) => kubelet.onPod(event));
    return kubelet;
  }

  private constructor(
    private readonly api: Api,
    private readonly network: Network,
  ) {}

  /** The process that stands in for the containers of a running pod. */
  process(pod: Manifest): PodProcess {
    const process = this.pods.get(resource(pod))?.process;
    if (!process) throw new Error(`pod ${pod.metadata.name} is not running`);
    return process;
  }

  private onPod({ type, object: pod }: WatchEvent): void {
    if (type === 'ERROR' || type === 'DELETED') return;
    const key = `${resource(pod)} ${pod.metadata.uid} ${pod.metadata.deletionTimestamp ? 'stop' : 'start'}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    if (pod.metadata.deletionTimestamp) {
      this.attempt(pod, () => this.stop(pod));
    } else {
      this.waiting.push(pod);
      this.startWaiting();
    }
  }

  private startWaiting(): void {
    while (this.starting < startsAtOnce && this.waiting.length > 0) {
      const pod = this.waiting.shift() as Manifest;
      this.starting += 1;
      this.attempt(pod, () => this.run(pod)).finally(() => {
        this.starting -= 1;
        this.startWaiting();
      });
    }
  }

  private async attempt(pod: Manifest, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      console.error(`pod ${pod.metadata.name}: ${error instanceof Error ? error.message : error}`);
    }
  }

  private async run(pod: Manifest): Promise<void> {
    const role = proxyRole(pod);
    const network = await this.network.join();
    this.pods.set(resource(pod), { network });
    await this.bind(pod);
    await this.report(pod, network, false);
    const process = role === 'router' ? undefined : await PodProcess.start(pod, network, role === 'sidecar');
    const proxy = role && (await startProxy(this.api, pod, network, role));
    this.pods.set(resource(pod), { network, process, proxy });
    await this.report(pod, network, true);
  }

  private async bind(pod: Manifest): Promise<void> {
    await this.api.create(`${resource(pod)}/binding`, {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: pod.metadata.name },
      target: { apiVersion: 'v1', kind: 'Node', name: node },
    });
  }

  private async report(pod: Manifest, { address }: PodNetwork, ready: boolean): Promise<void> {
    const now = new Date().toISOString();
    const status = `${ready ? 'True' : 'False'}`;
    await this.api.patch(`${resource(pod)}/status`, {
      status: {
        phase: 'Running',
        hostIP: hubAddress,
        podIP: address,
        podIPs: [{ ip: address }],
        startTime: now,
        conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type, index) => ({
          type,
          status: index < 2 ? 'True' : status,
          lastTransitionTime: now,
        })),
        containerStatuses: pod.spec.containers.map((container: Fields) => ({
          name: container.name,
          image: container.image,
          imageID: '',
          ready,
          restartCount: 0,
          state: { running: { startedAt: now } },
        })),
      },
    });
  }

  private async stop(pod: Manifest): Promise<void> {
    const running = this.pods.get(resource(pod));
    await sleep(drainSeconds * 1000);
    await Promise.all([running?.process?.stop(), running?.proxy?.stop()]);
    if (running) await this.network.leave(running.network);
    this.pods.delete(resource(pod));
    await this.api.remove(resource(pod));
  }
}

function resource(pod: Manifest): string {
  return `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
}
