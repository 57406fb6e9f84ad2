import type { HeaderChanges, HeaderOperations } from 'cdk8s-istio';
import { requireHeaderOperations } from '../../lib/routing/header-operations';
import { refusal } from '../support/synth';

const request = (changes: HeaderChanges) => requireHeaderOperations({ request: changes });
const response = (changes: HeaderChanges) => requireHeaderOperations({ response: changes });

describe('header operations', () => {
  test('are written as they are said', () => {
    const changes: Required<HeaderChanges> = { set: { 'X-A': '1' }, add: { 'x-b': '' }, remove: ['x-c'] };
    const operations: Required<HeaderOperations> = { request: changes, response: changes };
    expect(requireHeaderOperations(operations)).toEqual(operations);
  });

  test('may set the authority of a request, and of no answer', () => {
    expect(request({ set: { ':authority': 'a.example.com', Host: 'a.example.com' } })).toBeDefined();
    expect(refusal(() => response({ set: { host: 'a' } }))).toBe(
      "header 'host' cannot be changed; of the headers that carry the request itself, Istio lets a route set ':authority' alone (invalid-header)",
    );
  });

  test.each([
    () => request({ set: { ':path': '/' } }),
    () => request({ add: { ':method': 'GET' } }),
    () => request({ remove: [':authority'] }),
    () => request({ remove: ['Host'] }),
    () => response({ add: { ':status': '200' } }),
  ])('are refused for the headers that carry the message itself', (build) => {
    expect(refusal(build)).toContain(
      "cannot be changed; of the headers that carry the request itself, Istio lets a route set ':authority' alone",
    );
  });

  test.each([() => request({ set: { '': 'x' } }), () => request({ remove: ['a b'] }), () => response({ add: { 'a\n': 'x' } })])(
    'are refused for what is no header name',
    (build) => {
      expect(refusal(build)).toMatch(/^header name is '.*'; allowed are letters/s);
    },
  );

  test.each(['100%', '%', '%START_TIME%%', 'abc%123'])(
    'are refused with the value %j, with which Envoy would refuse all routes',
    (value) => {
      expect(refusal(() => request({ set: { x: value } }))).toBe(
        `value of header 'x' is '${value}'; a '%' begins a variable of Envoy that ends with '%', so write '%%' for the character itself (invalid-header)`,
      );
    },
  );

  test.each(['100%%', '%DOWNSTREAM_REMOTE_ADDRESS%', 'a %REQ(x-user)% b', '%REQ(:path):10%', '%START_TIME(%s)%', 'ü', 'a\tb'])(
    'take the value %j',
    (value) => {
      expect(request({ set: { x: value } })).toEqual({ request: { set: { x: value } }, response: undefined });
    },
  );

  test('are refused with a line break, which would begin another header', () => {
    expect(refusal(() => response({ add: { x: 'a\r\nset-cookie: b' } }))).toBe(
      'value of header \'x\' is "a\\r\\nset-cookie: b"; it holds a control character, which no header does (invalid-header)',
    );
  });
});
