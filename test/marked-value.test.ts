import { ApiObject, App, Chart, type IResolver, Testing, Yaml } from 'cdk8s';
import { MarkedValue, MeshApp } from 'cdk8s-istio';
import { parse } from 'yaml';
import { chart, refusal } from './support/synth';

function withData(scope: Chart, data: Record<string, unknown>): void {
  new ApiObject(scope, 'config', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' }, data });
}

function written(data: Record<string, unknown>): string {
  const scope = chart();
  withData(scope, data);
  return (scope.node.root as MeshApp).synthYaml();
}

describe('a value with a comment', () => {
  test('is written with its comment behind it, in maps and lists', () => {
    const tag = new MarkedValue('v1', 'renovate: shop/cart');
    expect(written({ a: tag, b: [tag, { c: tag }] })).toContain(
      ['  a: v1 # renovate: shop/cart', '  b:', '    - v1 # renovate: shop/cart', '    - c: v1 # renovate: shop/cart'].join('\n'),
    );
  });

  test.each([
    '',
    ' ',
    '1.0',
    '0x1F',
    'null',
    'yes',
    '#1',
    'a # b',
    ': ',
    "'",
    '"',
    '\\',
    '{}',
    '- a',
    '&a',
    '*a',
    'ü',
    '😀',
    'a'.repeat(300),
  ])('comes back from the YAML as the string %j', (value) => {
    expect(parse(written({ a: new MarkedValue(value, '{"$imagepolicy": "a:b:tag"} # " \' : 😀') })).data).toEqual({ a: value });
  });

  test('is written without its comment by a stock app, or where an app has resolvers of its own', () => {
    const stock = new Chart(new App(), 'system');
    withData(stock, { a: new MarkedValue('1.0', 'comment') });
    expect(Yaml.stringify(...Testing.synth(stock))).toContain('  a: "1.0"\n');

    const resolver: IResolver = { resolve: () => undefined };
    const app = new MeshApp({ quiet: true, resolvers: [resolver] });
    withData(new Chart(app, 'system', { namespace: 'shop' }), { a: new MarkedValue('1.0', 'comment') });
    expect(app.synthYaml()).toContain('  a: "1.0"\n');
  });

  test('is valid where only the library can write the document, though without the comment', () => {
    const yaml = written({ '--- a': 'b', tag: new MarkedValue('1.0', 'comment') });
    expect(parse(yaml).data).toEqual({ '--- a': 'b', tag: '1.0' });
  });

  test('has one line, and so has its comment', () => {
    expect(refusal(() => new MarkedValue('a\nb', 'c'))).toContain('(out-of-range)');
    expect(refusal(() => new MarkedValue('a', 'b\nkind: Evil'))).toContain('(out-of-range)');
    expect(refusal(() => new MarkedValue('a', 'b\u2028c'))).toContain('(out-of-range)');
  });

  test('is its string in JSON', () => {
    expect(JSON.stringify({ tag: new MarkedValue('1.0', 'x') })).toBe('{"tag":"1.0"}');
  });
});
