import * as dgram from 'node:dgram';
import { replace } from './files';
import { hubAddress } from './network';

const addressRecord = 1;
const hubNames: string[] = [];

/** Lets the lab's own programs find the hub by this name; in this mount namespace only. */
export async function nameHub(host: string): Promise<void> {
  hubNames.push(host);
  await replace('/etc/hosts', `127.0.0.1 localhost\n${hubAddress} ${hubNames.join(' ')}\n`);
}

/** Serves names on the hub for everybody in the lab: what `find` does not know does not exist. */
export async function serveNames(find: (name: string) => Promise<string | undefined>): Promise<void> {
  const server = dgram.createSocket('udp4');
  server.on('message', async (query, from) => {
    const { name, type, end } = question(query);
    const address = await find(name).catch(() => undefined);
    server.send(answer(query, end, type, address), from.port, from.address);
  });
  await new Promise<void>((resolve) => server.bind(53, hubAddress, resolve));
  await replace('/etc/resolv.conf', `nameserver ${hubAddress}\n`);
}

/** The one question of a query, and where it ends. */
function question(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
    at += 1 + query[at];
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** No record of another type than an IPv4 address, and no such name where there is no address. */
function answer(query: Buffer, questionEnd: number, type: number, address?: string): Buffer {
  const records = address && type === addressRecord ? 1 : 0;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(address ? 0x8180 : 0x8183, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records, 6);
  const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...(address ?? '').split('.').map(Number)]);
  return Buffer.concat([header, query.subarray(12, questionEnd), ...(records ? [record] : [])]);
}
