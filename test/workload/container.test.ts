import { Chart, Size } from 'cdk8s';
import { AppPort, type ContainerOptions, LifecycleHandler, Probe } from 'cdk8s-istio';
import { Capability, Cpu, EnvValue, ImagePullPolicy, Secret, Volume } from 'cdk8s-plus-27';
import { type ContainerParts, renderContainer } from '../../lib/workload/container';
import { chart, meshApp, refusal } from '../support/synth';

const parts: ContainerParts = { name: 'cart', image: 'cart:1', ports: [], mounts: [] };
const render = (options: ContainerOptions, over: Partial<ContainerParts> = {}) =>
  JSON.parse(JSON.stringify(renderContainer({ ...parts, ...over }, options, chart())));

describe('a container', () => {
  test('says nothing that was not said', () => {
    expect(render({})).toEqual({ name: 'cart', image: 'cart:1' });
  });

  test('is written with every option', () => {
    const scope = new Chart(meshApp(), 'volumes');
    const options: Required<ContainerOptions> = {
      command: ['/bin/cart'],
      args: ['--verbose'],
      workingDir: '/srv',
      env: { MODE: 'on', PORT: '8080' },
      envVariables: {
        PASSWORD: EnvValue.fromSecretValue({ secret: Secret.fromSecretName(scope, 'secret', 'db'), key: 'password' }),
      },
      imagePullPolicy: ImagePullPolicy.IF_NOT_PRESENT,
      readiness: Probe.tcp(80),
      liveness: Probe.tcp(81),
      startup: Probe.tcp(82),
      lifecycle: { postStart: LifecycleHandler.exec(['start']), preStop: LifecycleHandler.exec(['stop']) },
      resources: {
        cpu: { request: Cpu.millis(100), limit: Cpu.units(1) },
        memory: { request: Size.mebibytes(64), limit: Size.gibibytes(1) },
        ephemeralStorage: { limit: Size.gibibytes(2) },
      },
      securityContext: {
        user: 1000,
        group: 2000,
        ensureNonRoot: true,
        privileged: false,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { add: [Capability.NET_ADMIN], drop: [Capability.MKNOD] },
      },
      volumeMounts: [{ path: '/cache', volume: Volume.fromEmptyDir(scope, 'cache', 'cache'), readOnly: false, subPath: 'cart' }],
    };
    expect(render(options, { ports: [AppPort.http(80, { targetPort: 8080 })] })).toEqual({
      name: 'cart',
      image: 'cart:1',
      imagePullPolicy: 'IfNotPresent',
      command: ['/bin/cart'],
      args: ['--verbose'],
      workingDir: '/srv',
      env: [
        { name: 'MODE', value: 'on' },
        { name: 'PORT', value: '8080' },
        { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
      ],
      ports: [{ name: 'http', containerPort: 8080 }],
      readinessProbe: { tcpSocket: { port: 80 } },
      livenessProbe: { tcpSocket: { port: 81 } },
      startupProbe: { tcpSocket: { port: 82 } },
      lifecycle: { postStart: { exec: { command: ['start'] } }, preStop: { exec: { command: ['stop'] } } },
      resources: {
        requests: { cpu: '100m', memory: '64Mi' },
        limits: { cpu: '1', memory: '1024Mi', 'ephemeral-storage': '2048Mi' },
      },
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 2000,
        runAsNonRoot: true,
        privileged: false,
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { add: ['NET_ADMIN'], drop: ['MKNOD'] },
      },
      volumeMounts: [{ name: 'cache', mountPath: '/cache', subPath: 'cart', readOnly: false }],
    });
  });

  test.each(['', ' ', 'a b', 'a\n'])('is refused with the image %j', (image) => {
    expect(refusal(() => render({}, { image }))).toBe(
      `[system] image of container 'cart' is '${image}'; it must name an image (invalid-workload)`,
    );
  });

  test.each(['', 'Cart', 'a.b', 'a'.repeat(64)])('is refused with the name %j', (name) => {
    expect(refusal(() => render({}, { name }))).toContain(`[system] name of the container is '${name}'; allowed are 1 to 63`);
  });

  test('takes names and values of variables that look like something else', () => {
    const env = { 'a.b-c_D': '', constructor: 'null', __proto__x: '1e3' };
    expect(render({ env }).env).toEqual(Object.entries(env).map(([name, value]) => ({ name, value })));
  });

  test.each(['', '1A', 'A B', 'Ä', 'A=B'])('is refused with a variable called %j', (name) => {
    expect(refusal(() => render({ env: { [name]: 'x' } }))).toBe(
      `[system] environment variable of container 'cart' is called '${name}'; allowed are letters, digits, '-', '_' and '.', no digit first (invalid-workload)`,
    );
  });

  test('is refused with a variable said twice', () => {
    expect(refusal(() => render({ env: { A: '1' }, envVariables: { A: EnvValue.fromValue('2') } }))).toBe(
      "[system] environment variable 'A' of container 'cart' stands in env and in envVariables; say it once (invalid-workload)",
    );
  });

  test('is refused with two ports of one name', () => {
    const ports = [AppPort.http(80, { name: 'api' }), AppPort.grpc(81, { name: 'api' })];
    expect(refusal(() => render({}, { ports }))).toBe(
      "[system] two ports of container 'cart' are called 'api'; give one a name of its own: AppPort.http(…, { name: '…' }) (duplicate-port)",
    );
  });

  test('is refused with a path mounted twice, or none', () => {
    const volume = Volume.fromEmptyDir(chart(), 'cache', 'cache');
    const mounts = (...paths: string[]) => refusal(() => render({ volumeMounts: paths.map((path) => ({ path, volume })) }));
    expect(mounts('/a', '/a')).toBe("[system] container 'cart' mounts '/a' twice; each path is allowed once (invalid-workload)");
    expect(mounts('a')).toBe(
      "[system] container 'cart' mounts 'a'; a mount path begins with '/' and holds no ':' (invalid-workload)",
    );
    expect(mounts('/a:b')).toContain("container 'cart' mounts '/a:b'");
  });
});

test('memory and disk may be less than a whole mebibyte, but no part of a kibibyte', () => {
  const resources = {
    memory: { request: Size.kibibytes(1500), limit: Size.mebibytes(2.5) },
    ephemeralStorage: { limit: Size.kibibytes(2048) },
  };
  expect(render({ resources }).resources).toEqual({
    requests: { memory: '1500Ki' },
    limits: { memory: '2560Ki', 'ephemeral-storage': '2Mi' },
  });
  expect(refusal(() => render({ resources: { memory: { limit: Size.kibibytes(0.5) } } }))).toBe(
    '[system] memory limit in kibibytes is 0.5; allowed are whole numbers from 0 to 9007199254740991 (out-of-range)',
  );
});
