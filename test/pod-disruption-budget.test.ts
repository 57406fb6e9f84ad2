import { Duration } from 'cdk8s';
import { AppPort, CanaryApp, CanaryMetric, FlaggerCanary, PodDisruptionBudget, type PodDisruptionBudgetProps } from 'cdk8s-istio';
import { chart, type Manifest, one, refusal, synth } from './support/synth';

type Bounds = Omit<PodDisruptionBudgetProps, 'app'>;

const CART = { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {} } };

function budget(bounds: Bounds): Manifest {
  return one(
    synth((scope) => new PodDisruptionBudget(scope, 'budget', { app: new CanaryApp(scope, 'cart', CART), ...bounds })),
    'PodDisruptionBudget',
  );
}

describe('a PodDisruptionBudget', () => {
  test('stands beside its app and selects the pods of all versions', () => {
    expect(budget({ maxUnavailable: 1 })).toEqual({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'cart', namespace: 'shop' },
      spec: { selector: { matchLabels: { app: 'cart' } }, maxUnavailable: 1 },
    });
  });

  test.each<[Bounds, object]>([
    [{ minAvailable: 0 }, { minAvailable: 0 }],
    [{ minAvailable: 2 }, { minAvailable: 2 }],
    [{ minAvailablePercent: 50 }, { minAvailable: '50%' }],
    [{ maxUnavailablePercent: 100 }, { maxUnavailable: '100%' }],
  ])('writes %j', (bounds, written) => {
    const { selector: _, ...spec } = budget(bounds).spec;
    expect(spec).toEqual(written);
  });

  test('selects the version in use too when Flagger rolls the app out', () => {
    const manifests = synth((scope) => {
      const app = new CanaryApp(scope, 'cart', CART);
      new PodDisruptionBudget(scope, 'budget', { app, minAvailable: 1 });
      const analysis = { interval: Duration.seconds(30), threshold: 5, stepWeight: 5, metrics: [CanaryMetric.successRate(99)] };
      new FlaggerCanary(scope, 'rollout', { app, analysis });
    });
    expect(one(manifests, 'PodDisruptionBudget').spec.selector.matchLabels).toEqual({ 'app.kubernetes.io/name': 'cart' });
  });

  test.each<[Bounds, string]>([
    [{}, '0 bounds are said'],
    [{ minAvailable: 1, maxUnavailable: 1 }, '2 bounds are said'],
    [{ minAvailable: 1, minAvailablePercent: 10, maxUnavailable: 1, maxUnavailablePercent: 1 }, '4 bounds are said'],
    [{ minAvailable: -1 }, 'minAvailable is -1'],
    [{ maxUnavailable: 0.5 }, 'maxUnavailable is 0.5'],
    [{ minAvailablePercent: 101 }, 'minAvailablePercent is 101 percent'],
    [{ maxUnavailablePercent: 33.3 }, 'maxUnavailablePercent is 33.3'],
    [{ maxUnavailablePercent: Number.NaN }, 'maxUnavailablePercent is NaN percent'],
  ])('is refused with %j', (bounds, problem) => {
    const scope = chart();
    const app = new CanaryApp(scope, 'cart', CART);
    expect(refusal(() => new PodDisruptionBudget(scope, 'budget', { app, ...bounds }))).toContain(problem);
  });
});
