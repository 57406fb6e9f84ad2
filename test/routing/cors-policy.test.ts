import { Duration } from 'cdk8s';
import { CorsOrigin, type CorsPolicy, HttpMethod } from 'cdk8s-istio';
import { renderCors } from '../../lib/routing/cors-policy';
import { describe as describeMatch } from '../../lib/routing/string-match';
import { refusal } from '../support/synth';

describe('a CORS policy', () => {
  test('is written as Istio reads it, with every field', () => {
    const policy: Required<CorsPolicy> = {
      allowOrigins: [
        CorsOrigin.exact('https://shop.example.com:8443'),
        CorsOrigin.prefix('https://preview-'),
        CorsOrigin.regex('https://.+\\.example\\.com'),
      ],
      allowMethods: [HttpMethod.GET, HttpMethod.PUT],
      allowHeaders: ['X-Token', '*'],
      exposeHeaders: ['x-request-id'],
      maxAge: Duration.hours(24),
      allowCredentials: true,
    };
    expect(renderCors(policy)).toEqual({
      allowOrigins: [
        { exact: 'https://shop.example.com:8443' },
        { prefix: 'https://preview-' },
        { regex: 'https://.+\\.example\\.com' },
      ],
      allowMethods: ['GET', 'PUT'],
      allowHeaders: ['X-Token', '*'],
      exposeHeaders: ['x-request-id'],
      maxAge: '86400s',
      allowCredentials: true,
    });
  });

  test.each([
    '',
    'shop.example.com',
    'https://shop.example.com/',
    'https://shop.example.com/a',
    'https://Shop.example.com',
    'https://a b',
  ])('is refused for the origin %j, which no browser sends', (origin) => {
    expect(refusal(() => CorsOrigin.exact(origin))).toBe(
      `origin is '${origin}'; browsers send a scheme and a host in lower case without a path, such as 'https://shop.example.com' (invalid-host)`,
    );
  });

  test.each(['*', 'null', 'http://localhost:3000', 'app+x://id'])('takes the origin %j', (origin) => {
    expect(renderCors({ allowOrigins: [CorsOrigin.exact(origin)] })).toMatchObject({ allowOrigins: [{ exact: origin }] });
  });

  test.each([
    CorsOrigin.exact('*'),
    CorsOrigin.exact('null'),
    CorsOrigin.regex('.*'),
    CorsOrigin.regex('https?://.+'),
    CorsOrigin.prefix('https://'),
    CorsOrigin.prefix('http'),
  ])('is refused where any page reads what a visitor may: %j', (origin) => {
    const allowOrigins = [CorsOrigin.exact('https://shop.example.com'), origin];
    expect(refusal(() => renderCors({ allowOrigins, allowCredentials: true }))).toBe(
      `CORS policy allows credentials to origin ${describeMatch(origin._match)}, so any page on the web reads answers that are meant for its visitor; name the origins that may, or leave out allowCredentials (invalid-rule)`,
    );
    expect(renderCors({ allowOrigins, allowCredentials: false }).allowOrigins).toHaveLength(2);
  });

  test('is refused without an origin, for which it does nothing', () => {
    expect(refusal(() => renderCors({ allowOrigins: [] }))).toBe(
      'allowOrigins of the CORS policy is empty, so the policy does nothing; name an origin, or leave out cors (invalid-rule)',
    );
  });

  test('is refused with an empty prefix and a bad expression', () => {
    expect(refusal(() => CorsOrigin.prefix(''))).toBe(
      "prefix of the origin is ''; it must hold at least one character (invalid-host)",
    );
    expect(refusal(() => CorsOrigin.regex('*'))).toContain("origin regex is '*', which is no RE2 expression");
  });

  test('is refused where its age is no whole number of seconds', () => {
    const allowOrigins = [CorsOrigin.exact('*')];
    expect(refusal(() => renderCors({ allowOrigins, maxAge: Duration.millis(1500) }))).toBe(
      'maxAge of the CORS policy is 1.5 s; allowed are whole seconds from 1 up (out-of-range)',
    );
    expect(refusal(() => renderCors({ allowOrigins, allowHeaders: ['a b'] }))).toContain("header name is 'a b'");
    expect(refusal(() => renderCors({ allowOrigins, exposeHeaders: [''] }))).toContain("header name is ''");
  });
});
