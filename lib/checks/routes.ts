import { ErrorCode } from '../errors';
import { serves } from '../limits';
import type { DestinationModel, MeshModel, VirtualServiceModel } from '../model/mesh-model';
import type { Rendered } from '../model/rendered';
import type { Finding } from './finding';

/** Finds routes to nowhere, routes that pass by a split, and routes that no request reaches. */
export function checkRoutes(model: MeshModel): Finding[] {
  return model.virtualServices.flatMap((virtualService) => [
    ...findWrongDestinations(model, virtualService),
    ...findUnreachableRoutes(virtualService),
    ...findUnservedHosts(model, virtualService),
  ]);
}

/** A subset or a port that the destination does not have is answered with 503, and one without a subset may pass by a split. */
function findWrongDestinations(model: MeshModel, { object, http, streams }: VirtualServiceModel): Finding[] {
  const findings: Finding[] = [];
  const add = (code: ErrorCode, place: string, problem: string | undefined) => {
    if (problem !== undefined) {
      findings.push({ code, message: `${place} ${problem}`, construct: object.construct });
    }
  };
  for (const { place, destinations } of [...http, ...streams]) {
    for (const destination of destinations) {
      add(ErrorCode.UNKNOWN_SUBSET, place, findUnknownSubset(model, destination));
      add(ErrorCode.BYPASSED_SPLIT, place, findBypassedSplit(model, destination, object));
      add(ErrorCode.UNKNOWN_PORT, place, findUnknownPort(model, destination));
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

/** Requests for a host without a subset are shared among the pods of all versions, also of one that should get none. */
function findBypassedSplit(model: MeshModel, { host, subset }: DestinationModel, object: Rendered): string | undefined {
  const owner = subset === undefined ? model.splitOf(host)?.object : undefined;
  return owner === undefined || owner === object
    ? undefined
    : `leads to '${host}' without a subset, past the split of [${owner.construct.node.path}]; name subsets as that does, or the app in place of its Service`;
}

function findUnknownPort(model: MeshModel, { host, port }: DestinationModel): string | undefined {
  const ports = model.services.get(host)?.ports;
  return port === undefined || ports === undefined || ports.some((known) => known.port === port)
    ? undefined
    : `leads to port ${port} of '${host}', which its Service does not have; there are ${ports.map((known) => known.port).join(', ') || 'none'}`;
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
    const gateway = model.gatewayNamed(name);
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
