import { run } from './program';

/** The bridge that joins all pods; the control plane listens on its address. */
const bridge = 'mesh';
export const hubAddress = '10.77.0.1';
/** Set apart for tests of networks. */
const publicPrefix = '198.18';
export const serviceRange = '10.78.0.0/16';

export interface PodNetwork {
  readonly netns: string;
  readonly address: string;
  /** One outside the ranges of private networks, from which the pod can call as well. */
  readonly publicAddress: string;
}

/**
 * The lab runs in a network namespace that has no way out. The bridge lies in it, and every pod has a namespace of its own
 * with one cable to that bridge. All are gone with the last process in them.
 */
export class Network {
  private joined = 0;

  static async create(): Promise<Network> {
    await ip([
      'link set lo up',
      `link add ${bridge} type bridge`,
      `address add ${hubAddress}/16 dev ${bridge}`,
      `link set ${bridge} up`,
      `route add ${publicPrefix}.0.0/16 dev ${bridge}`,
      'route add unreachable default',
    ]);
    await run(['sysctl', '--quiet', '--write', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.disable_ipv6=1']);
    return new Network();
  }

  async join(): Promise<PodNetwork> {
    this.joined += 1;
    const netns = `pod${this.joined}`;
    const host = `${1 + (this.joined >> 8)}.${this.joined & 255}`;
    const [address, publicAddress] = [`10.77.${host}`, `${publicPrefix}.${host}`];
    await ip([
      `netns add ${netns}`,
      `link add ${netns} type veth peer name eth0 netns ${netns}`,
      `link set ${netns} master ${bridge} up`,
    ]);
    await run(['sysctl', '--quiet', '--write', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv4.ip_unprivileged_port_start=0'], {
      netns,
    });
    await ip(
      [
        'link set lo up',
        'link set eth0 up',
        `address add ${address}/16 dev eth0`,
        `address add ${publicAddress}/32 dev eth0`,
        `route add default via ${hubAddress}`,
      ],
      netns,
    );
    return { netns, address, publicAddress };
  }

  async leave({ netns }: PodNetwork): Promise<void> {
    await ip([`link delete ${netns}`, `netns delete ${netns}`]);
  }
}

/** Lets a pod be found at one more address. */
export async function addAddress({ netns }: PodNetwork, address: string): Promise<void> {
  await ip([`route replace ${address} dev ${bridge}`]);
  await ip([`address replace ${address}/32 dev eth0`], netns);
}

async function ip(commands: string[], netns?: string): Promise<void> {
  await run(['ip', '-batch', '-'], { netns, input: commands.join('\n') });
}
