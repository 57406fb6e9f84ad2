import { ErrorCode, MeshError } from './errors';
import { isNetwork, quote } from './limits';
import type { NetworkPeer } from './policy/network';

/**
 * In which networks the addresses of a host outside the mesh are, for the NetworkPolicies of those who call it: no NetworkPolicy
 * knows names.
 *
 * @see https://kubernetes.io/docs/concepts/services-networking/network-policies/#behavior-of-ipblock-selectors
 */
export class ExternalNetworks {
  /**
   * These networks, in CIDR notation.
   * @throws `out-of-range` when there are none, or one is no network
   */
  public static of(ranges: string[]): ExternalNetworks {
    const wrong = ranges.find((range) => !isNetwork(range));
    if (ranges.length === 0 || wrong !== undefined) {
      throw new MeshError(
        ErrorCode.OUT_OF_RANGE,
        `networks hold ${wrong === undefined ? 'none' : quote(wrong)}; allowed is at least one such as '203.0.113.0/24'`,
      );
    }
    return new ExternalNetworks(ranges.map((cidr) => ({ ipBlock: { cidr } })));
  }

  /** Any address but the private ones, in which pods, nodes and the metadata of clouds are. */
  public static anyPublic(): ExternalNetworks {
    return new ExternalNetworks([
      {
        ipBlock: {
          cidr: '0.0.0.0/0',
          except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
        },
      },
      { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10'] } },
    ]);
  }

  private constructor(
    /** @internal */
    public readonly _peers: NetworkPeer[],
  ) {}
}
