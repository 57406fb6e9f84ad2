import { Chart } from 'cdk8s';
import { Alternatives, AppPort, CanaryApp } from 'cdk8s-istio';
import { meshApp, refusal } from './support/synth';

const cart = (scope: Chart) => new CanaryApp(scope, 'cart', { image: 'cart:1', ports: [AppPort.http(80)], versions: { v1: {} } });

describe('charts of which one at a time is applied', () => {
  test('may hold the same objects', () => {
    const app = meshApp();
    const steps = new Alternatives(app, 'steps');
    for (const id of ['first', 'second']) {
      cart(new Chart(steps, id, { namespace: 'shop' }));
    }
    expect(app.synthYaml().match(/^kind: VirtualService$/gm)).toHaveLength(2);
  });

  test('hold the same objects neither twice in one of them, nor beside them', () => {
    const app = meshApp();
    const steps = new Alternatives(app, 'steps');
    const first = new Chart(steps, 'first', { namespace: 'shop' });
    cart(first);
    cart(new Chart(app, 'beside', { namespace: 'shop' }));
    expect(refusal(() => app.synthYaml())).toContain('(duplicate-object)');
  });

  test('stand together unless they are two alternatives of one', () => {
    const app = meshApp();
    const steps = new Alternatives(app, 'steps');
    const [first, second] = ['first', 'second'].map((id) => new Chart(steps, id));
    const inner = new Chart(first, 'inner');
    const others = new Alternatives(app, 'others');
    const other = new Chart(others, 'first');
    expect(Alternatives._together(first, second)).toBe(false);
    expect(Alternatives._together(inner, second)).toBe(false);
    expect(Alternatives._together(first, inner)).toBe(true);
    expect(Alternatives._together(first, first)).toBe(true);
    expect(Alternatives._together(first, other)).toBe(true);
  });
});
