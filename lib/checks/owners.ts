import { ErrorCode } from '../errors';
import type { MeshModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import { Claims } from './claims';
import type { Finding } from './finding';

/** Finds hosts that two objects want, of which Istio would take one. It looks at all charts, also those that are alternatives. */
export function checkOwners(model: MeshModel): Finding[] {
  return [...findHostsWithTwoOwners(model), ...findRulesForOneHost(model), ...findGatewaysForOneHost(model)];
}

/** Istio takes one of two VirtualServices for a host inside the mesh, and an undefined order of HTTP routes at a gateway. */
function findHostsWithTwoOwners({ virtualServices }: MeshModel): Finding[] {
  const claims = new Claims();
  const findings: Finding[] = [];
  for (const { object, hosts, gateways, http, isPrivate, namespace } of virtualServices) {
    for (const gateway of gateways.filter((name) => name === 'mesh' || http.length > 0)) {
      const audience = isPrivate ? namespace : '*';
      const place = gateway === 'mesh' ? 'the mesh' : `gateway '${gateway}'`;
      for (const host of hosts) {
        const owner = claims.add(`${host} ${gateway} ${audience}`, object);
        findings.push(
          ...taken(object, owner, (path) => {
            return `host '${host}' at ${place} belongs to [${path}] already; write all its routes into one VirtualService`;
          }),
        );
      }
    }
  }
  return findings;
}

/** Of two DestinationRules for a host Istio takes the subsets of both, but the settings of one. */
function findRulesForOneHost({ destinationRules }: MeshModel): Finding[] {
  const claims = new Claims();
  return destinationRules.flatMap(({ object, host, namespace }) =>
    taken(object, claims.add(`${host} ${namespace}`, object), (path) => {
      return `host '${host}' has a DestinationRule already, [${path}]; write one for all its subsets and settings`;
    }),
  );
}

/**
 * Of two Gateways with the same host on the same port of the same pods, whatever their namespaces, Istio takes one, or mixes their
 * routes. Only for `*` each namespace counts alone: systems that are applied one at a time all begin with it.
 */
function findGatewaysForOneHost({ gateways }: MeshModel): Finding[] {
  const claims = new Claims();
  return gateways.flatMap(({ object, namespace, entrances }) =>
    entrances.flatMap(({ host, place }) =>
      taken(object, claims.add(`${host === '*' ? namespace : ''} ${host} ${place}`, object), (path) => {
        return `host '${host}' on ${place} belongs to gateway [${path}] already; expose it there`;
      }),
    ),
  );
}

function taken({ construct }: Rendered, owner: Rendered | undefined, describe: (path: string) => string): Finding[] {
  return owner === undefined ? [] : [{ code: ErrorCode.HOST_TAKEN, message: describe(owner.construct.node.path), construct }];
}
