import { Yaml } from 'cdk8s';
import * as fc from 'fast-check';
import { YamlWriter } from '../../lib/synth/yaml';

const AWKWARD = [
  ...[
    'y',
    'Y',
    'yes',
    'Yes',
    'YES',
    'yEs',
    'n',
    'N',
    'no',
    'No',
    'on',
    'On',
    'OFF',
    'off',
    'true',
    'True',
    'TRUE',
    'tRue',
    'false',
  ],
  ...[
    'null',
    'Null',
    'NULL',
    '~',
    '',
    ' ',
    '=',
    '<<',
    '-',
    '--',
    '---',
    '--- a',
    '...',
    '... a',
    '%a',
    '?',
    '? a',
    ':',
    ':a',
    'a:',
    'a: b',
  ],
  ...[
    '0',
    '-0',
    '+1',
    '1_000',
    '0o17',
    '017',
    '08',
    '0x1F',
    '0b11',
    '1.5',
    '.5',
    '5.',
    '.',
    '-.5',
    '1e5',
    'e5',
    'E5',
    '-e5',
    '--e5',
    'e-5',
  ],
  ...[
    '.inf',
    '-.INF',
    '.nan',
    '.NaN',
    '1:20',
    '190:20:30.15',
    '2001-12-14',
    '2001-12-14t21:59:43.10-05:00',
    '1.2.3',
    '10.0.0.1',
    '15s',
  ],
  ...[
    '# a',
    'a # b',
    'a #b',
    'a#b',
    '- a',
    '-a',
    '--port=80',
    'a, b',
    '[a]',
    '{a}',
    '/{*}/x',
    '*',
    '*.a',
    '&a',
    '!a',
    '|',
    '>',
    '@a',
    '`a`',
  ],
  ...[
    '"a"',
    "'a'",
    `it's`,
    `"it's"`,
    'a\\b',
    '\\',
    '%',
    'a%',
    ' a',
    'a ',
    '  ',
    '\t',
    'a\t',
    '\ta',
    'a\tb',
    'a  b',
    'a :b',
    'a : b',
    'a:b',
  ],
  ...[
    '\n',
    'a\n',
    'a\nb',
    'a\nb\n',
    'a\n\nb\n',
    'a\n\n',
    '\na',
    ' a\nb',
    '\ta\nb',
    'a\n b',
    'a\n\tb',
    'a\n b\nc\n',
    'a \nb',
    'a\n \nb',
    'a\n ',
  ],
  ...[
    'a\r\nb',
    'a\rb',
    '\r',
    '#!/bin/sh\nset -e\n',
    '---\na\n',
    'a\n---\nb',
    'a\n...\n',
    '%x\ny',
    '- a\n- b\n',
    'a: b\nc: d\n',
    '"\n"',
    "'\n'",
  ],
  ...[
    '\u0000',
    '\u0007',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ud800',
    'a\ud800b',
    '😀',
    '😀\n😀',
    'é',
    'ü\nö',
    '日本',
  ],
  ...[
    '[section]\nkey="v1"\n',
    '^(.*;\\s*)?user=developer(\\s*;.*)?$',
    'a/b:v1.2',
    'reviews.bookinfo.svc.cluster.local',
    'e2e',
    'env',
    'E',
  ],
  ...['resolve', '__proto__', 'constructor', 'toString', '0', '1', '10', '0.5'],
];

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...AWKWARD) },
  {
    weight: 4,
    arbitrary: fc.array(fc.constantFrom(...AWKWARD, ...'ae0-:#\n \t"\''), { minLength: 2, maxLength: 4 }).map((a) => a.join('')),
  },
  { weight: 3, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  { weight: 3, arbitrary: fc.stringMatching(/^[a-z][a-z0-9./:-]{0,12}$/) },
  { weight: 1, arbitrary: fc.constantFrom('long '.repeat(60), 'x'.repeat(1200), `${'line '.repeat(40)}\n`.repeat(3)) },
);

const scalar = fc.oneof(
  { weight: 6, arbitrary: text },
  {
    weight: 1,
    arbitrary: fc.constantFrom(0, -0, 1, -1, 8080, 1e21, 1e-7, 0.1, 2 ** 53, Number.MAX_VALUE, Number.NaN, Infinity, -Infinity),
  },
  { weight: 1, arbitrary: fc.double() },
  { weight: 1, arbitrary: fc.boolean() },
);

const { document } = fc.letrec<{ value: unknown; document: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    { weight: 5, arbitrary: scalar },
    { weight: 2, arbitrary: fc.array(tie('value'), { maxLength: 3 }) },
    { weight: 3, arbitrary: tie('document') },
  ),
  document: fc.dictionary(text, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}));

test('a file reads byte for byte as cdk8s itself would write it: 100,000 awkward documents', () => {
  const writers = [new YamlWriter(), new YamlWriter({ aliases: false })];
  fc.assert(
    fc.property(document, (d) => {
      const wanted = Yaml.stringify(d);
      for (const writer of writers.filter((candidate) => candidate.stringify([d]) !== wanted)) {
        expect(writer.stringify([d])).toBe(wanted);
      }
    }),
    { numRuns: 100_000 },
  );
}, 300_000);

test.each(AWKWARD.map((value) => [JSON.stringify(value), value]))(
  'the string %s reads as cdk8s writes it, at any depth, as key and value',
  (_, s) => {
    for (const d of [{ a: s }, { [s]: 1 }, { a: { [s]: s } }, { a: [s, [s], { [s]: [s] }] }, { a: { b: { c: { d: s } } } }]) {
      expect(new YamlWriter().stringify([d])).toBe(Yaml.stringify(d));
    }
  },
);

const shared = { a: 1 };
const circular: Record<string, unknown> = {};
circular.self = circular;

test.each<[string, unknown]>([
  ['the same object twice (an alias)', { a: shared, b: [shared] }],
  ['an object within itself', circular],
  ['null in a map', { a: null, b: 1 }],
  ['nothing but null in a map', { a: null, b: undefined }],
  ['null in a list', { a: [null, undefined, 1] }],
  ['an empty document', {}],
  ['a text', 'text'],
  ['null', null],
  ['undefined', undefined],
  ['a list', [1, 2]],
  ['a date', { a: new Date(0) }],
  ['a Map', { a: new Map([['b', 1]]) }],
  ['a Set', { a: new Set([1]) }],
  ['bytes', { a: new Uint8Array([1, 2]) }],
  ['a big integer', { a: 1n }],
  ['an object without prototype', Object.assign(Object.create(null), { a: 1 })],
  ['an object with toJSON', { a: { toJSON: () => 'b' } }],
  ['a key that is too long for one line', { ['k'.repeat(1100)]: 1, ['"'.repeat(600)]: 2 }],
  ['a sparse list', { a: Object.assign([1], { 2: 3 }) }],
])('%s is written as cdk8s writes it', (_, document) => {
  const written = (write: () => string) => {
    try {
      return write();
    } catch (error) {
      return String(error);
    }
  };
  expect(written(() => new YamlWriter().stringify([document]))).toBe(written(() => Yaml.stringify(document)));
});

test('several documents of one file are divided as cdk8s divides them, and none make an empty file', () => {
  const documents = [{ a: 1 }, undefined, { b: 'x\ny\n' }];
  expect(new YamlWriter().stringify(documents)).toBe(Yaml.stringify(...documents));
  expect(new YamlWriter().stringify([])).toBe(Yaml.stringify());
});
