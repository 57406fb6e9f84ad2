import * as path from 'node:path';
import { ApiObject, type ApiObjectProps, App, Chart, JsonPatch, Lazy, YamlOutputType } from 'cdk8s';
import * as kplus from 'cdk8s-plus-27';
import { Construct, type IConstruct } from 'constructs';
import * as fc from 'fast-check';
import { MeshApp } from '../../lib/synth/mesh-app';
import { RECORD } from '../../lib/synth/output-folder';
import { contents, temporaryFolder } from '../support/folders';

const LAYOUTS = [
  YamlOutputType.FILE_PER_APP,
  YamlOutputType.FILE_PER_CHART,
  YamlOutputType.FILE_PER_RESOURCE,
  YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE,
];

/** A value that turns into another one when it is rendered. */
const lazy = (value: unknown) => Lazy.any({ produce: () => value });
const token = (value: unknown) => ({ resolve: () => value });
class IntOrString {
  constructor(public readonly value: unknown) {}
}

const leaf = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.constantFrom('yes', '80', '15s', '', 'a\nb\n', null, undefined, 1, 0.5, true, '#', 'a: b'),
  fc.string({ maxLength: 3 }).map((s) => new IntOrString(s)),
  fc.nat(9).map((n) => new IntOrString(n)),
);
const key = fc.oneof(fc.stringMatching(/^[a-z]{1,3}$/), fc.constantFrom('10', '9', 'B', 'a', 'metadata', 'value'));
const { map } = fc.letrec<{ value: unknown; map: Record<string, unknown> }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    tie('map'),
    tie('value').map(lazy),
    tie('value').map(token),
  ),
  map: fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
}));

interface ObjectPlan {
  readonly kind: 'bare' | 'deployment' | 'config';
  readonly named: boolean;
  readonly body: Record<string, unknown>;
  readonly labels: Record<string, string>;
  readonly note: unknown;
  readonly patch: boolean;
}

interface ChartPlan {
  readonly id: string;
  readonly inPlainConstruct: boolean;
  readonly objects: ObjectPlan[];
  readonly inner: ChartPlan[];
}

interface AppPlan {
  readonly charts: ChartPlan[];
  readonly dependencies: [number, number][];
}

const object: fc.Arbitrary<ObjectPlan> = fc.record({
  kind: fc.constantFrom<ObjectPlan['kind']>('bare', 'bare', 'bare', 'deployment', 'config'),
  named: fc.boolean(),
  body: map,
  labels: fc.dictionary(fc.stringMatching(/^[a-z]{1,3}$/), fc.stringMatching(/^[a-z]{0,3}$/), {
    maxKeys: 2,
    noNullPrototype: true,
  }),
  note: fc.option(fc.string({ maxLength: 5 }).map(lazy), { nil: undefined }),
  patch: fc.boolean(),
});

const { chart } = fc.letrec<{ chart: ChartPlan }>((tie) => ({
  chart: fc.record({
    id: fc.constantFrom('a', 'b', 'c', 'd', '1', '20', '3', 'Upper'),
    inPlainConstruct: fc.boolean(),
    objects: fc.array(object, { maxLength: 3 }),
    inner: fc.oneof(
      { maxDepth: 2 },
      { weight: 3, arbitrary: fc.constant<ChartPlan[]>([]) },
      { weight: 1, arbitrary: fc.uniqueArray(tie('chart'), { maxLength: 2, selector: (c) => c.id }) },
    ),
  }),
}));

const app: fc.Arbitrary<AppPlan> = fc.record({
  charts: fc.uniqueArray(chart, { maxLength: 4, selector: (c) => c.id }),
  dependencies: fc.oneof(
    { weight: 1, arbitrary: fc.constant<[number, number][]>([]) },
    { weight: 2, arbitrary: fc.array(fc.tuple(fc.nat(40), fc.nat(40)), { maxLength: 4 }) },
  ),
});

function build(root: App, { charts, dependencies }: AppPlan): void {
  let count = 0;
  const all: IConstruct[] = [];
  const addChart = (scope: Construct, plan: ChartPlan) => {
    const holder = plan.inPlainConstruct ? new Construct(scope, `holder-${plan.id}`) : scope;
    const made = new Chart(holder, plan.id, { namespace: 'n', labels: { of: 'chart' } });
    all.push(made);
    const wrapper = new Construct(made, 'wrapper');
    plan.objects.forEach((o, i) => {
      count += 1;
      all.push(addObject(i % 2 ? wrapper : made, `o${i}`, `name-${count}`, o));
    });
    all.push(wrapper);
    for (const inner of plan.inner) {
      addChart(made, inner);
    }
  };
  for (const plan of charts) {
    addChart(root, plan);
  }
  for (const [from, to] of dependencies) {
    if (all.length > 0 && from % all.length !== to % all.length) {
      all[from % all.length].node.addDependency(all[to % all.length]);
    }
  }
}

function addObject(scope: Construct, id: string, name: string, plan: ObjectPlan): Construct {
  const metadata = { name, labels: plan.labels };
  if (plan.kind === 'deployment') {
    return new kplus.Deployment(scope, id, { metadata, containers: [{ image: 'nginx', ports: [{ number: 8080 }] }] });
  }
  if (plan.kind === 'config') {
    return new kplus.ConfigMap(scope, id, { metadata, data: { text: 'a\nb\n' } });
  }
  const { apiVersion, kind, metadata: _, ...body } = plan.body;
  const made = new ApiObject(scope, id, {
    ...body,
    apiVersion: 'example.com/v1',
    kind: 'Thing',
    metadata: { labels: plan.labels, ...(plan.named ? { name } : {}), annotations: { note: plan.note as string } },
  } as ApiObjectProps);
  made.metadata.add('extra', { empty: {}, none: [], value: lazy('v') });
  if (plan.patch) {
    made.addJsonPatch(JsonPatch.add('/zone', { b: 1, a: ['x'] }), JsonPatch.copy('/metadata/labels', '/again'));
  }
  return made;
}

/** All files that an app writes, or the failure. The list of our own files is the one thing that stock does not write. */
function written(make: (outdir: string) => App, plan: AppPlan): Record<string, string> | 'fails' {
  const outdir = path.join(temporaryFolder(), 'dist');
  const made = make(outdir);
  build(made, plan);
  try {
    made.synth();
  } catch {
    return 'fails';
  }
  const files = Object.entries(contents(outdir)).filter(([file, content]) => file !== RECORD && content !== '/');
  return Object.fromEntries(files);
}

test.each(LAYOUTS.map((layout) => [YamlOutputType[layout], layout] as const))(
  'any app is written as stock App writes it: %s',
  (_, yamlOutputType) => {
    fc.assert(
      fc.property(app, fc.boolean(), (plan, recordConstructMetadata) => {
        const props = { yamlOutputType, recordConstructMetadata };
        const stock = written((outdir) => new App({ outdir, ...props }), plan);
        expect(written((outdir) => new MeshApp({ outdir, quiet: true, ...props }), plan)).toEqual(stock);
      }),
      { numRuns: 300 },
    );
  },
  300_000,
);
