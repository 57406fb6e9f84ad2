import * as path from 'node:path';
import { ApiObject, App, Chart, type IResolver, Lazy, Testing } from 'cdk8s';
import { ErrorCode, MeshError } from '../../lib/errors';
import { MeshApp, type MeshAppProps } from '../../lib/synth/mesh-app';
import { temporaryFolder } from '../support/folders';

const meshApp = (props: MeshAppProps = {}) =>
  new MeshApp({ outdir: path.join(temporaryFolder(), 'dist'), quiet: true, ...props });

function thing(scope: Chart, id: string, fields: Record<string, unknown> = {}): ApiObject {
  return new ApiObject(scope, id, { apiVersion: 'example.com/v1', kind: 'Thing', ...fields });
}

function thrown(action: () => void): MeshError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(MeshError);
    return error as MeshError;
  }
  throw new Error('nothing was thrown');
}

test('resolvers of the app decide what ends up in the manifest, as in stock App', () => {
  class Shout implements IResolver {
    resolve(context: Parameters<IResolver['resolve']>[0]) {
      if (context.value === 'quiet') {
        context.replaceValue(`LOUD ${context.key.join('/')}`);
      }
    }
  }
  const yaml = (app: App) => {
    thing(new Chart(app, 'c'), 'o', { spec: { a: 'quiet', b: Lazy.any({ produce: () => 'quiet' }) } });
    return app.synthYaml();
  };
  expect(yaml(meshApp({ resolvers: [new Shout()] }))).toBe(yaml(new App({ resolvers: [new Shout()] })));
});

test('CDK8S_DISABLE_SORT keeps the order in which keys were written, as in stock App', () => {
  const yaml = (app: App) => {
    thing(new Chart(app, 'c'), 'o', { spec: { b: 1, a: 2 }, metadata: { labels: { z: 'z', a: 'a' } } });
    return app.synthYaml();
  };
  process.env.CDK8S_DISABLE_SORT = '1';
  try {
    expect(yaml(meshApp())).toBe(yaml(new App()));
    expect(yaml(meshApp())).toContain('b: 1\n  a: 2');
  } finally {
    delete process.env.CDK8S_DISABLE_SORT;
  }
});

test('a construct that renders itself has the last word', () => {
  class Own extends ApiObject {
    public override toJson() {
      return { ...super.toJson(), own: true };
    }
  }
  const app = meshApp();
  new Own(new Chart(app, 'c'), 'o', { apiVersion: 'example.com/v1', kind: 'Thing' });
  expect(app.synthYaml()).toContain('own: true\n');
});

test('lazy values are produced once each, in the order in which they were written', () => {
  const produced: string[] = [];
  const lazy = (name: string) => Lazy.any({ produce: () => produced.push(name) && name });
  const app = meshApp();
  const chart = new Chart(app, 'c');
  thing(chart, 'o', { z: lazy('1'), a: { z: lazy('2'), a: lazy('3') } });
  app.synth();
  expect(produced).toEqual(['1', '2', '3']);
});

test('charts of the app still render one by one: Testing.synth and app.charts', () => {
  const app = meshApp();
  const [first, second] = [new Chart(app, 'first'), new Chart(app, 'second')];
  first.addDependency(second);
  thing(first, 'o', { spec: 1 });
  expect(Testing.synth(first)).toEqual([
    { apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'first-o-c8301a65' }, spec: 1 },
  ]);
  expect(app.charts.map((chart) => chart.node.id)).toEqual(['second', 'first']);
});

test('an object that cannot be rendered is named, with the reason', () => {
  const app = meshApp();
  const chart = new Chart(app, 'otus');
  const cause = new Error('no such user');
  thing(chart, 'broken', {
    spec: Lazy.any({
      produce: () => {
        throw cause;
      },
    }),
  });
  const error = thrown(() => app.synth());
  expect(error.code).toBe(ErrorCode.RENDER_FAILED);
  expect(error.message).toBe('[otus/broken] cannot be rendered: no such user (render-failed)');
  expect(error.cause).toBe(cause);
});

