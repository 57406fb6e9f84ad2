import { ConfigFiles } from '../../lib/workload/config-files';
import { chart, refusal } from '../support/synth';

const files = (content: { [path: string]: string }) => new ConfigFiles('cart-v1', content, chart());

describe('files', () => {
  test('are kept by name and mounted one by one', () => {
    const { data, mounts, volumes } = files({ '/etc/app/app.toml': 'a = 1\n', '/etc/app/.env': '' });
    expect(data).toEqual({ 'app.toml': 'a = 1\n', '.env': '' });
    expect(mounts).toEqual([
      { name: 'config', mountPath: '/etc/app/app.toml', subPath: 'app.toml', readOnly: true },
      { name: 'config', mountPath: '/etc/app/.env', subPath: '.env', readOnly: true },
    ]);
    expect(volumes).toEqual([{ name: 'config', configMap: { name: 'cart-v1' } }]);
  });

  test('leave no trace where there are none', () => {
    expect([files({}).volumes, files({}).mounts, files({}).annotations]).toEqual([[], [], {}]);
  });

  test('replace the pods when one changes, and not when only their order does', () => {
    const checksum = (content: { [path: string]: string }) => files(content).annotations['checksum/config'];
    expect(checksum({ '/a': '1', '/b': '2' })).toMatch(/^[0-9a-f]{16}$/);
    expect(checksum({ '/b': '2', '/a': '1' })).toBe(checksum({ '/a': '1', '/b': '2' }));
    expect(checksum({ '/a': '2', '/b': '1' })).not.toBe(checksum({ '/a': '1', '/b': '2' }));
  });

  test.each([
    '',
    '/',
    'app.toml',
    './app.toml',
    '/etc/',
    '/etc/..',
    '/etc/..data',
    '/etc/...',
    '/etc/.',
    '/etc/a b',
    '/etc/ä',
    '/etc/a:b',
  ])('are refused at %j', (path) => {
    expect(refusal(() => files({ [path]: '' }))).toBe(
      `[system] file is '${path}'; allowed are absolute paths whose last part holds letters, digits, '-', '_' and '.', and neither is '.' nor begins with '..' (invalid-workload)`,
    );
  });

  test('are refused with one name twice, whatever their folders', () => {
    expect(refusal(() => files({ '/a/x.conf': '', '/b/x.conf': '' }))).toBe(
      "[system] two files are called 'x.conf'; a ConfigMap holds each name once (invalid-workload)",
    );
  });

  test('may be called like what every object has', () => {
    expect(files({ '/etc/constructor': 'x' }).data).toEqual({ constructor: 'x' });
  });

  test('are refused beyond what a ConfigMap holds', () => {
    expect(files({ '/a': 'x'.repeat(2 ** 20 - 1) }).mounts).toHaveLength(1);
    expect(refusal(() => files({ '/a': 'ä'.repeat(2 ** 19) }))).toBe(
      '[system] files hold 1048577 bytes; a ConfigMap holds at most 1048576 (invalid-workload)',
    );
  });
});
