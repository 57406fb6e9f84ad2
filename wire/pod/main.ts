import { Client } from './client';
import type { Message, PodCalls, Reply } from './protocol';
import { EchoServer } from './server';

const { POD = '', APP = '', VERSION = '', DNS_SERVER } = process.env;
const client = new Client(DNS_SERVER);
const server = new EchoServer({ pod: POD, app: APP, version: VERSION }, (request) => client.http(request));

type Handlers = { [Call in keyof PodCalls]: (argument: Parameters<PodCalls[Call]>[0]) => unknown };

const handlers: Handlers = {
  serve: (ports) => server.serve(ports),
  behave: (behaviour) => server.behave(behaviour),
  presentCertificate: (certificate) => server.presentCertificate(certificate),
  takeReceived: () => server.takeReceived(),
  http: (request) => client.http(request),
  repeatHttp: (request) => client.repeatHttp(request),
  startLoad: (request) => client.startLoad(request),
  stopLoad: () => client.stopLoad(),
  tcp: (request) => client.tcp(request),
  repeatTcp: (request) => client.repeatTcp(request),
  grpc: (request) => client.grpc(request),
};

process.on('disconnect', () => process.exit());
process.on('message', async ({ id, call, argument }: Message) => {
  const reply = (answer: Omit<Reply, 'id'>) => process.send?.({ id, ...answer });
  try {
    reply({ result: await (handlers[call] as (argument: unknown) => unknown)(argument) });
  } catch (error) {
    reply({ error: String(error) });
  }
});
