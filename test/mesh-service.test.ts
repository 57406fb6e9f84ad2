import { Chart } from 'cdk8s';
import {
  Access,
  AppPort,
  CanaryApp,
  ClientPod,
  MeshGateway,
  MeshService,
  type MeshServiceFromNameProps,
  PathMatch,
} from 'cdk8s-istio';
import { chart, meshApp, refusal, synth } from './support/synth';

const service = (props: Partial<MeshServiceFromNameProps> = {}) =>
  MeshService.fromName(chart(), 'legacy', { ports: [AppPort.http(80), AppPort.tcp(5432)], ...props });

describe('a Service that somebody else owns', () => {
  test('is named in full', () => {
    const props: Required<MeshServiceFromNameProps> = { name: 'db', namespace: 'data', ports: [AppPort.tcp(5432)] };
    expect(service(props)).toMatchObject({ serviceName: 'db', namespace: 'data', host: 'db.data.svc.cluster.local' });
    expect(service({ name: undefined, namespace: undefined }).host).toBe('legacy.shop.svc.cluster.local');
  });

  test('creates nothing', () => {
    expect(synth((scope) => MeshService.fromName(scope, 'legacy', { ports: [AppPort.http(80)] }))).toEqual([]);
  });

  describe('is refused where an app stands for it, because that would pass by its split', () => {
    const PROBLEM =
      "[system/legacy] Service 'legacy' belongs to the app 'system/app', whose split and rules would be passed by; name the app in its place (bypassed-split)";
    const other = (scope: Chart, service: MeshService) =>
      new CanaryApp(scope, 'other', {
        image: 'other',
        ports: [AppPort.http(80)],
        versions: { v1: {} },
        rules: [{ when: PathMatch.exact('/legacy'), service }],
      });
    test.each<[string, (scope: Chart, service: MeshService) => unknown]>([
      [
        'at a gateway',
        (scope, service) =>
          new MeshGateway(scope, 'gateway').expose(service, { host: 'shop.example.com', access: Access.public() }),
      ],
      ['as an outcome of a rule', other],
      ['by a caller', (scope, service) => new ClientPod(scope, 'client', { image: 'client' }).calls(service)],
    ])('%s, whether it comes before or after the app', (_, use) => {
      const refused = (order: 'before' | 'after') =>
        refusal(() =>
          synth((scope) => {
            const service = MeshService.fromName(scope, 'legacy', { ports: [AppPort.http(80)] });
            const adopt = () =>
              new CanaryApp(scope, 'app', { image: 'app', service, versions: { v1: {}, v2: {} }, split: { v1: 100, v2: 0 } });
            const steps = [() => use(scope, service), adopt];
            for (const step of order === 'before' ? steps : steps.reverse()) {
              step();
            }
          }),
        );
      expect([refused('before'), refused('after')]).toEqual([PROBLEM, PROBLEM]);
    });
  });

  test('gives its ports as a copy', () => {
    const legacy = service();
    legacy.ports.pop();
    expect(legacy.ports).toHaveLength(2);
    expect(legacy.portOf(5432).protocol).toBe('tcp');
    expect(refusal(() => legacy.portOf(81))).toBe(
      "[system/legacy] port 81 is none of the Service's; it has 80, 5432 (unknown-port)",
    );
  });

  test('does not follow later changes to the ports that it was given', () => {
    const ports = [AppPort.http(80)];
    const legacy = service({ ports });
    ports.push(AppPort.http(81));
    expect(legacy.ports).toHaveLength(1);
  });

  test.each<[Partial<MeshServiceFromNameProps>, string]>([
    [{ ports: [] }, 'ports is empty; a Service needs at least one AppPort (no-ports)'],
    [{ ports: [AppPort.http(80), AppPort.grpc(80)] }, 'port 80 occurs twice; each port number is allowed once (duplicate-port)'],
    [
      { ports: [AppPort.grpc(80), AppPort.grpc(81)] },
      "ports 80 and 81 are both called 'grpc'; give one a name: AppPort.grpc(81, { name: '…' }) (duplicate-port)",
    ],
    [
      { name: '1st' },
      "name of the Service is '1st'; a Service needs 1 to 63 lower-case letters, digits and '-', with a letter first and no '-' last (invalid-name)",
    ],
    [
      { namespace: 'A' },
      "namespace is 'A'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)",
    ],
  ])('is refused with bad input: %#', (props, message) => {
    expect(refusal(() => service(props))).toBe(`[system/legacy] ${message}`);
  });

  test('is refused in a chart without a namespace', () => {
    expect(refusal(() => MeshService.fromName(new Chart(meshApp(), 'system'), 'legacy', { ports: [AppPort.http(80)] }))).toBe(
      "[system/legacy] chart 'system' has no namespace; give it one: new Chart(app, 'system', { namespace: '…' }) (missing-namespace)",
    );
  });
});
