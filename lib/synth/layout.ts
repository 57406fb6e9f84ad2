import { createHash } from 'node:crypto';
import { type Chart, Names, YamlOutputType } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { Alternatives } from '../alternatives';
import { ErrorCode, MeshError } from '../errors';
import type { Rendered } from '../model/rendered';

/** A chart with what its objects became. */
export interface RenderedChart {
  /** The chart. */
  readonly chart: Chart;
  /** Its objects, in the order in which they are written. */
  readonly objects: readonly Rendered[];
}

/** How the objects of an app are divided into files. */
export interface LayoutOptions {
  /** One file per app, chart or object. */
  readonly type: YamlOutputType;
  /** What each file name ends with, `.k8s.yaml`. */
  readonly extension: string;
  /** Whether the names of charts carry an index, because charts depend on each other. */
  readonly indexed: boolean;
}

/** One file to be: its name, what goes into it, and whom to name when two files get the same name. */
interface Entry {
  readonly name: string;
  readonly objects: readonly Rendered[];
  readonly owner: IConstruct;
}

/** A file name may have 255 bytes on most file systems. */
const MAX_FILE_NAME = 255;

/**
 * Divides the objects of an app into files.
 *
 * Names are those of stock `App`, with three exceptions, where stock would overwrite one object with another or fail, or add a hash:
 * an alternative is called `<id of the Alternatives>-<id of the chart>`;
 * objects of one folder whose names are the same or differ in case only are written as `<Kind>.<name>@<namespace>@<group>`;
 * a name that is longer than a file system allows is cut, and ends with a hash.
 *
 * @returns the path of each file within the output folder (with `/`) and the objects in it
 * @throws MeshError DUPLICATE_FILE when two charts, or two objects, have the same file name for all that
 */
export function layout(charts: readonly RenderedChart[], options: LayoutOptions): Map<string, readonly Rendered[]> {
  const entries = divide(charts, options);
  const files = new Map<string, readonly Rendered[]>();
  const owners = new Map<string, Entry>();
  for (const entry of entries) {
    const path = entry.name + options.extension;
    const folded = path.toLowerCase();
    const other = owners.get(folded);
    if (other !== undefined) {
      const message = `would be written to the same file as [${other.owner.node.path}]: ${path}`;
      throw new MeshError(ErrorCode.DUPLICATE_FILE, message, entry.owner);
    }
    owners.set(folded, entry);
    files.set(path, entry.objects);
  }
  return files;
}

function divide(charts: readonly RenderedChart[], { type, extension, indexed }: LayoutOptions): Entry[] {
  const folder = ({ chart }: RenderedChart, index: number) =>
    (indexed ? `${String(index).padStart(4, '0')}-` : '') + chartName(chart);
  switch (type) {
    case YamlOutputType.FILE_PER_APP:
      return charts.length === 0 ? [] : [{ name: 'app', objects: charts.flatMap((c) => c.objects), owner: charts[0].chart }];
    case YamlOutputType.FILE_PER_CHART:
      return charts.map((c, index) => ({ name: folder(c, index), objects: c.objects, owner: c.chart }));
    case YamlOutputType.FILE_PER_RESOURCE: {
      const objects = charts.flatMap((c) => c.objects);
      const stockNames = objects.map(({ manifest }) => `${manifest.kind}.${manifest.metadata?.name}`);
      return perObject('', objects, stockNames, extension);
    }
    case YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE:
      return charts.flatMap((c, index) => {
        const stockNames = c.objects.map(({ construct }) => `${construct.kind}.${construct.metadata.name}`);
        return perObject(`${folder(c, index)}/`, c.objects, stockNames, extension);
      });
  }
}

function chartName(chart: Chart): string {
  return Names.toDnsLabel(chart, { includeHash: !(chart.node.scope instanceof Alternatives) });
}

/** One entry per object of one folder. Names that would meet in a file system without upper case are told apart. */
function perObject(folder: string, objects: readonly Rendered[], stockNames: string[], extension: string): Entry[] {
  const names = stockNames.map((name) => name.replace(/[^0-9a-zA-Z-_.]/g, ''));
  const uses = new Map<string, number>();
  for (const name of names) {
    uses.set(name.toLowerCase(), (uses.get(name.toLowerCase()) ?? 0) + 1);
  }
  return objects.map((object, i) => {
    const name = uses.get(names[i].toLowerCase()) === 1 ? names[i] : qualified(object);
    return { name: folder + cut(name, MAX_FILE_NAME - extension.length), objects: [object], owner: object.construct };
  });
}

/** A name that no other object has: `@` is in no stock name, and characters of the name that a file name cannot tell apart are encoded. */
function qualified({ manifest }: Rendered): string {
  const name = String(manifest.metadata?.name).replace(/[^0-9a-z-_.]/gu, (c) =>
    Buffer.from(c).toString('hex').replace(/../g, '%$&'),
  );
  const group = manifest.apiVersion.includes('/') ? manifest.apiVersion.split('/')[0] : '';
  return `${manifest.kind}.${name}@${manifest.metadata?.namespace ?? ''}@${group}`;
}

function cut(name: string, length: number): string {
  if (name.length <= length) {
    return name;
  }
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 12);
  return `${name.slice(0, length - hash.length - 1)}@${hash}`;
}
