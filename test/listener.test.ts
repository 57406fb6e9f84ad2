import {
  type HttpListenerOptions,
  Listener,
  type ListenerOptions,
  PathMatch,
  type TlsListenerOptions,
  TlsVersion,
} from 'cdk8s-istio';
import { refusal } from './support/synth';

const HOSTS = ['shop.example.com'];
const render = (listener: Listener) => JSON.parse(JSON.stringify(listener._render(listener._name, HOSTS)));
const tls: Required<TlsListenerOptions> = { credential: 'cert', port: 8443, minProtocolVersion: TlsVersion.TLS_1_3 };
const terminated = (mode: string) => ({ mode, credentialName: 'cert', minProtocolVersion: 'TLSV1_3' });
const plain: Required<ListenerOptions> = { port: 9443 };

describe('a listener', () => {
  test.each<[Listener, object]>([
    [Listener.http(), { port: { number: 80, name: 'http-80', protocol: 'HTTP' }, hosts: HOSTS }],
    [Listener.http({ port: 8080 }), { port: { number: 8080, name: 'http-8080', protocol: 'HTTP' }, hosts: HOSTS }],
    [
      Listener.https(tls),
      { port: { number: 8443, name: 'https-8443', protocol: 'HTTPS' }, hosts: HOSTS, tls: terminated('SIMPLE') },
    ],
    [
      Listener.https({ credential: 'cert' }),
      {
        port: { number: 443, name: 'https-443', protocol: 'HTTPS' },
        hosts: HOSTS,
        tls: { mode: 'SIMPLE', credentialName: 'cert' },
      },
    ],
    [
      Listener.mutual(tls),
      { port: { number: 8443, name: 'https-8443', protocol: 'HTTPS' }, hosts: HOSTS, tls: terminated('MUTUAL') },
    ],
    [
      Listener.optionalMutual(tls),
      { port: { number: 8443, name: 'https-8443', protocol: 'HTTPS' }, hosts: HOSTS, tls: terminated('OPTIONAL_MUTUAL') },
    ],
    [
      Listener.istioMutual(plain),
      { port: { number: 9443, name: 'https-9443', protocol: 'HTTPS' }, hosts: HOSTS, tls: { mode: 'ISTIO_MUTUAL' } },
    ],
    [
      Listener.passthrough(plain),
      { port: { number: 9443, name: 'tls-9443', protocol: 'TLS' }, hosts: HOSTS, tls: { mode: 'PASSTHROUGH' } },
    ],
    [Listener.tcp(5432), { port: { number: 5432, name: 'tcp-5432', protocol: 'TCP' }, hosts: ['*'] }],
    [Listener.tls(tls), { port: { number: 8443, name: 'tls-8443', protocol: 'TLS' }, hosts: ['*'], tls: terminated('SIMPLE') }],
    [
      Listener.autoPassthrough(['*.local']),
      { port: { number: 15443, name: 'tls-15443', protocol: 'TLS' }, hosts: ['*.local'], tls: { mode: 'AUTO_PASSTHROUGH' } },
    ],
  ])('is written as Istio reads it: %#', (listener, expected) => {
    expect(render(listener)).toEqual(expected);
  });

  test('redirects to https itself, unless some paths are excepted', () => {
    expect(render(Listener.http({ redirectToHttps: true })).tls).toEqual({ httpsRedirect: true });
    expect(render(Listener.http({ redirectToHttps: true, redirectExcept: [] })).tls).toEqual({ httpsRedirect: true });
    const options: Required<HttpListenerOptions> = {
      port: 80,
      redirectToHttps: true,
      redirectExcept: [PathMatch.prefix('/.well-known/')],
    };
    expect(render(Listener.http(options)).tls).toBeUndefined();
  });

  test.each<[() => unknown, string]>([
    [() => Listener.http({ port: 0 }), 'port of the listener is 0; allowed are whole numbers from 1 to 65535 (out-of-range)'],
    [() => Listener.tcp(Number.NaN), 'port of the listener is NaN; allowed are whole numbers from 1 to 65535 (out-of-range)'],
    [
      () => Listener.https({ credential: '' }),
      'credential is empty; it names the Secret with the certificate (invalid-listener)',
    ],
    [
      () => Listener.http({ redirectExcept: [PathMatch.exact('/a')] }),
      'listener on port 80 has redirectExcept without redirectToHttps: true (invalid-listener)',
    ],
    [
      () => Listener.autoPassthrough([]),
      "listener on port 15443 names no host; name at least one, such as '*.local' (invalid-listener)",
    ],
    [
      () => Listener.autoPassthrough(['A']),
      "host is 'A'; allowed are lower-case DNS names of at most 253 characters, '*' only alone or as the first label (invalid-host)",
    ],
  ])('is refused with bad input: %#', (build, message) => {
    expect(refusal(build)).toBe(message);
  });
});
