import * as http from 'node:http';
import * as path from 'node:path';
import { bin, kubeconfig } from '../paths';
import { nameHub } from './names';
import { hubAddress } from './network';
import { eventually, Program } from './program';

const prometheusPort = 9090;

/** What the values of Flagger's chart say. */
export interface FlaggerValues {
  readonly meshProvider: string;
  readonly metricsServer: string;
}

/** What a metric is right now: the value of every query that matches. */
export interface Measurement {
  readonly query: RegExp;
  readonly value: number;
}

/** Flagger, and in place of a Prometheus somebody who answers its queries as a scenario says. */
export class Flagger {
  private measurements: readonly Measurement[] = [];
  private program?: Program;

  /** `prometheusHosts` are the names by which Flagger and its Canaries know Prometheus. */
  static async start(values: FlaggerValues, prometheusHosts: string[]): Promise<Flagger> {
    for (const host of prometheusHosts) await nameHub(host);
    const flagger = new Flagger(values);
    await flagger.servePrometheus();
    await flagger.checkNow();
    return flagger;
  }

  private constructor(private readonly values: FlaggerValues) {}

  /** From now on metrics have these values, and all others none. */
  measure(measurements: readonly Measurement[]): void {
    this.measurements = measurements;
  }

  /** Lets Flagger check its Canaries until `ask` is answered with yes. */
  async checkUntil(what: string, ask: () => Promise<boolean>): Promise<void> {
    await eventually(what, 60, async () => {
      await this.checkNow();
      return eventually(what, 2, ask).catch(() => false);
    });
  }

  /** Flagger checks a Canary as it starts, and then at each interval. A new start takes the place of that wait. */
  private async checkNow(): Promise<void> {
    await this.program?.stop();
    this.program = Program.start('flagger', [
      path.join(bin, 'flagger'),
      `-kubeconfig=${kubeconfig}`,
      `-mesh-provider=${this.values.meshProvider}`,
      `-metrics-server=${this.values.metricsServer}`,
      '-control-loop-interval=200ms',
      // istiod has 8080.
      '-port=8081',
    ]);
  }

  private servePrometheus(): Promise<void> {
    const server = http.createServer((request, response) => {
      const query = new URL(request.url ?? '/', 'http://prometheus').searchParams.get('query') ?? '';
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result: this.answer(query) } }));
    });
    return new Promise((resolve, reject) => server.once('error', reject).listen(prometheusPort, hubAddress, resolve));
  }

  private answer(query: string): object[] {
    // By this one Flagger finds out whether there is a Prometheus.
    const value = query === 'vector(1)' ? 1 : this.measurements.find((measurement) => measurement.query.test(query))?.value;
    return value === undefined ? [] : [{ metric: {}, value: [Date.now() / 1000, `${value}`] }];
  }
}
