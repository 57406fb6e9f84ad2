import { ClientTls, type ClientTlsOptions, type MutualClientTlsOptions } from 'cdk8s-istio';
import { refusal } from '../support/synth';

describe('client TLS', () => {
  test('is off, or with the certificates of the mesh', () => {
    expect(ClientTls.disable()._render()).toEqual({ mode: 'DISABLE' });
    expect(ClientTls.istioMutual()._render()).toEqual({ mode: 'ISTIO_MUTUAL' });
    expect(ClientTls.istioMutual({ sni: 'shop.example.com' })._render()).toEqual({
      mode: 'ISTIO_MUTUAL',
      sni: 'shop.example.com',
    });
  });

  test('verifies the server', () => {
    const options: Required<Omit<ClientTlsOptions, 'credentialName'>> = {
      caCertificates: '/ca.pem',
      sni: 'db.example.com',
      subjectAltNames: ['db.example.com'],
      insecureSkipVerify: false,
    };
    expect(ClientTls.simple(options)._render()).toEqual({ mode: 'SIMPLE', ...options });
    expect(ClientTls.simple({ credentialName: 'db-ca' })._render()).toEqual({ mode: 'SIMPLE', credentialName: 'db-ca' });
    expect(ClientTls.simple()._render()).toEqual({ mode: 'SIMPLE' });
  });

  test('shows a certificate of the client', () => {
    const options: Required<Omit<MutualClientTlsOptions, 'credentialName'>> = {
      caCertificates: '/ca.pem',
      clientCertificate: '/tls.crt',
      privateKey: '/tls.key',
      sni: 'db.example.com',
      subjectAltNames: ['db.example.com'],
      insecureSkipVerify: false,
    };
    expect(ClientTls.mutual(options)._render()).toEqual({ mode: 'MUTUAL', ...options });
    expect(ClientTls.mutual({ credentialName: 'db' })._render()).toEqual({ mode: 'MUTUAL', credentialName: 'db' });
  });

  test('looks for the name that it sends in the certificate, since Istio would look for none', () => {
    const names = { sni: 'db.example.com', subjectAltNames: ['db.example.com'] };
    expect(ClientTls.simple({ sni: 'db.example.com' })._render()).toEqual({ mode: 'SIMPLE', ...names });
    expect(ClientTls.mutual({ credentialName: 'db', sni: 'db.example.com' })._render()).toEqual({
      mode: 'MUTUAL',
      credentialName: 'db',
      ...names,
    });
    const unverified = { sni: 'db.example.com', insecureSkipVerify: true };
    expect(ClientTls.simple(unverified)._render()).toEqual({ mode: 'SIMPLE', ...unverified });
  });

  test.each<[MutualClientTlsOptions]>([
    [{}],
    [{ clientCertificate: '/tls.crt' }],
    [{ privateKey: '/tls.key' }],
    [{ credentialName: '' }],
  ])('needs a certificate of the client: %j is refused', (options) => {
    expect(refusal(() => ClientTls.mutual(options))).toBe(
      'mutual TLS needs a certificate of the client: credentialName, or both clientCertificate and privateKey (invalid-resilience)',
    );
  });

  test.each<[() => unknown, string]>([
    [() => ClientTls.simple({ credentialName: 'a', caCertificates: '/b' }), 'credentialName stands beside caCertificates'],
    [
      () => ClientTls.mutual({ credentialName: 'a', clientCertificate: '/b', privateKey: '/c' }),
      'credentialName stands beside clientCertificate, privateKey',
    ],
    [
      () => ClientTls.simple({ insecureSkipVerify: true, subjectAltNames: ['a'] }),
      'insecureSkipVerify stands beside subjectAltNames',
    ],
    [
      () => ClientTls.simple({ insecureSkipVerify: true, credentialName: 'a' }),
      'insecureSkipVerify stands beside credentialName',
    ],
    [
      () => ClientTls.mutual({ insecureSkipVerify: true, credentialName: 'a', subjectAltNames: ['a'] }),
      'insecureSkipVerify stands beside subjectAltNames',
    ],
  ])('refuses what Istio takes only one of: %#', (build, message) => {
    expect(refusal(build)).toBe(`${message}; Istio takes one of them (invalid-resilience)`);
  });
});
