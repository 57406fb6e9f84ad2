import * as fs from 'node:fs';
import * as path from 'node:path';
import { runtime } from '../paths';
import type { Certificate } from '../pod/protocol';
import { replace } from './files';
import { run } from './program';

/** Where Debian keeps the authorities that the system trusts. */
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** Signs certificates. */
export class CertificateAuthority {
  static async create(): Promise<CertificateAuthority> {
    const folder = fs.mkdtempSync(path.join(runtime, 'authority-'));
    const { certificate } = await newCertificate(folder, 'authority');
    return new CertificateAuthority(folder, certificate);
  }

  private constructor(
    private readonly folder: string,
    readonly certificate: string,
  ) {}

  /** A certificate for this host, or of a client with this name. */
  issue(name: string): Promise<Certificate> {
    const [certificate, key] = ['crt', 'key'].map((extension) => path.join(this.folder, `authority.${extension}`));
    return newCertificate(this.folder, name, '-CA', certificate, '-CAkey', key);
  }
}

async function newCertificate(folder: string, name: string, ...signer: string[]): Promise<Certificate> {
  const [certificate, key] = ['crt', 'key'].map((extension) => path.join(folder, `${name}.${extension}`));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`, '-out', certificate];
  await run(['openssl', 'req', '-x509', ...newKey, ...subject, ...signer]);
  return { certificate: fs.readFileSync(certificate, 'utf8'), key: fs.readFileSync(key, 'utf8') };
}

/** A certificate for this host that everybody in the lab trusts from now on, in place of the system's authorities. */
export async function trustedCertificate(host: string): Promise<Certificate> {
  const authority = await CertificateAuthority.create();
  await replace(systemAuthorities, authority.certificate);
  return authority.issue(host);
}
