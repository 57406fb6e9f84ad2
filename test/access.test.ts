import { Access, type JwtOptions } from 'cdk8s-istio';
import { refusal } from './support/synth';

const JWT: Required<JwtOptions> = {
  issuer: 'https://id.example.com',
  jwksUri: 'https://id.example.com/keys',
  audiences: ['dashboards'],
};

describe('a decision on who may reach a host', () => {
  test('for everybody is no policy', () => {
    expect(Access.public()._isPublic).toBe(true);
  });

  test('for networks takes IPv4 and IPv6', () => {
    const { rules } = Access.sourceRanges(['10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::1/128'])._policy({
      hosts: ['a.example'],
    });
    expect(rules).toEqual([
      {
        from: [{ source: { notRemoteIpBlocks: ['10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::1/128'] } }],
        to: [{ operation: { hosts: ['a.example'] } }],
      },
    ]);
  });

  test.each(['10.0.0.0', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/8', '10.0.0.0/', '10.0.0.0/-1', 'office', ''])(
    'refuses the network %p',
    (range) => {
      expect(refusal(() => Access.sourceRanges(['10.0.0.0/8', range]))).toBe(
        `source ranges hold '${range}'; allowed is at least one network such as '10.0.0.0/8' (invalid-access)`,
      );
    },
  );

  test('refuses no networks at all', () => {
    expect(refusal(() => Access.sourceRanges([]))).toContain('source ranges hold none');
  });

  test('for tokens asks for one of this issuer: that of another opens another host', () => {
    expect(Access.jwt(JWT)._policy({ hosts: ['a.example'] })).toMatchObject({
      action: 'DENY',
      rules: [{ from: [{ source: { notRequestPrincipals: ['https://id.example.com/*'] } }] }],
    });
    expect(Access.jwt(JWT)._jwtRule).toEqual({ ...JWT, forwardOriginalToken: true });
  });

  test.each<[string, Partial<JwtOptions>]>([
    ['an empty issuer', { issuer: '' }],
    ['an issuer that is a pattern', { issuer: '*' }],
    ['keys that are no URL', { jwksUri: 'keys.json' }],
    ['no audience', { audiences: [] }],
  ])('refuses tokens with %s', (_, wrong) => {
    expect(refusal(() => Access.jwt({ ...JWT, ...wrong }))).toMatch(/allowed are an issuer .*\(invalid-access\)$/);
  });

  test('for an external authorizer names it', () => {
    expect(Access.externalAuthorization('oauth2-proxy')._policy({})).toMatchObject({
      action: 'CUSTOM',
      provider: { name: 'oauth2-proxy' },
    });
    expect(refusal(() => Access.externalAuthorization(' '))).toContain("provider is ' '");
  });
});
