import { ErrorCode } from '../errors';
import type { DestinationModel, GatewayModel, MeshModel, VirtualServiceModel } from '../model/mesh-model';
import type { Finding } from './finding';

/** Finds routes to nowhere, routes that no request reaches, and hosts with two owners. */
export function checkRoutes(model: MeshModel): Finding[] {
  return [
    ...model.virtualServices.flatMap((virtualService) => [
      ...findDeadDestinations(model, virtualService),
      ...findBypassedSplits(model, virtualService),
      ...findUnreachableRoutes(virtualService),
      ...findUnservedHosts(model, virtualService),
    ]),
    ...findHostsWithTwoOwners(model),
    ...findRulesForOneHost(model),
    ...findGatewaysForOneHost(model),
  ];
}

/** A subset or a port that the destination does not have is answered with 503. */
function findDeadDestinations(model: MeshModel, { object, http, streams }: VirtualServiceModel): Finding[] {
  const findings: Finding[] = [];
  for (const { place, destinations } of [...http, ...streams]) {
    for (const destination of destinations) {
      const [subset, port] = [findUnknownSubset(model, destination), findUnknownPort(model, destination)];
      if (subset !== undefined) {
        findings.push({ code: ErrorCode.UNKNOWN_SUBSET, message: `${place} ${subset}`, construct: object.construct });
      }
      if (port !== undefined) {
        findings.push({ code: ErrorCode.UNKNOWN_PORT, message: `${place} ${port}`, construct: object.construct });
      }
    }
  }
  return findings;
}

function findUnknownSubset(model: MeshModel, { host, subset }: DestinationModel): string | undefined {
  const rules = model.rulesOf(host);
  if (
    subset === undefined ||
    rules.some((rule) => rule.subsets.has(subset)) ||
    (rules.length === 0 && !model.services.has(host))
  ) {
    return undefined;
  }
  const known = rules.flatMap((rule) => [...rule.subsets.keys()]);
  return `leads to subset '${subset}' of '${host}', which no DestinationRule defines; there are ${known.join(', ') || 'none'}`;
}

function findUnknownPort(model: MeshModel, { host, port }: DestinationModel): string | undefined {
  const ports = model.services.get(host)?.ports;
  return port === undefined || ports === undefined || ports.some((known) => known.port === port)
    ? undefined
    : `leads to port ${port} of '${host}', which its Service does not have; there are ${ports.map((known) => known.port).join(', ') || 'none'}`;
}

/** A route to a host without a subset shares requests among the pods of all versions, also of one that should get none. */
function findBypassedSplits(model: MeshModel, { object, http, streams }: VirtualServiceModel): Finding[] {
  return [...http, ...streams].flatMap(({ place, destinations }) =>
    destinations.flatMap(({ host, subset }): Finding[] => {
      const owner = subset === undefined ? model.splitOf(host) : undefined;
      return owner === undefined || owner.object === object
        ? []
        : [
            {
              code: ErrorCode.BYPASSED_SPLIT,
              message: `${place} leads to '${host}' without a subset, past the split of [${owner.object.construct.node.path}]; name subsets as that does, or the app in place of its Service`,
              construct: object.construct,
            },
          ];
    }),
  );
}

function findUnreachableRoutes({ object, http }: VirtualServiceModel): Finding[] {
  const last = http.findIndex((route) => route.catchesAll);
  const message = (place: string) =>
    `${place} is never reached: ${http[last].place} takes every request; put it first or remove it`;
  return last < 0
    ? []
    : http
        .slice(last + 1)
        .map(({ place }) => ({ code: ErrorCode.UNREACHABLE_ROUTE, message: message(place), construct: object.construct }));
}

/** Requests for a host reach a VirtualService only through a gateway that serves the host. */
function findUnservedHosts(model: MeshModel, { object, hosts, gateways }: VirtualServiceModel): Finding[] {
  return gateways.flatMap((name) => {
    const gateway = model.gateways.get(name);
    return gateway === undefined
      ? []
      : hosts
          .filter((host) => !serves(gateway.hosts, host))
          .map((host) => ({
            code: ErrorCode.UNSERVED_HOST,
            message: `host '${host}' is none of those that gateway '${name}' serves, so no request reaches its routes; the gateway serves ${[...gateway.hosts].join(', ') || 'none'}`,
            construct: object.construct,
          }));
  });
}

/** Whether a gateway serves a host, by its name, by a wildcard above it, or because one of the two is `*`. */
function serves(served: ReadonlySet<string>, host: string): boolean {
  if (served.has(host) || (host === '*' && served.size > 0)) {
    return true;
  }
  const labels = host.split('.');
  return labels.some((_, index) => served.has(['*', ...labels.slice(index + 1)].join('.')));
}

/** Istio takes one of two VirtualServices for a host inside the mesh, and an undefined order of routes at a gateway. */
function findHostsWithTwoOwners(model: MeshModel): Finding[] {
  const owners = new Map<string, VirtualServiceModel>();
  return model.virtualServices
    .filter(({ http }) => http.length > 0)
    .flatMap((virtualService) =>
      virtualService.hosts.flatMap((host) =>
        virtualService.gateways.flatMap((gateway): Finding[] => {
          const key = [host, gateway, gateway === 'mesh' && virtualService.isPrivate ? virtualService.namespace : '*'].join(' ');
          const owner = owners.get(key);
          if (owner === undefined) {
            owners.set(key, virtualService);
            return [];
          }
          const message = `host '${host}' at ${gateway === 'mesh' ? 'the mesh' : `gateway '${gateway}'`} belongs to [${owner.object.construct.node.path}] already; write all its routes into one VirtualService`;
          return [{ code: ErrorCode.HOST_TAKEN, message, construct: virtualService.object.construct }];
        }),
      ),
    );
}

/** Of two DestinationRules for a host Istio takes the subsets of both, but the settings of one. */
function findRulesForOneHost(model: MeshModel): Finding[] {
  return model.destinationRules.flatMap((rule): Finding[] => {
    const first = model.rulesOf(rule.host).find((other) => other.namespace === rule.namespace);
    if (first === undefined || first === rule) {
      return [];
    }
    const message = `host '${rule.host}' has a DestinationRule already, [${first.object.construct.node.path}]; write one for all its subsets and settings`;
    return [{ code: ErrorCode.HOST_TAKEN, message, construct: rule.object.construct }];
  });
}

/**
 * Of two Gateways with the same host on the same port of the same pods, whatever their namespaces, Istio takes one, or mixes their
 * routes. Only for `*` each namespace counts alone: systems that are applied one at a time all begin with it.
 */
function findGatewaysForOneHost(model: MeshModel): Finding[] {
  const owners = new Map<string, GatewayModel>();
  return [...model.gateways.values()].flatMap((gateway) =>
    gateway.entrances.flatMap(({ host, place }): Finding[] => {
      const key = [host === '*' ? gateway.namespace : '', host, place].join(' ');
      const owner = owners.get(key) ?? gateway;
      owners.set(key, owner);
      const message = `host '${host}' on ${place} belongs to gateway [${owner.object.construct.node.path}] already; expose it there`;
      return owner === gateway ? [] : [{ code: ErrorCode.HOST_TAKEN, message, construct: gateway.object.construct }];
    }),
  );
}
