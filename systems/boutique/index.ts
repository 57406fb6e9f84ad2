import { Alternatives, type MeshApp } from 'cdk8s-istio';
import { Delivery } from './delivery';
import { addFlagger, addGateway, addIstioBase, addIstiod } from './infrastructure';
import { HelmPods, OwnPods } from './pods';
import { Shop } from './shop';

/**
 * Google's microservices-demo with a canary at its entrance and a closed list of calls behind it. Its pods come from manifests, or
 * from Helm charts that Flux installs: two folders, of which one is applied. Beside them stands what Flux needs for the rest.
 */
export function microservicesDemo(app: MeshApp): void {
  const delivery = new Delivery(app, 'microservices-demo-delivery');
  addIstioBase(app, delivery);
  addIstiod(app, delivery);
  addGateway(app, delivery);
  addFlagger(app, delivery);

  const shops = new Alternatives(app, 'microservices-demo');
  new Shop(shops, 'manifests', new OwnPods());
  const helm = new HelmPods(delivery);
  helm.addDashboards(new Shop(shops, 'helm', helm));
}
