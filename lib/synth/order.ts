import { ApiObject, type App, Chart } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';

/** A chart and its objects, in the order in which they are written. */
export interface OrderedChart {
  /** The chart. */
  readonly chart: Chart;
  /** The objects whose closest chart is this one; an object comes after those it depends on. */
  readonly objects: ApiObject[];
}

/** All charts of an app, in the order in which they are written. */
export interface Order {
  /** The charts; a chart comes after those it depends on. */
  readonly charts: OrderedChart[];
  /** Whether any chart depends on another one: file names then carry the chart's index. */
  readonly dependent: boolean;
}

/**
 * Orders the charts of an app and the objects of each chart as stock `App` does, in one pass over the tree.
 *
 * The rules: a chart depends on the charts directly inside it, and on the chart of anything that something in it depends on.
 * An object depends on every object under whatever it, or something around it, depends on.
 * All else stays in the order of the tree.
 *
 * @throws MeshError DEPENDENCY_CYCLE when constructs depend on each other in a circle
 */
export function order(app: App): Order {
  const graph = new Graph(app);
  const chartVertices = graph.sorted(0).filter((vertex) => Chart.isChart(graph.constructs[vertex]));
  const charts = chartVertices.map((vertex) => {
    const chart = graph.constructs[vertex] as Chart;
    const inside = graph.sorted(vertex).filter((v) => graph.charts[v] === chart && ApiObject.isApiObject(graph.constructs[v]));
    return { chart, objects: inside.map((v) => graph.constructs[v] as ApiObject) };
  });
  return { charts, dependent: graph.dependent };
}

/**
 * The constructs of an app as numbered vertices: first the tree in preorder, so that everything under a construct has the numbers
 * from its own up to `ends`; then one group vertex per construct that others depend on, which stands for all objects under it.
 * A group keeps the number of edges small where "all of this chart after all of that one" would multiply them.
 */
class Graph {
  public readonly constructs: IConstruct[] = [];
  public readonly charts: (Chart | undefined)[] = [];
  public dependent = false;

  private readonly ends: number[] = [];
  private readonly numbers = new Map<IConstruct, number>();
  private readonly edges = new Map<number, Set<number>>();
  private readonly groups = new Map<number, number>();
  private readonly objectsUnder = new Map<number, number[]>();
  private readonly explicit: [number, number][] = [];

  constructor(app: App) {
    this.visit(app, undefined);
    this.linkExplicit();
    this.linkCharts();
    this.linkObjects();
  }

  /** The vertices at or under one vertex, dependencies first. */
  public sorted(root: number): number[] {
    const end = this.ends[root];
    const size = this.constructs.length;
    const starts = this.starts(root, end);
    if (starts.every((start) => !this.edges.has(start))) {
      return starts;
    }
    const result: number[] = [];
    const done = new Set<number>();
    for (const start of starts) {
      if (done.has(start)) {
        continue;
      }
      const open = new Set([start]);
      const stack = [this.targets(start)];
      const path = [start];
      while (stack.length > 0) {
        const next = stack[stack.length - 1].next();
        if (next.done) {
          const vertex = path.pop() as number;
          stack.pop();
          open.delete(vertex);
          done.add(vertex);
          if (vertex < size) {
            result.push(vertex);
          }
        } else if (open.has(next.value)) {
          throw this.cycle(path.slice(path.indexOf(next.value)));
        } else if (!done.has(next.value) && (next.value >= size || (next.value >= root && next.value < end))) {
          open.add(next.value);
          stack.push(this.targets(next.value));
          path.push(next.value);
        }
      }
    }
    return result;
  }

  private visit(construct: IConstruct, outer: Chart | undefined): void {
    const vertex = this.constructs.length;
    const chart = Chart.isChart(construct) ? (construct as Chart) : outer;
    this.numbers.set(construct, vertex);
    this.constructs.push(construct);
    this.charts.push(chart);
    for (const child of construct.node.children) {
      this.visit(child, chart);
    }
    this.ends[vertex] = this.constructs.length;
  }

  private linkExplicit(): void {
    this.constructs.forEach((construct, vertex) => {
      for (const dependency of construct.node.dependencies) {
        const target = this.numbers.get(dependency);
        if (Chart.of(construct) !== Chart.of(dependency)) {
          this.dependent = true;
        }
        if (target !== undefined) {
          this.explicit.push([vertex, target]);
          this.link(vertex, target);
        }
      }
    });
  }

