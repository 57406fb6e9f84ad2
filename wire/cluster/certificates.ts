import * as fs from 'node:fs';
import * as path from 'node:path';
import { runtime } from '../paths';
import type { Certificate } from '../pod/protocol';
import { replace } from './files';
import { run } from './program';

/** Where Debian keeps the authorities that the system trusts. */
const systemAuthorities = '/etc/ssl/certs/ca-certificates.crt';

/** A certificate for this host that everybody in the lab trusts from now on, in place of the system's authorities. */
export async function trustedCertificate(host: string): Promise<Certificate> {
  const [key, certificate] = ['key', 'crt'].map((extension) => path.join(runtime, `${host}.${extension}`));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  await run(['openssl', 'req', '-x509', ...newKey, ...subject, '-out', certificate]);
  const pair = { certificate: fs.readFileSync(certificate, 'utf8'), key: fs.readFileSync(key, 'utf8') };
  await replace(systemAuthorities, pair.certificate);
  return pair;
}
