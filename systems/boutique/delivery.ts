import { Chart, Duration } from 'cdk8s';
import {
  FluxKustomization,
  GitRepository,
  HelmRepository,
  ImagePolicy,
  ImageRepository,
  ImageUpdateAutomation,
  type MarkedValue,
} from 'cdk8s-istio';
import type { Construct } from 'constructs';

export const REGISTRY = 'registry.example.com/microservices-demo';

/** What Flux follows: this repository, two of charts and one of images. It applies a folder of dist/ when the one before is ready. */
export class Delivery extends Chart {
  public readonly repository: GitRepository;
  public readonly istioCharts: HelmRepository;
  public readonly flaggerCharts: HelmRepository;

  public constructor(scope: Construct, id: string) {
    super(scope, id, { namespace: 'flux-system' });
    this.repository = new GitRepository(this, 'microservices-demo', {
      url: 'https://git.example.com/microservices-demo.git',
      branch: 'main',
      interval: Duration.minutes(1),
      secretRef: 'microservices-demo-git',
    });
    this.istioCharts = this.addCharts('istio', 'https://istio-release.storage.googleapis.com/charts');
    this.flaggerCharts = this.addCharts('flagger', 'https://flagger.app');

    const base = this.apply('istio-base');
    const istiod = this.apply('istiod', base);
    const gateway = this.apply('gateway', istiod);
    const flagger = this.apply('flagger', gateway);
    this.apply('helm', flagger);
    new ImageUpdateAutomation(this, 'images', {
      source: this.repository,
      path: './dist/microservices-demo-helm',
      interval: Duration.minutes(5),
      authorEmail: 'flux@example.com',
      authorName: 'flux',
      pushBranch: 'new-images',
    });
  }

  /** The values of a chart for an image: the newest 0.0.x, which Flux writes in place of the tag. */
  public image(name: string, tag: string): { repository: string; tag: MarkedValue } {
    const imageRepository = new ImageRepository(this, `${name}-repository`, {
      name,
      image: `${REGISTRY}/${name}`,
      interval: Duration.minutes(5),
    });
    const policy = new ImagePolicy(this, `${name}-policy`, { name, imageRepository, semver: '~0.0' });
    return { repository: imageRepository.image, tag: policy.tag(tag) };
  }

  private addCharts(name: string, url: string): HelmRepository {
    return new HelmRepository(this, `${name}-charts`, { name, url, interval: Duration.hours(1) });
  }

  private apply(folder: string, ...dependsOn: FluxKustomization[]): FluxKustomization {
    return new FluxKustomization(this, folder, {
      name: `microservices-demo-${folder}`,
      source: this.repository,
      path: `./dist/microservices-demo-${folder}`,
      interval: Duration.minutes(10),
      prune: true,
      wait: true,
      timeout: Duration.minutes(5),
      dependsOn,
    });
  }
}