  private linkCharts(): void {
    this.constructs.forEach((construct, vertex) => {
      if (Chart.isChart(construct)) {
        for (const child of construct.node.children.filter(Chart.isChart)) {
          this.link(vertex, this.number(child));
          this.dependent = true;
        }
      }
    });
    for (const [source, target] of this.pairs()) {
      const [from, to] = [this.charts[source], this.charts[target]];
      if (from !== undefined && to !== undefined && from !== to) {
        this.link(this.number(from), this.number(to));
      }
    }
  }

  private linkObjects(): void {
    for (const [source, target] of this.pairs()) {
      const targets = this.objects(target);
      const nested = (source <= target && target < this.ends[source]) || (target <= source && source < this.ends[target]);
      for (const object of targets.length === 0 ? [] : this.objects(source)) {
        if (nested) {
          for (const other of targets.filter((t) => t !== object)) {
            this.link(object, other);
          }
        } else {
          this.link(object, this.group(target, targets));
        }
      }
    }
  }

  /** The objects under a vertex that belong to the same chart as the vertex itself. */
  private objects(vertex: number): number[] {
    let objects = this.objectsUnder.get(vertex);
    if (objects === undefined) {
      objects = [];
      for (let v = vertex; v < this.ends[vertex]; v++) {
        if (this.charts[v] === this.charts[vertex] && ApiObject.isApiObject(this.constructs[v])) {
          objects.push(v);
        }
      }
      this.objectsUnder.set(vertex, objects);
    }
    return objects;
  }

  private group(target: number, members: number[]): number {
    let group = this.groups.get(target);
    if (group === undefined) {
      group = this.constructs.length + this.groups.size;
      this.groups.set(target, group);
      this.edges.set(group, new Set(members));
    }
    return group;
  }

  /**
   * Where a walk begins: at the vertices that nothing depends on; then at the rest, all of which are met by then unless there is a cycle.
   * Stock `App` keeps its vertices by path in an object, so a top-level path that looks like an array index comes first.
   */
  private starts(root: number, end: number): number[] {
    const vertices: number[] = [];
    const wanted = new Set<number>();
    for (let vertex = root; vertex < end; vertex++) {
      vertices.push(vertex);
      for (const target of this.edges.get(vertex) ?? []) {
        for (const inner of this.groupMembers(target) ?? [target]) {
          wanted.add(inner);
        }
      }
    }
    const indices = new Set(root === 0 ? this.constructs[0].node.children.filter(hasArrayIndex).map((c) => this.number(c)) : []);
    if (wanted.size + indices.size > 0) {
      const rank = (vertex: number) => (wanted.has(vertex) ? 2 : 0) + (indices.has(vertex) ? 0 : 1);
      vertices.sort((a, b) => rank(a) - rank(b) || a - b);
    }
    return vertices;
  }

  private groupMembers(vertex: number): Set<number> | undefined {
    return vertex < this.constructs.length ? undefined : this.edges.get(vertex);
  }

  private targets(vertex: number): Iterator<number, undefined> {
    return (this.edges.get(vertex) ?? []).values();
  }

  /** Every edge between two constructs, by source in the order of the tree, as they are now. */
  private pairs(): [number, number][] {
    const sources = [...this.edges.keys()].sort((a, b) => a - b);
    return sources.flatMap((source) => [...(this.edges.get(source) ?? [])].map((target): [number, number] => [source, target]));
  }

  private link(source: number, target: number): void {
    const targets = this.edges.get(source);
    if (targets === undefined) {
      this.edges.set(source, new Set([target]));
    } else {
      targets.add(target);
    }
  }

  private number(construct: IConstruct): number {
    return this.numbers.get(construct) as number;
  }

  /** A chart depends on another one because of something inside, and that is what the user wrote and can change. */
  private cycle(vertices: number[]): MeshError {
    const circle = vertices.filter((vertex) => vertex < this.constructs.length);
    const steps = circle.map((from, i) => {
      const to = circle[(i + 1) % circle.length];
      const cause = this.explicit.find(
        ([source, target]) => this.charts[source] === this.constructs[from] && this.charts[target] === this.constructs[to],
      );
      return (cause ?? [from, to]).map((vertex) => this.constructs[vertex].node.path).join(' => ');
    });
    return new MeshError(ErrorCode.DEPENDENCY_CYCLE, `constructs depend on each other in a circle: ${steps.join(', ')}`);
  }
}

function hasArrayIndex({ node }: IConstruct): boolean {
  return /^(0|[1-9]\d{0,9})$/.test(node.id) && Number(node.id) < 2 ** 32 - 1;
}
