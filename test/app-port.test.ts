import { AppPort, PortProtocol } from 'cdk8s-istio';
import { refusal } from './support/synth';

describe('a port', () => {
  test.each([
    [AppPort.http(80), 'http', true, false],
    [AppPort.http2(80), 'http2', true, false],
    [AppPort.grpc(80), 'grpc', true, false],
    [AppPort.https(80), 'https', false, true],
    [AppPort.tls(80), 'tls', false, true],
    [AppPort.tcp(80), 'tcp', false, false],
    [AppPort.of(PortProtocol.GRPC_WEB, 80), 'grpc-web', true, false],
    [AppPort.of(PortProtocol.MONGO, 80), 'mongo', false, false],
    [AppPort.of(PortProtocol.MYSQL, 80), 'mysql', false, false],
    [AppPort.of(PortProtocol.REDIS, 80), 'redis', false, false],
  ])('is called after its protocol: %#', (port, protocol, isHttp, isTls) => {
    expect(port).toMatchObject({
      protocol,
      servicePortName: protocol,
      containerPortName: protocol,
      port: 80,
      targetPort: 80,
      isHttp,
      isTls,
    });
  });

  test('has a name of its own, with the protocol before it in the Service', () => {
    expect(AppPort.grpc(80, { name: 'api', targetPort: 9090 })).toMatchObject({
      servicePortName: 'grpc-api',
      containerPortName: 'api',
      port: 80,
      targetPort: 9090,
    });
    expect(AppPort.http(80, { name: undefined, targetPort: undefined })).toMatchObject({
      servicePortName: 'http',
      targetPort: 80,
    });
  });

  test.each(['', '80', 'API', 'a b', '-a', 'a-', 'a--b', 'a'.repeat(16), 'a_b'])('is refused with the name %j', (name) => {
    expect(refusal(() => AppPort.http(80, { name }))).toBe(
      `name of port 80 is '${name}'; allowed are 1 to 15 lower-case letters, digits and '-', at least one letter (invalid-name)`,
    );
  });

  test('takes a name of 15 characters', () => {
    expect(AppPort.http(80, { name: 'a'.repeat(15) }).containerPortName).toHaveLength(15);
  });

  test.each([0, 65536, 1.5, -1, Number.NaN])('is refused with the number %p', (number) => {
    expect(refusal(() => AppPort.tcp(number))).toBe(
      `port is ${number}; allowed are whole numbers from 1 to 65535 (out-of-range)`,
    );
    expect(refusal(() => AppPort.tcp(80, { targetPort: number }))).toBe(
      `target port is ${number}; allowed are whole numbers from 1 to 65535 (out-of-range)`,
    );
  });
});
