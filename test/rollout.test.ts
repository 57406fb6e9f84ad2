import { AppPort, CanaryApp, Rollout, type RolloutProps } from 'cdk8s-istio';
import { meshApp, refusal } from './support/synth';

function rollout(steps: RolloutProps['steps']): Rollout {
  const props: Required<RolloutProps> = { namespace: 'shop', steps };
  return new Rollout(meshApp(), 'cart', props);
}

describe('a rollout', () => {
  test('is a chart for each step, called after its shares', () => {
    const { steps } = rollout([
      { v1: 90, v2: 10 },
      { v2: 50, v1: 50 },
      { v1: 0, v2: 100 },
    ]);
    expect(steps.map(({ chart, split }) => [chart.node.id, chart.namespace, split])).toEqual([
      ['90-10', 'shop', { v1: 90, v2: 10 }],
      ['50-50', 'shop', { v1: 50, v2: 50 }],
      ['0-100', 'shop', { v1: 0, v2: 100 }],
    ]);
  });

  test('holds the same app in each step, though the same object twice is refused elsewhere', () => {
    const app = meshApp();
    const { steps } = new Rollout(app, 'cart', {
      namespace: 'shop',
      steps: [
        { v1: 90, v2: 10 },
        { v1: 0, v2: 100 },
      ],
    });
    for (const { chart, split } of steps) {
      new CanaryApp(chart, 'cart', { image: 'cart', ports: [AppPort.http(80)], versions: { v1: {}, v2: {} }, split });
    }
    expect(app.synthYaml().match(/^kind: VirtualService$/gm)).toHaveLength(2);
  });

  test.each<[string, RolloutProps['steps'], string]>([
    ['no steps', [], 'steps is empty; a rollout needs at least one'],
    [
      'a step twice',
      [
        { v1: 90, v2: 10 },
        { v2: 10, v1: 90 },
      ],
      'step 90-10 is there twice; say it once',
    ],
    ['shares that do not sum to 100', [{ v1: 90, v2: 11 }], 'steps[0] sums to 101 percent (v1: 90, v2: 11); it must sum to 100'],
    [
      'a version that the first step lacks',
      [{ v1: 100 }, { v3: 100 }],
      "steps[1] names version 'v3', which the app does not have",
    ],
    [
      'a version left out',
      [{ v1: 90, v2: 10 }, { v2: 100 }],
      'steps[1] does not name v1; each step names all versions, with 0 where one gets nothing',
    ],
    ['half a percent', [{ v1: 99.5, v2: 0.5 }], "steps[0] gives 99.5 percent to version 'v1'"],
  ])('is refused with %s', (_, steps, message) => {
    const got = refusal(() => rollout(steps));
    expect(got).toContain(`[cart] ${message}`);
    expect(got).toMatch(/\((invalid-split|unknown-version)\)$/);
  });

  test('hands out its steps as a copy', () => {
    const cart = rollout([{ v1: 100 }]);
    cart.steps.pop();
    expect(cart.steps).toHaveLength(1);
  });
});
