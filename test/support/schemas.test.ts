import { ISTIO_VERSIONS, schemaMistakes } from './schemas';
import type { Manifest } from './synth';

const gateway = (spec: object): Manifest => ({
  apiVersion: 'networking.istio.io/v1',
  kind: 'Gateway',
  metadata: { name: 'gw' },
  spec,
});

describe('the schemas that manifests are held against', () => {
  test('let a correct object pass in every version', () => {
    const server = { port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] };
    expect(schemaMistakes([gateway({ selector: { istio: 'ingress' }, servers: [server] })])).toEqual([]);
  });

  test('find a wrong type, a missing field and an unknown field, once per version of Istio', () => {
    const mistakes = schemaMistakes([gateway({ servers: [{ port: { number: '80' }, host: ['*'] }] })]);
    expect(mistakes.filter((mistake) => mistake.includes('/port/number must be integer'))).toHaveLength(ISTIO_VERSIONS.length);
    expect(mistakes.filter((mistake) => mistake.includes("must have required property 'hosts'"))).toHaveLength(
      ISTIO_VERSIONS.length,
    );
    expect(mistakes.filter((mistake) => mistake.includes('{"additionalProperty":"host"}'))).toHaveLength(ISTIO_VERSIONS.length);
  });
});
