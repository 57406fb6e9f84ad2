import { App, type AppProps, type Chart, YamlOutputType } from 'cdk8s';
import { check } from '../checks';
import type { Finding } from '../checks/finding';
import { creationOf } from '../creation';
import { ErrorCode, MeshError } from '../errors';
import type { Rendered } from '../model/rendered';
import { explainUncaughtErrors, ownLines } from './failure';
import { layout, type RenderedChart } from './layout';
import { order } from './order';
import { OutputFolder } from './output-folder';
import { Renderer } from './render';
import type { Content } from './replace';
import { Report } from './report';
import { YamlWriter } from './yaml';

/**
 * How a {@link MeshApp} writes, and what it prints.
 *
 * Unless `yamlOutputType` says otherwise, each chart becomes a folder and each object a file
 * (`YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE`), so that the diff of a change names the objects that changed.
 */
export interface MeshAppProps extends AppProps {
  /**
   * Print nothing but errors.
   *
   * @default - whether `--quiet` is on the command line
   */
  readonly quiet?: boolean;
}

/**
 * A cdk8s `App` whose `synth()` is safe and fast. It writes the same YAML to the same files as stock `App`, and
 *
 * - checks every object: no two are the same, and the API server would accept their names
 * - writes all or nothing: after an error of any kind, or an interrupt, the output folder is as it was
 * - removes the files of objects that are gone, and does not touch files that did not change
 * - leaves alone what somebody else put into the output folder. It knows its own files by the list `.cdk8s-istio` in that folder, which
 *   is to be committed with them
 * - tells on stderr what changed
 *
 * An error that nobody catches is printed without a stack, which `--stack` on the command line brings back.
 */
export class MeshApp extends App {
  private readonly report: Report;
  private readonly constructMetadata: boolean;

  /**
   * @param props how it writes, and what it prints
   */
  constructor(props: MeshAppProps = {}) {
    super({ ...props, yamlOutputType: props.yamlOutputType ?? YamlOutputType.FOLDER_PER_CHART_FILE_PER_RESOURCE });
    this.report = new Report(props.quiet ?? process.argv.includes('--quiet'));
    this.constructMetadata = props.recordConstructMetadata ?? process.env.CDK8S_RECORD_CONSTRUCT_METADATA === 'true';
    explainUncaughtErrors();
  }

  /**
   * All charts of this app; a chart comes after those it depends on.
   *
   * @throws `dependency-cycle` when constructs depend on each other in a circle
   */
  public override get charts(): Chart[] {
    return order(this).charts.map(({ chart }) => chart);
  }

  /**
   * Checks and renders all objects and writes them to the output folder, in one go.
   *
   * @throws `validation-failed` with all that the constructs' own validations found; those of this library have their own codes
   * @throws `dependency-cycle` when constructs depend on each other in a circle
   * @throws `render-failed` when an object cannot be rendered; constructs of this library have their own codes
   * @throws `duplicate-object`, `invalid-name`, `missing-namespace` with all objects that the API server would not take
   * @throws `unknown-subset`, `unknown-port`, `unreachable-route`, `unserved-host`, `host-taken`, `bypassed-split`,
   * `empty-subset`, `never-ejects`, `no-proxy`, `mtls-conflict` with all objects that do not fit each other
   * @throws `duplicate-file` when two charts, or two objects, would be written to one file
   * @throws `foreign-file` when a file of somebody else stands where one must be written
   * @throws `output-failed` when the output folder cannot be written
   */
  public override synth(): void {
    const output = new OutputFolder(this.outdir);
    output.recover();
    const { charts, dependent, yaml } = this.render();
    const objects = charts.flatMap((chart) => chart.objects);
    const options = { type: this.yamlOutputType, extension: this.outputFileExtension, indexed: dependent };
    const files = new Map<string, Content>();
    for (const [file, content] of layout(charts, options)) {
      files.set(file, () => yaml.stringify(content.map(({ manifest }) => manifest)));
    }
    if (this.constructMetadata) {
      files.set('construct-metadata.json', () => constructMetadata(objects));
    }
    const changes = output.write(files);
    this.report.summary(this.outdir, objects.length, files.size, changes);
  }

  /**
   * Checks and renders all objects.
   *
   * @returns one YAML text with all objects of all charts
   * @throws what {@link synth} throws, but for `duplicate-file`, `foreign-file` and `output-failed`
   */
  public override synthYaml(): string {
    const { charts, yaml } = this.render();
    return yaml.stringify(charts.flatMap(({ objects }) => objects.map(({ manifest }) => manifest)));
  }

  /** The way of the data: constructs are validated and put in order, each is rendered once, and all manifests are checked together. */
  private render(): { charts: RenderedChart[]; dependent: boolean; yaml: YamlWriter } {
    try {
      this.validate();
      const { charts, dependent } = order(this);
      const renderer = new Renderer(this);
      const count = charts.reduce((sum, { objects }) => sum + objects.length, 0);
      let done = 0;
      const rendered = charts.map(({ chart, objects }) => ({
        chart,
        objects: objects.map((construct) => {
          this.report.progress(done++, count);
          return { manifest: renderer.render(construct), construct, chart };
        }),
      }));
      this.check(rendered.flatMap(({ objects }) => objects));
      return { charts: rendered, dependent, yaml: new YamlWriter({ aliases: !renderer.ownOnly }) };
    } finally {
      this.report.clear();
    }
  }

  private validate(): void {
    const findings: Finding[] = [];
    for (const construct of this.node.findAll()) {
      for (const message of construct.node.validate()) {
        findings.push({ ...coded(message), construct });
      }
    }
    throwFindings(findings);
  }

  private check(objects: readonly Rendered[]): void {
    throwFindings(check(objects));
  }
}

/** Our own validations end with their code, which stock `App` prints as well. */
function coded(mistake: string): { readonly code: ErrorCode; readonly message: string } {
  const code = Object.values(ErrorCode).find((candidate) => mistake.endsWith(` (${candidate})`));
  return code === undefined
    ? { code: ErrorCode.VALIDATION_FAILED, message: mistake }
    : { code, message: mistake.slice(0, -` (${code})`.length) };
}

/** The line that created the construct is the one to change, not the call of `synth()`. */
function throwFindings(findings: readonly Finding[]): void {
  if (findings.length === 0) {
    return;
  }
  const [{ code, message, construct }] = findings;
  const lines = findings.map((finding) => {
    const places = ownLines(creationOf(finding.construct)).map((line) => `\n    at ${line}`);
    return `[${finding.construct.node.path}] ${finding.message} (${finding.code})${places.join('')}`;
  });
  const error =
    findings.length === 1
      ? new MeshError(code, message, construct)
      : new MeshError(code, `${findings.length} mistakes:\n  ${lines.join('\n  ')}\nthe first of them is`);
  error.cause = creationOf(construct);
  throw error;
}

/** The file that the cdk8s CLI maps findings of its validation plugins back to constructs with. */
function constructMetadata(objects: readonly Rendered[]): string {
  const resources = Object.fromEntries(objects.map(({ construct }) => [construct.name, { path: construct.node.path }]));
  return JSON.stringify({ version: '1.0.0', resources });
}
