import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Duration } from 'cdk8s';
import * as library from 'cdk8s-istio';
import { AppPort, ErrorCode, HashKey, MeshError, PathMatch, PortProtocol } from 'cdk8s-istio';

const lib = join(__dirname, '../../lib');

/** What goes wrong in some factory, each alone, and the few values without which others are never reached. */
const VALUES: unknown[] = [
  '',
  'a b',
  '%',
  '/a',
  'a'.repeat(1100),
  `/${'a'.repeat(1100)}`,
  0,
  80,
  4,
  [],
  ['*.*'],
  { 'a b': 'c' },
  { name: 'a b' },
  { port: 0 },
  { authority: '*' },
  { scheme: 'ftp' },
  { credential: '' },
  { credential: 'a', port: 0 },
  { redirectExcept: [] },
  { path: 'a' },
  { headers: { '': 'a' } },
  { ttl: Duration.millis(0.5) },
  { warmup: { duration: Duration.millis(0) } },
  { issuer: '', jwksUri: '' },
  { credentialName: 'a', caCertificates: 'b' },
  PortProtocol.HTTP,
  Duration.millis(0.5),
  AppPort.http(80),
  HashKey.sourceIp(),
  PathMatch.exact('/a'),
];

describe('a static factory', () => {
  const refused = refusals();

  test('names in its documentation each code with which it refuses something', () => {
    const documented = documentedCodes();
    expect(refused.filter(([factory, code]) => !documented.get(factory)?.includes(code))).toEqual([]);
  });

  test('is found by its bad values', () => {
    expect(refused).toContainEqual(['AppPort.http', ErrorCode.OUT_OF_RANGE]);
    expect(refused).toContainEqual(['HeaderMatch.absent', ErrorCode.INVALID_HEADER]);
    expect(refused).toContainEqual(['Redirect.https', ErrorCode.INVALID_HOST]);
  });
});

/** Each factory with each code that some values provoke. */
function refusals(): [factory: string, code: string][] {
  const found = new Map<string, [string, string]>();
  for (const [name, call] of factories()) {
    for (const values of [[], ...VALUES.flatMap((first) => [[first], ...VALUES.map((second) => [first, second])])]) {
      try {
        call(values);
      } catch (error) {
        if (error instanceof MeshError) {
          found.set(`${name} ${error.code}`, [name, error.code]);
        }
      }
    }
  }
  return [...found.values()];
}

function factories(): [name: string, call: (values: unknown[]) => unknown][] {
  return Object.entries(library).flatMap(([type, made]) =>
    typeof made !== 'function'
      ? []
      : Object.getOwnPropertyNames(made)
          .filter((name) => !name.startsWith('_') && typeof Reflect.get(made, name) === 'function')
          .map((name): [string, (values: unknown[]) => unknown] => [
            `${type}.${name}`,
            (values) => Reflect.apply(Reflect.get(made, name), made, values),
          ]),
  );
}

/** The codes behind `@throws` of each static factory. */
function documentedCodes(): Map<string, string[]> {
  const documented = new Map<string, string[]>();
  for (const file of readdirSync(lib, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))) {
    let type = '';
    const declarations = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+public static (\w+)|^export (?:abstract )?class (\w+)/gm;
    for (const [, comment = '', name, declared] of readFileSync(join(lib, file), 'utf8').matchAll(declarations)) {
      type = declared ?? type;
      const [, ...throws] = comment.split('@throws');
      documented.set(
        `${type}.${name}`,
        [...throws.join().matchAll(/`([a-z-]+)`/g)].map(([, code]) => code),
      );
    }
  }
  return documented;
}
