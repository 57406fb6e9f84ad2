import { Duration } from 'cdk8s';
import { type GrpcProbeOptions, type HttpProbeOptions, Probe, type ProbeOptions } from 'cdk8s-istio';
import { READINESS } from '../../lib/workload/probe';
import { chart, refusal } from '../support/synth';

const render = (probe: Probe, what = READINESS) => JSON.parse(JSON.stringify(probe._render(what, chart())));

describe('a probe', () => {
  const timing: Required<ProbeOptions> = {
    initialDelay: Duration.seconds(0),
    period: Duration.seconds(5),
    timeout: Duration.minutes(1),
    failureThreshold: 3,
    successThreshold: 2,
  };
  const seconds = { initialDelaySeconds: 0, periodSeconds: 5, timeoutSeconds: 60, failureThreshold: 3, successThreshold: 2 };

  test('asks in its own time', () => {
    expect(render(Probe.tcp(80, timing))).toEqual({ tcpSocket: { port: 80 }, ...seconds });
    expect(render(Probe.tcp(80))).toEqual({ tcpSocket: { port: 80 } });
  });

  test('asks by HTTP, with a query and headers', () => {
    const options: Required<HttpProbeOptions> = { ...timing, headers: { Host: 'shop.example.com' } };
    expect(render(Probe.http(80, '/health?full=1', options))).toEqual({
      httpGet: { path: '/health?full=1', port: 80, httpHeaders: [{ name: 'Host', value: 'shop.example.com' }] },
      ...seconds,
    });
    expect(render(Probe.http(80, '/', { headers: {} }))).toEqual({ httpGet: { path: '/', port: 80 } });
  });

  test('asks by gRPC', () => {
    const options: Required<GrpcProbeOptions> = { ...timing, service: 'cart' };
    expect(render(Probe.grpc(80, options))).toEqual({ grpc: { port: 80, service: 'cart' }, ...seconds });
    expect(render(Probe.grpc(80))).toEqual({ grpc: { port: 80 } });
  });

  test('runs a command', () => {
    expect(render(Probe.exec(['pg_isready', '-q'], timing))).toEqual({ exec: { command: ['pg_isready', '-q'] }, ...seconds });
  });

  test.each<[() => unknown, string]>([
    [() => Probe.tcp(0), 'port of the probe is 0; allowed are whole numbers from 1 to 65535 (out-of-range)'],
    [() => Probe.http(80, 'health'), "path is 'health'; it must begin with '/' (invalid-path)"],
    [
      () => Probe.http(80, '/', { headers: { 'a b': 'c' } }),
      "header name is 'a b'; allowed are letters, digits and !#$%&'*+.^_`|~- (invalid-header)",
    ],
    [() => Probe.exec([]), 'command is empty; it names a program and its arguments (invalid-workload)'],
    [() => Probe.exec(['']), 'command is empty; it names a program and its arguments (invalid-workload)'],
  ])('is refused where the kubelet could not ask: %#', (build, message) => {
    expect(refusal(build)).toBe(message);
  });

  test.each<[ProbeOptions, string]>([
    [{ period: Duration.seconds(0) }, 'period of the readiness probe is 0 s; allowed are whole seconds from 1 up'],
    [{ period: Duration.millis(1500) }, 'period of the readiness probe is 1.5 s; allowed are whole seconds from 1 up'],
    [{ initialDelay: Duration.millis(1) }, 'initialDelay of the readiness probe is 0.001 s; allowed are whole seconds from 0 up'],
    [{ timeout: Duration.seconds(0) }, 'timeout of the readiness probe is 0 s; allowed are whole seconds from 1 up'],
    [{ failureThreshold: 0 }, 'failureThreshold of the readiness probe is 0; allowed are whole numbers from 1 up'],
    [{ successThreshold: 1.5 }, 'successThreshold of the readiness probe is 1.5; allowed are whole numbers from 1 up'],
  ])('is refused with an impossible time: %#', (options, message) => {
    expect(refusal(() => render(Probe.tcp(80, options)))).toBe(`[system] ${message} (out-of-range)`);
  });

  test.each(['the liveness probe', 'the startup probe'])('counts one success as enough as %s', (what) => {
    expect(render(Probe.tcp(80, { successThreshold: 1 }), what)).toMatchObject({ successThreshold: 1 });
    expect(refusal(() => render(Probe.tcp(80, { successThreshold: 2 }), what))).toBe(
      `[system] successThreshold of ${what} is 2; allowed are whole numbers from 1 to 1 (out-of-range)`,
    );
  });
});
