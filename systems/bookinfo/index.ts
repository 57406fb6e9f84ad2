import { Alternatives, type MeshApp } from 'cdk8s-istio';
import { addEastWestGateway, addEgress, addMonitoring, addTcpEcho, addTelemetry } from './surroundings';
import { addAcme, addFaults, addLoadBalancing, addMutualTls, addRateLimits, addSplits, addUserRouting } from './variants';

/** Istio's Bookinfo: each variant is a folder with all of it, of which one is applied; what surrounds it stands beside them. */
export function bookinfo(app: MeshApp): void {
  const variants = new Alternatives(app, 'bookinfo');
  addSplits(variants);
  addUserRouting(variants);
  addFaults(variants);
  addLoadBalancing(variants);
  addMutualTls(variants);
  addRateLimits(variants);
  addAcme(variants);

  addEgress(app);
  addTcpEcho(app);
  addTelemetry(app);
  addMonitoring(app);
  addEastWestGateway(app);
}
