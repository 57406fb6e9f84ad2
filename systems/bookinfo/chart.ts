import { Chart } from 'cdk8s';
import { AppPort, CanaryApp, type CanaryAppProps, MeshGateway, MeshNamespace, PathMatch } from 'cdk8s-istio';
import type { Construct } from 'constructs';

/** Which version of the reviews a request meets. */
export type ReviewsRouting = Pick<CanaryAppProps, 'split' | 'rules'>;

/** The whole of Bookinfo: a page of a book with details, and reviews of which the newer two versions ask for ratings. */
export class Bookinfo extends Chart {
  public readonly productpage: CanaryApp;
  public readonly details: CanaryApp;
  public readonly ratings: CanaryApp;
  public readonly reviews: CanaryApp;
  public readonly gateway: MeshGateway;

  public constructor(scope: Construct, id: string, reviews: ReviewsRouting = { split: { v1: 100 } }) {
    super(scope, id, { namespace: 'bookinfo' });
    new MeshNamespace(this, 'namespace');
    this.productpage = this.addService('productpage', ['v1']);
    this.details = this.addService('details', ['v1']);
    this.ratings = this.addService('ratings', ['v1']);
    this.reviews = this.addService('reviews', ['v1', 'v2', 'v3'], reviews);
    this.gateway = new MeshGateway(this, 'bookinfo-gateway');
    this.gateway.expose(this.productpage, {
      host: '*',
      paths: [
        PathMatch.exact('/productpage'),
        PathMatch.prefix('/static'),
        PathMatch.exact('/login'),
        PathMatch.exact('/logout'),
        PathMatch.prefix('/api/v1/products'),
      ],
    });
  }

  private addService(name: string, versions: string[], routing: ReviewsRouting = {}): CanaryApp {
    const image = (version: string) => `docker.io/istio/examples-bookinfo-${name}-${version}:1.20.3`;
    return new CanaryApp(this, name, {
      ports: [AppPort.http(9080)],
      serviceAccount: `bookinfo-${name}`,
      versions: Object.fromEntries(versions.map((version) => [version, { image: image(version) }])),
      ...routing,
    });
  }
}
