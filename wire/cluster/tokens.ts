import { generateKeyPairSync, sign } from 'node:crypto';

/** Signs JSON web tokens, as an identity provider does. */
export class TokenSigner {
  private readonly keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  /** By which others verify the tokens: a JSON web key set. */
  get keySet(): string {
    return JSON.stringify({ keys: [{ ...this.keys.publicKey.export({ format: 'jwk' }), alg: 'ES256' }] });
  }

  sign(claims: object): string {
    const signed = [{ alg: 'ES256', typ: 'JWT' }, claims].map((part) => encode(JSON.stringify(part))).join('.');
    const key = { key: this.keys.privateKey, dsaEncoding: 'ieee-p1363' } as const;
    return `${signed}.${encode(sign('sha256', Buffer.from(signed), key))}`;
  }
}

function encode(data: string | Buffer): string {
  return Buffer.from(data as string).toString('base64url');
}
