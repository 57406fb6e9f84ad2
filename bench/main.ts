import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { benchApps } from './apps';
import { HELM_ARGUMENTS, writeHelmChart } from './helm';
import { writeKustomization } from './kustomize';
import { gatewayOf, gatewayRouteOf, manifestsOf } from './manifests';
import { type Command, type Cost, cheapest, measure } from './measure';
import { buildHelm, compile, findKubectl, helmVersion, kubectlVersion, packageVersion } from './tools';

// npm run bench               all tools, all sizes; writes bench/results.md
// npm run bench -- --short    ours against stock, and whether the growth is linear; for CI

interface Tool {
  readonly name: string;
  /** The largest number of apps that it is asked to build, in minutes' reach. */
  readonly limit: number;
  /** Prepares the input for so many apps, and says how to build it into a new file or folder. */
  prepare(count: number, folder: string): (output: string) => Command;
}

const OURS = 'cdk8s-istio';
const OURS_BY_OBJECT = 'cdk8s-istio, a file per object';
const STOCK = 'stock cdk8s';
const HELM = 'helm template';
const KUSTOMIZE = 'kubectl kustomize';
const FLOOR = 'floor: JSON.stringify';

const LINEAR_AT_MOST = 1.3;

/** Linux's file system in memory. */
const MEMORY = '/dev/shm';

/** As `npm run synth` starts node. Its `--no-opt` is left out: it is for hundreds of objects, and here are tens of thousands. */
const ONE_THREAD_PER_CORE = '--v8-pool-size=0';

