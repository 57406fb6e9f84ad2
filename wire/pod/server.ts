import * as http from 'node:http';
import * as http2 from 'node:http2';
import * as net from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import * as tls from 'node:tls';
import type { Behaviour, Certificate, HttpRequest, PodIdentity, Received } from './protocol';

const http2Preface = 'PRI * HTTP/2.0';
const tlsHandshake = 0x16;
const remembered = 20_000;

type Request = http.IncomingMessage | http2.Http2ServerRequest;
type Response = http.ServerResponse | http2.Http2ServerResponse;

/**
 * Stands in for every container: it listens on all ports of its pod and tells each connection's protocol by its first bytes,
 * so nobody has to say which port speaks what. Every answer is a report of the request.
 */
export class EchoServer {
  private behaviour: Behaviour = {};
  private certificate?: Certificate;
  private received: Received[] = [];
  private readonly ports = new Set<number>();
  private readonly http1 = http.createServer({ keepAliveTimeout: 0 }, (request, response) => this.answer(request, response));
  private readonly http2 = http2.createServer((request, response) => this.answer(request, response));

  constructor(
    private readonly identity: PodIdentity,
    private readonly ask: (request: HttpRequest) => Promise<unknown>,
  ) {}

  async serve(ports: number[]): Promise<void> {
    await Promise.all(ports.map((port) => this.listen(port)));
  }

  behave(behaviour: Behaviour): void {
    this.behaviour = behaviour;
  }

  presentCertificate(certificate: Certificate): void {
    this.certificate = certificate;
  }

  takeReceived(): Received[] {
    const received = this.received;
    this.received = [];
    return received;
  }

  private async listen(port: number): Promise<void> {
    if (this.ports.has(port)) return;
    this.ports.add(port);
    const server = net.createServer((socket) => this.greet(socket));
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '0.0.0.0', resolve));
  }

  private greet(socket: net.Socket): void {
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const first: Buffer | null = socket.read();
      if (!first) return;
      socket.unshift(first);
      if (first[0] === tlsHandshake && this.certificate) this.endTls(socket, this.certificate);
      else if (first.toString('latin1').startsWith(http2Preface)) this.http2.emit('connection', socket);
      else if (/^[A-Z]+ \S+ HTTP\/1/.test(first.toString('latin1'))) this.http1.emit('connection', socket);
      else this.echoTcp(socket);
    });
  }

  private endTls(socket: net.Socket, { certificate, key }: Certificate): void {
    const options = { isServer: true, cert: certificate, key, requestCert: true, rejectUnauthorized: false };
    this.greet(new tls.TLSSocket(socket, options));
  }

  private echoTcp(socket: net.Socket): void {
    socket.once('data', (data) => {
      const request = { protocol: 'tcp', method: '', path: '', headers: {}, body: data.toString('latin1') } as const;
      if (this.nextBehaviour().reset) socket.resetAndDestroy();
      else socket.end(JSON.stringify(this.remember(socket, request)));
    });
  }

  private async answer(request: Request, response: Response): Promise<void> {
    const report = this.remember(request.socket as net.Socket, {
      protocol: protocolOf(request),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)])),
      body: await readBody(request),
    });
    const behaviour = this.nextBehaviour();
    if (behaviour.asks) await this.ask(behaviour.asks);
    if (behaviour.delayMilliseconds) await sleep(behaviour.delayMilliseconds);
    if (behaviour.reset) request.socket.destroy();
    else if (report.protocol === 'grpc') answerGrpc(response as http2.Http2ServerResponse, behaviour, report);
    else {
      response.writeHead(behaviour.status ?? 200, { 'content-type': 'application/json', ...behaviour.headers });
      response.end(behaviour.body ?? JSON.stringify(report));
    }
  }

  private nextBehaviour(): Behaviour {
    const { times, ...behaviour } = this.behaviour;
    if (times === undefined) return behaviour;
    this.behaviour = times > 1 ? { ...behaviour, times: times - 1 } : {};
    return behaviour;
  }

  private remember(socket: net.Socket, request: Pick<Received, 'protocol' | 'method' | 'path' | 'headers' | 'body'>): Received {
    const { localPort: port = 0, remotePort = 0 } = socket;
    const report = { ...this.identity, ...request, at: Date.now(), port, remotePort, ...namesOf(socket) };
    if (this.received.length < remembered) this.received.push(report);
    return report;
  }
}

/** Nothing of a request whose sender gives up. */
async function readBody(request: Request): Promise<string> {
  const body = await buffer(request).catch(() => Buffer.alloc(0));
  return body.toString('latin1');
}

/** Who is meant and who asks, where the connection is a TLS connection that ends here. */
function namesOf(socket: net.Socket): Pick<Received, 'serverName' | 'clientName'> {
  if (!(socket instanceof tls.TLSSocket)) return {};
  const { servername: serverName } = socket as tls.TLSSocket & { servername?: string };
  return { serverName, clientName: socket.getPeerCertificate().subject?.CN?.toString() };
}

function protocolOf(request: Request): Received['protocol'] {
  if (request.httpVersionMajor === 1) return 'http/1.1';
  return request.headers['content-type']?.startsWith('application/grpc') ? 'grpc' : 'http/2';
}

/**
 * Answers any method: the health check as healthy, all others with the report as the bytes of the message, if not told otherwise.
 * An error has trailers alone.
 */
function answerGrpc(response: http2.Http2ServerResponse, { status = 0, message: told }: Behaviour, report: Received): void {
  const headers = { 'content-type': 'application/grpc' };
  if (status !== 0) {
    response.stream.respond({ ...headers, 'grpc-status': `${status}` }, { endStream: true });
    return;
  }
  const healthy = Buffer.from([0x08, 0x01]);
  const echo = report.path === '/grpc.health.v1.Health/Check' ? healthy : Buffer.from(JSON.stringify(report));
  const message = told ? Buffer.from(told) : echo;
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  response.writeHead(200, headers);
  response.addTrailers({ 'grpc-status': '0' });
  response.end(Buffer.concat([prefix, message]));
}
