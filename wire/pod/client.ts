import { Resolver } from 'node:dns/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import * as net from 'node:net';
import * as tls from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import type {
  ClientTls,
  GrpcAnswer,
  GrpcRequest,
  HttpAnswer,
  HttpRequest,
  Received,
  Repetition,
  Tally,
  TcpAnswer,
  TcpRequest,
} from './protocol';

const defaultTimeout = 20_000;

/** Sends requests from within its pod's network, where the pod's proxy (if it has one) catches them. */
export class Client {
  private readonly resolver = new Resolver();
  private readonly plainAgent = new http.Agent({ keepAlive: true });
  private readonly tlsAgent = new https.Agent({ keepAlive: true });
  private load?: { stopped: boolean; done: Promise<Tally[]> };

  /** `dnsServer` is the one that the pod's agent runs; without it only addresses can be called. */
  constructor(private readonly dnsServer?: string) {
    if (dnsServer) this.resolver.setServers([dnsServer]);
  }

  async http(request: HttpRequest): Promise<HttpAnswer> {
    const url = new URL(request.url);
    const secure = url.protocol === 'https:';
    const started = performance.now();
    const elapsed = () => Math.round(performance.now() - started);
    try {
      const host = request.address ?? (await this.resolve(url.hostname));
      const { status, headers, body } = await send(secure ? https : http, request.body, {
        host,
        localAddress: request.from,
        port: url.port || (secure ? 443 : 80),
        path: url.pathname + url.search,
        method: request.method ?? 'GET',
        headers: { host: url.host, ...request.headers },
        timeout: request.timeoutMilliseconds ?? defaultTimeout,
        agent: request.freshConnection ? false : secure ? this.tlsAgent : this.plainAgent,
        ...(secure && tlsOptions(url.hostname, request.tls)),
      });
      return { status, headers, body, received: parseReport(body), milliseconds: elapsed() };
    } catch (error) {
      return { status: 0, headers: {}, body: '', milliseconds: elapsed(), error: describe(error) };
    }
  }

  repeatHttp(request: HttpRequest & Repetition): Promise<Tally[]> {
    return repeat(request, () => this.http(request));
  }

  startLoad(request: HttpRequest & Repetition): void {
    const load = { stopped: false, done: Promise.resolve<Tally[]>([]) };
    load.done = tally(
      () => this.http(request),
      request.concurrency,
      () => !load.stopped,
    );
    this.load = load;
  }

  async stopLoad(): Promise<Tally[]> {
    if (!this.load) return [];
    this.load.stopped = true;
    return this.load.done;
  }

  async tcp(request: TcpRequest): Promise<TcpAnswer> {
    try {
      const host = request.address ?? (await this.resolve(request.host));
      const text = await exchange(request, host);
      return { text, received: parseReport(text) };
    } catch (error) {
      return { text: '', error: describe(error) };
    }
  }

  repeatTcp(request: TcpRequest & Repetition): Promise<Tally[]> {
    return repeat(request, () => this.tcp(request));
  }

  async grpc(request: GrpcRequest): Promise<GrpcAnswer> {
    const host = request.address ?? (await this.resolve(request.host));
    const client = new grpc.Client(`${host}:${request.port}`, grpcCredentials(request.tls), {
      'grpc.default_authority': request.host,
      'grpc.ssl_target_name_override': request.host,
    });
    const metadata = new grpc.Metadata();
    for (const [name, value] of Object.entries(request.headers ?? {})) metadata.set(name, value);
    const bytes = (message: Buffer) => message;
    return new Promise<GrpcAnswer>((resolve) => {
      const deadline = Date.now() + defaultTimeout;
      client.makeUnaryRequest(request.method, bytes, bytes, Buffer.alloc(0), metadata, { deadline }, (error, message) => {
        client.close();
        resolve({
          status: error?.code ?? 0,
          details: error?.details ?? '',
          received: message && parseReport(message.toString()),
        });
      });
    });
  }

  private async resolve(host: string): Promise<string> {
    if (net.isIP(host)) return host;
    if (!this.dnsServer) throw new Error(`no name server to look up ${host}`);
    return (await this.resolver.resolve4(host))[0];
  }
}

type Answer = Pick<HttpAnswer, 'received' | 'error'> & { readonly status?: number };

function repeat({ times = 1, concurrency }: Repetition, send: () => Promise<Answer>): Promise<Tally[]> {
  let left = times;
  return tally(send, concurrency, () => left-- > 0);
}

async function tally(send: () => Promise<Answer>, concurrency = 1, more: () => boolean): Promise<Tally[]> {
  const counts = new Map<string, number>();
  const caller = async () => {
    while (more()) {
      const { status = 0, received, error } = await send();
      const key = JSON.stringify({ status, version: received?.version ?? '', pod: received?.pod ?? '', error });
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  return [...counts].map(([key, count]) => ({ ...JSON.parse(key), count }));
}

interface RawAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function send(
  transport: typeof http | typeof https,
  body: string | undefined,
  options: https.RequestOptions,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const request = transport.request(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])),
          body: text,
        }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end(body);
  });
}

function exchange(request: TcpRequest, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const target = { host, port: request.port, localAddress: request.from };
    const socket = request.tls ? tls.connect({ ...target, ...tlsOptions(request.host, request.tls) }) : net.connect(target);
    let text = '';
    socket.setTimeout(defaultTimeout, () => socket.destroy(new Error('no answer in time')));
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
    socket.write(request.text);
  });
}

function tlsOptions(serverName: string, settings?: ClientTls): tls.ConnectionOptions {
  return {
    servername: serverName,
    ca: settings?.authority,
    rejectUnauthorized: !trustsEverybody(settings),
    cert: settings?.identity?.certificate,
    key: settings?.identity?.key,
    maxVersion: settings?.maxVersion,
  };
}

function trustsEverybody(settings?: ClientTls): boolean {
  return settings !== undefined && settings.authority === undefined;
}

function grpcCredentials(settings?: ClientTls): grpc.ChannelCredentials {
  if (!settings) return grpc.credentials.createInsecure();
  const { authority, identity } = settings;
  const certificate = identity && Buffer.from(identity.certificate);
  const key = identity && Buffer.from(identity.key);
  const verification = { rejectUnauthorized: !trustsEverybody(settings) };
  return grpc.credentials.createSsl(authority ? Buffer.from(authority) : null, key, certificate, verification);
}

function parseReport(text: string): Received | undefined {
  try {
    const value = JSON.parse(text);
    return value.pod ? value : undefined;
  } catch {
    return undefined;
  }
}

function describe(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
