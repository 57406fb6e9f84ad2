import { Duration } from 'cdk8s';
import {
  list,
  quote,
  renderDuration,
  renderSeconds,
  requireDnsLabel,
  requireHost,
  requireHostName,
  requireInteger,
  requireLabelValue,
  requirePercent,
  requirePort,
  requireServiceName,
  takesEveryPath,
} from '../lib/limits';
import { refusal } from './support/synth';

const HOSTILE = ['', ' ', 'A', 'a b', '-a', 'a-', 'a_b', 'ä', 'a\n', 'a/b', 'a'.repeat(64), '\u0000', '\u{1f600}'];
const NO_NUMBERS = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

describe('names', () => {
  test.each(['a', '0', '80', 'true', 'null', 'a-b', 'a--b', 'a'.repeat(63)])('%s is a DNS label', (name) => {
    expect(requireDnsLabel('name', name)).toBe(name);
  });

  test.each([...HOSTILE, 'a.b'])('%j is none', (name) => {
    expect(refusal(() => requireDnsLabel('name', name))).toBe(
      `name is '${name}'; allowed are 1 to 63 lower-case letters, digits and '-', with a letter or digit at both ends (invalid-name)`,
    );
  });

  test('of Services begin with a letter', () => {
    expect(requireServiceName('name', `a${'0'.repeat(62)}`)).toHaveLength(63);
    expect(refusal(() => requireServiceName('name', '0a'))).toBe(
      "name is '0a'; a Service needs 1 to 63 lower-case letters, digits and '-', with a letter first and no '-' last (invalid-name)",
    );
  });

  test.each(['', 'a', 'A.b_c-D', '0', 'a'.repeat(63)])('%j is the value of a label', (value) => {
    expect(requireLabelValue('label', value)).toBe(value);
  });

  test.each([' ', '-a', 'a_', 'a/b', 'ä', 'a\n', 'a'.repeat(64)])('%j is none', (value) => {
    expect(refusal(() => requireLabelValue('label', value))).toBe(
      `label is '${value}'; a label value has at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends (invalid-name)`,
    );
  });
});

describe('hosts', () => {
  const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;

  test.each([
    'a',
    'shop.example.com',
    '*',
    '*.example.com',
    '1.example',
    '10.0.0.1.nip.io',
    'a1',
    'a.1b',
    'xn--bcher-kva.example',
    longest,
  ])('%s is one', (host) => {
    expect(requireHost(host)).toBe(host);
  });

  test.each([...HOSTILE, 'a.', '.a', 'a..b', 'a.*.b', 'a*.b', '**', 'http://a', 'a:80', `${longest}x`])('%j is none', (host) => {
    expect(refusal(() => requireHost(host))).toBe(
      `host is '${host}'; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label (invalid-host)`,
    );
  });

  test.each(['192.168.49.2', '0.0.0.0', '1', 'shop.1', '*.1'])('%s is none, as Istio refuses a number as last label', (host) => {
    expect(refusal(() => requireHost(host))).toBe(
      `host is '${host}', which Istio takes for an address, as its last label is a number; allowed are DNS names, '*' only alone or as the first label (invalid-host)`,
    );
  });

  test('of a request may be an address', () => {
    expect(requireHostName('192.168.49.2')).toBe('192.168.49.2');
    expect(refusal(() => requireHostName('192.168.49.256'))).toContain('(invalid-host)');
  });

  test.each(['*', '*.example.com'])('%s is not one host', (host) => {
    expect(refusal(() => requireHostName(host))).toBe(
      `host is '${host}'; '*' stands for many hosts, and here one is needed (invalid-host)`,
    );
  });
});

describe('numbers', () => {
  test('are whole and within their bounds', () => {
    expect([1, 65535].map((port) => requirePort('port', port))).toEqual([1, 65535]);
    expect(requireInteger('n', 2 ** 31 - 1, { min: 0 })).toBe(2 ** 31 - 1);
    expect(refusal(() => requireInteger('n', 2 ** 31, { min: 0 }))).toBe(
      `n is 2147483648; allowed are whole numbers from 0 up (out-of-range)`,
    );
    expect(refusal(() => requireInteger('n', 4, { min: 1, max: 3 }))).toBe(
      'n is 4; allowed are whole numbers from 1 to 3 (out-of-range)',
    );
  });

  test.each([...NO_NUMBERS, 0, -1, 1.5, 65536])('%p is no port', (port) => {
    expect(refusal(() => requirePort('port', port))).toBe(
      `port is ${port}; allowed are whole numbers from 1 to 65535 (out-of-range)`,
    );
  });

  test.each([0, 0.001, 50, 100])('%p is a percentage', (percent) => {
    expect(requirePercent('share', percent)).toBe(percent);
  });

  test.each([...NO_NUMBERS, -0.1, 100.1])('%p is none', (percent) => {
    expect(refusal(() => requirePercent('share', percent))).toBe(
      `share is ${percent} percent; allowed are 0 to 100 (out-of-range)`,
    );
  });
});

describe('durations', () => {
  test.each([
    [Duration.millis(1), '1ms'],
    [Duration.millis(1500), '1500ms'],
    [Duration.seconds(0.25), '250ms'],
    [Duration.seconds(15), '15s'],
    [Duration.minutes(2), '120s'],
    [Duration.days(1), '86400s'],
  ])('%s is written as %s', (duration, text) => {
    expect(renderDuration('timeout', duration)).toBe(text);
  });

  test.each([0, 0.5, 1.5, Number.POSITIVE_INFINITY])('%p ms are refused', (ms) => {
    expect(refusal(() => renderDuration('timeout', Duration.millis(ms)))).toBe(
      `timeout is ${ms} ms; allowed are whole milliseconds from 1 up (out-of-range)`,
    );
  });

  test('are whole seconds for Kubernetes', () => {
    expect(renderSeconds('period', Duration.minutes(1), 1)).toBe(60);
    expect(renderSeconds('delay', Duration.seconds(0), 0)).toBe(0);
    expect(refusal(() => renderSeconds('period', Duration.millis(1500), 1))).toBe(
      'period is 1.5 s; allowed are whole seconds from 1 up (out-of-range)',
    );
    expect(refusal(() => renderSeconds('period', Duration.seconds(0), 1))).toBe(
      'period is 0 s; allowed are whole seconds from 1 up (out-of-range)',
    );
  });
});

test('values are quoted and listed for messages', () => {
  expect([quote('a'), quote(''), quote(undefined), quote(1)]).toEqual(["'a'", "''", 'undefined', '1']);
  expect([list([]), list(['a', 'b'])]).toEqual(['none', 'a, b']);
});

test.each([
  { prefix: '/' },
  ...['.*', '/.*', '^.*$', '^/.*$', '^/.*', '/.*$', '.+', '/(.*)', '(/.*)', '(.*)'].map((regex) => ({ regex })),
])('every path satisfies %j', (match) => {
  expect(takesEveryPath(match)).toBe(true);
});

test.each([
  {},
  { exact: '/' },
  { prefix: '/a' },
  ...['/', '/.+', '/a.*', '.*a', '\\.*', '.*\\$', '/[^/]*', '(/.)*', '.*|a$b', ''].map((regex) => ({ regex })),
])('some path may not satisfy %j', (match) => {
  expect(takesEveryPath(match)).toBe(false);
});
