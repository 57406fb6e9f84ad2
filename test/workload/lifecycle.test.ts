import { Duration } from 'cdk8s';
import { LifecycleHandler } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('a handler around a container’s life', () => {
  test.each([
    [LifecycleHandler.exec(['sleep', '15']), { exec: { command: ['sleep', '15'] } }],
    [LifecycleHandler.http(8080, '/drain'), { httpGet: { path: '/drain', port: 8080 } }],
    [LifecycleHandler.sleep(Duration.minutes(1)), { sleep: { seconds: 60 } }],
  ])('is written as Kubernetes reads it', (handler, expected) => {
    expect(handler._handler).toEqual(expected);
  });

  test('does not follow later changes to the command', () => {
    const command = ['sleep', '15'];
    const handler = LifecycleHandler.exec(command);
    command.push('16');
    expect(handler._handler).toEqual({ exec: { command: ['sleep', '15'] } });
  });

  test.each<[() => unknown, string]>([
    [() => LifecycleHandler.exec([]), 'command is empty; it names a program and its arguments (invalid-workload)'],
    [() => LifecycleHandler.http(0, '/'), 'port of the handler is 0; allowed are whole numbers from 1 to 65535 (out-of-range)'],
    [() => LifecycleHandler.http(80, ''), "path is ''; it must begin with '/' (invalid-path)"],
    [
      () => LifecycleHandler.sleep(Duration.seconds(0)),
      'sleep of the handler is 0 s; allowed are whole seconds from 1 up (out-of-range)',
    ],
  ])('is refused where Kubernetes could not run it: %#', (build, message) => {
    expect(refusal(build)).toBe(message);
  });
});