test('a value that is no plain data is named by its class, for every kind of construct', () => {
  class Own extends ApiObject {
    public override toJson() {
      return super.toJson();
    }
  }
  for (const Class of [ApiObject, Own]) {
    const app = meshApp();
    new Class(new Chart(app, 'c'), 'o', { apiVersion: 'v1', kind: 'Thing', spec: { since: new Date() } } as never);
    expect(thrown(() => app.synth()).message).toBe(
      "[c/o] cannot be rendered: can't render non-simple object of type 'Date' (render-failed)",
    );
  }
});

test('a mistake that a lazy value finds keeps its own message', () => {
  const app = meshApp();
  const chart = new Chart(app, 'c');
  const mistake = new MeshError(ErrorCode.INVALID_NAME, 'no good', chart);
  thing(chart, 'o', {
    spec: Lazy.any({
      produce: () => {
        throw mistake;
      },
    }),
  });
  expect(thrown(() => app.synth())).toBe(mistake);
});

test('all mistakes that constructs find themselves are listed at once', () => {
  const app = meshApp();
  const chart = new Chart(app, 'c');
  thing(chart, 'a').node.addValidation({ validate: () => ['one', 'two'] });
  thing(chart, 'b').node.addValidation({ validate: () => ['three'] });
  const error = thrown(() => app.synth());
  expect(error.code).toBe(ErrorCode.VALIDATION_FAILED);
  const [first, ...others] = ['[c/a] one', '[c/a] two', '[c/b] three'].map((mistake) => error.message.indexOf(mistake));
  expect(first).toBeGreaterThan(0);
  expect(others).toEqual([...others].sort((a, b) => a - b));
  expect(others[0]).toBeGreaterThan(first);
});

test('validations run once, however many charts there are', () => {
  let runs = 0;
  const app = meshApp();
  for (let i = 0; i < 20; i++) {
    thing(new Chart(app, `c${i}`), 'o').node.addValidation({
      validate: () => {
        runs += 1;
        return [];
      },
    });
  }
  app.synth();
  expect(runs).toBe(20);
});

test('constructs that depend on each other in a circle are named', () => {
  const app = meshApp();
  const [a, b] = [thing(new Chart(app, 'x'), 'a'), thing(new Chart(app, 'y'), 'b')];
  a.addDependency(b);
  b.addDependency(a);
  const error = thrown(() => app.synth());
  expect(error.code).toBe(ErrorCode.DEPENDENCY_CYCLE);
  expect(error.message).toContain('x/a => y/b, y/b => x/a');
});

test('a construct that depends on itself is named', () => {
  const app = meshApp();
  const a = thing(new Chart(app, 'x'), 'a');
  a.addDependency(a);
  expect(thrown(() => app.synth()).message).toContain('x/a => x/a');
});

test('a chain of 3,000 charts and a lattice of charts are put in order: dependencies cost no more than there are', () => {
  const app = meshApp();
  const chain = Array.from({ length: 3000 }, (_, i) => new Chart(app, `chain-${i}`));
  chain.slice(1).forEach((chart, i) => {
    chart.addDependency(chain[i]);
  });
  const lattice = Array.from({ length: 40 }, (_, i) => [new Chart(app, `left-${i}`), new Chart(app, `right-${i}`)]);
  lattice.slice(1).forEach((pair, i) => {
    for (const chart of pair) {
      chart.addDependency(...lattice[i]);
    }
  });
  for (const chart of [...chain, ...lattice.flat()]) {
    thing(chart, 'o');
  }
  const ids = app.charts.map((chart) => chart.node.id);
  expect(ids.slice(0, 3000)).toEqual(chain.map((chart) => chart.node.id));
  expect(ids.slice(3000)).toEqual(lattice.flat().map((chart) => chart.node.id));
});