function main(): void {
  const short = process.argv.includes('--short');
  const sizes = short ? [1, 200, 1000, 2000] : [1, 10, 100, 1000, 2000, 5000];
  const runs = short ? 3 : 5;
  const tools = [program(OURS, 'ours'), program(STOCK, 'stock', short ? 1000 : 2000)];
  if (!short) {
    tools.push(helm(buildHelm()), kustomize(findKubectl()), program(FLOOR, 'floor'));
    tools.push(program(OURS_BY_OBJECT, 'ours', undefined, 'file-per-object'));
  }
  const work = mkdtempSync(join(roomiest(), 'bench-'));
  try {
    const results = new Map(sizes.map((size) => [size, race(tools, size, runs, work)]));
    const report = describe(
      results,
      tools,
      runs,
      `${versions(short)}, files ${work.startsWith(MEMORY) ? 'in memory' : 'on disk'}`,
    );
    console.log(report);
    if (!short) {
      writeFileSync(join(__dirname, 'results.md'), report);
    }
    const failures = judge(results);
    for (const failure of failures) {
      console.error(`FAILED: ${failure}`);
    }
    process.exitCode = failures.length > 0 ? 1 : 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Memory, where there is enough of it. On a disk what was deleted in the last five minutes decides as well: ext4 passes over the places of
 * such files one by one when it creates new ones, and builds and tests delete thousands.
 */
function roomiest(): string {
  if (!existsSync(MEMORY)) {
    return tmpdir();
  }
  const { bavail, bsize } = statfsSync(MEMORY);
  return bavail * bsize < 4 * 2 ** 30 ? tmpdir() : MEMORY;
}

/** Runs all tools in turn, several times, and holds their outputs against what they should be. */
function race(tools: readonly Tool[], size: number, runs: number, work: string): Map<string, Cost> {
  const racers = tools
    .filter((tool) => size <= tool.limit)
    .map((tool) => {
      const folder = mkdtempSync(join(work, 'tool-'));
      return { tool, folder, command: tool.prepare(size, folder), costs: [] as Cost[] };
    });
  for (let run = 0; run < runs; run++) {
    for (const racer of racers) {
      racer.costs.push(measure(racer.command(join(racer.folder, `output-${run}`))));
    }
  }
  const wanted = expected(size);
  for (const { tool, folder } of racers) {
    requireSame(tool.name, size, wanted, read(join(folder, 'output-0')));
  }
  return new Map(racers.map(({ tool, costs }) => [tool.name, cheapest(costs)]));
}

function program(name: string, source: string, limit = Number.POSITIVE_INFINITY, layout?: string): Tool {
  const file = compile(source);
  return {
    name,
    limit,
    prepare: (count) => (output) => ({
      program: process.execPath,
      args: [ONE_THREAD_PER_CORE, file, String(count), output, ...(layout === undefined ? [] : [layout])],
    }),
  };
}

function helm(executable: string): Tool {
  return {
    name: HELM,
    limit: Number.POSITIVE_INFINITY,
    prepare: (count, folder) => {
      writeHelmChart(join(folder, 'chart'), benchApps(count));
      return (output) => ({ program: executable, args: [...HELM_ARGUMENTS, join(folder, 'chart')], stdout: output });
    },
  };
}

function kustomize(executable: string): Tool {
  return {
    name: KUSTOMIZE,
    limit: 100,
    prepare: (count, folder) => {
      writeKustomization(join(folder, 'kustomize'), benchApps(count));
      return (output) => ({ program: executable, args: ['kustomize', join(folder, 'kustomize')], stdout: output });
    },
  };
}

type Objects = Map<string, unknown>;

function expected(size: number): Objects {
  const apps = benchApps(size);
  return index([gatewayOf(apps), ...apps.flatMap((app) => [...manifestsOf(app), gatewayRouteOf(app)])]);
}

function read(output: string): Objects {
  const files = statSync(output).isDirectory()
    ? readdirSync(output, { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.yaml'))
        .map((file) => join(output, file))
    : [output];
  return index(files.flatMap((file) => parseAllDocuments(readFileSync(file, 'utf8')).map((document) => document.toJS())));
}

function index(objects: unknown[]): Objects {
  const manifests = objects.filter((object) => object !== null) as ReturnType<typeof manifestsOf>;
  return new Map(
    manifests.map((manifest) => [`${manifest.kind} ${manifest.metadata.name}`, JSON.parse(JSON.stringify(manifest))]),
  );
}

function requireSame(tool: string, size: number, wanted: Objects, got: Objects): void {
  const missing = [...wanted.keys()].filter((key) => !got.has(key));
  const surplus = [...got.keys()].filter((key) => !wanted.has(key));
  const different = [...wanted]
    .filter(([key, object]) => got.has(key) && !isDeepStrictEqual(got.get(key), object))
    .map(([key]) => key);
  const wrong = [
    ...missing.map((key) => `lacks ${key}`),
    ...surplus.map((key) => `has ${key}`),
    ...different.map((key) => `differs in ${key}`),
  ];
  if (wrong.length > 0) {
    throw new Error(
      `${tool} does not build the same objects for ${size} apps: ${wrong.slice(0, 5).join(', ')} (${wrong.length} in all)`,
    );
  }
}

type Results = Map<number, Map<string, Cost>>;

/** What must hold on any machine. */
function judge(results: Results): string[] {
  const failures: string[] = [];
  const ours = (size: number) => results.get(size)?.get(OURS)?.seconds ?? Number.NaN;
  const growth = (ours(2000) - ours(1)) / 2000 / ((ours(200) - ours(1)) / 200);
  if (growth > LINEAR_AT_MOST) {
    failures.push(`an app costs ${growth.toFixed(2)} times as much among 2000 as among 200; at most ${LINEAR_AT_MOST} is linear`);
  }
  for (const [size, costs] of results) {
    const stock = costs.get(STOCK)?.seconds;
    if (stock !== undefined && ours(size) > stock) {
      failures.push(`with ${size} apps we need ${ours(size).toFixed(2)} s and stock cdk8s ${stock.toFixed(2)} s`);
    }
  }
  return failures;
}

function versions(short: boolean): string {
  const cdk8s = `cdk8s ${packageVersion('cdk8s')}, cdk8s-plus-27 ${packageVersion('cdk8s-plus-27')}`;
  return `Node ${process.version}, ${cdk8s}${short ? '' : `, helm ${helmVersion()}, kubectl ${kubectlVersion()}`}`;
}

function describe(results: Results, tools: readonly Tool[], runs: number, versions: string): string {
  const sizes = [...results.keys()];
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const table = (title: string, cell: (cost: Cost, size: number) => string) => [
    `## ${title}`,
    '',
    row(['apps', ...tools.map((tool) => tool.name)]),
    row(['---:', ...tools.map(() => '---:')]),
    ...sizes.map((size) =>
      row([String(size), ...tools.map((tool) => present(results.get(size)?.get(tool.name), (cost) => cell(cost, size)))]),
    ),
    '',
  ];
  const ratio = (cost: Cost, size: number) => {
    const ours = results.get(size)?.get(OURS);
    return ours === undefined ? '' : `${(cost.seconds / ours.seconds).toFixed(2)}`;
  };
  return [
    '# Results',
    '',
    `Whole processes; the least of ${runs} runs in turn. ${cpus().length} × ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB. ${versions}.`,
    'An app is a ServiceAccount, a Service, two Deployments, a DestinationRule and two VirtualServices; one Gateway serves all hosts. Each output is held against the same objects.',
    '',
    ...table('Wall time in seconds', (cost) => cost.seconds.toFixed(2)),
    ...table('Times our wall time', ratio),
    ...table('Peak memory in MiB', (cost) => cost.mebibytes.toFixed(0)),
  ].join('\n');
}

function present(cost: Cost | undefined, cell: (cost: Cost) => string): string {
  return cost === undefined ? '–' : cell(cost);
}

mkdirSync(join(__dirname, '..', '.cache', 'bench'), { recursive: true });
main();
