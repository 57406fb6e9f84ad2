import * as path from 'node:path';
import { bin } from '../paths';
import type { Message, PodCalls, Reply } from '../pod/protocol';
import type { Fields, Manifest } from './api';
import type { PodNetwork } from './network';
import { Program } from './program';
import { proxyContainer } from './sidecar';

/** Where pilot-agent answers DNS queries for the names of the mesh. */
const agentDns = '127.0.0.1:15053';

/** The lab's end of the process that stands in for the containers of a pod. */
export class PodProcess {
  private readonly pending = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  private lastId = 0;

  static async start(pod: Manifest, network: PodNetwork, hasAgent: boolean): Promise<PodProcess> {
    const { name, namespace, labels = {} } = pod.metadata;
    const environment = {
      POD: name,
      APP: labels.app ?? '',
      VERSION: labels.version ?? '',
      ...(hasAgent && { DNS_SERVER: agentDns }),
    };
    const program = Program.start(`pod-${namespace}.${name}`, [process.execPath, path.join(bin, 'pod.js')], {
      netns: network.netns,
      env: environment,
      ipc: true,
    });
    const started = new PodProcess(program, name, network);
    await started.call('serve', portsOf(pod));
    return started;
  }

  private constructor(
    private readonly program: Program,
    readonly name: string,
    readonly network: PodNetwork,
  ) {
    program.process.on('message', (reply: Reply) => this.onReply(reply));
    program.process.on('exit', () => this.onExit());
  }

  get address(): string {
    return this.network.address;
  }

  get publicAddress(): string {
    return this.network.publicAddress;
  }

  call<Call extends keyof PodCalls>(call: Call, argument?: Parameters<PodCalls[Call]>[0]): Promise<ReturnType<PodCalls[Call]>> {
    const message: Message = { id: ++this.lastId, call, argument };
    return new Promise((resolve, reject) => {
      this.pending.set(message.id, { resolve, reject });
      this.program.process.send(message);
    });
  }

  stop(): Promise<void> {
    return this.program.stop();
  }

  private onReply({ id, result, error }: Reply): void {
    const waiting = this.pending.get(id);
    this.pending.delete(id);
    if (error) waiting?.reject(new Error(`${this.name}: ${error}`));
    else waiting?.resolve(result as never);
  }

  private onExit(): void {
    for (const { reject } of this.pending.values()) reject(new Error(`${this.name} ended, see ${this.program.name}.log`));
    this.pending.clear();
  }
}

/** Every port that a container of the application declares or a probe asks, each once. */
function portsOf(pod: Manifest): number[] {
  const ports = new Set<number>();
  for (const container of pod.spec.containers) {
    if (container.name === proxyContainer) continue;
    const named = new Map<string, number>();
    for (const { name, containerPort } of container.ports ?? []) {
      ports.add(containerPort);
      if (name) named.set(name, containerPort);
    }
    for (const probe of [container.startupProbe, container.readinessProbe, container.livenessProbe]) {
      const port = probedPort(probe);
      if (port !== undefined) ports.add(named.get(port) ?? Number(port));
    }
  }
  return [...ports];
}

function probedPort(probe: Fields): string | undefined {
  const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port ?? probe?.grpc?.port;
  return port && String(port);
}
