/** What a pod's process can be told to do, over the channel it was started with: no message ever touches the mesh. */
export interface PodCalls {
  serve(ports: number[]): void;
  /** From now on the servers of this pod answer like this; `{}` is back to normal. */
  behave(behaviour: Behaviour): void;
  /** Lets the pod end TLS itself, as an application behind a passthrough listener does. */
  presentCertificate(certificate: Certificate): void;
  /** The requests that arrived since the last call. */
  takeReceived(): Received[];
  http(request: HttpRequest): HttpAnswer;
  repeatHttp(request: HttpRequest & Repetition): Tally[];
  startLoad(request: HttpRequest & Repetition): void;
  stopLoad(): Tally[];
  tcp(request: TcpRequest): TcpAnswer;
  repeatTcp(request: TcpRequest & Repetition): Tally[];
  grpc(request: GrpcRequest): GrpcAnswer;
}

export interface Message {
  readonly id: number;
  readonly call: keyof PodCalls;
  readonly argument: unknown;
}

export interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** How a pod identifies itself; taken from its labels. */
export interface PodIdentity {
  readonly pod: string;
  readonly app: string;
  readonly version: string;
}

/** What the server saw of a request, sent back as the body of its answer. */
export interface Received extends PodIdentity {
  readonly protocol: 'http/1.1' | 'http/2' | 'grpc' | 'tcp';
  readonly port: number;
  /** The port at the other end, by which connections can be told apart. */
  readonly remotePort: number;
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  /** When it arrived, in milliseconds by the pod's own clock. */
  readonly at: number;
  /** Byte by byte, for a gRPC message is not text. */
  readonly body: string;
  /** The host name of the TLS handshake, where this pod ended it. */
  readonly serverName?: string;
  /** The name in the client's certificate of that handshake. */
  readonly clientName?: string;
}

export interface Behaviour {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** What an HTTP answer holds in place of the report. */
  readonly body?: string;
  readonly delayMilliseconds?: number;
  /** Closes the connection in place of an answer. */
  readonly reset?: boolean;
  /** What a gRPC answer holds in place of the report. */
  readonly message?: number[];
  /** Sent first; the answer waits for its answer. */
  readonly asks?: HttpRequest;
  /** For so many requests only, then back to normal. */
  readonly times?: number;
}

export interface Certificate {
  readonly certificate: string;
  readonly key: string;
}

export interface ClientTls {
  /** Who signs the certificates that are trusted; every server is trusted where there is none. */
  readonly authority?: string;
  readonly identity?: Certificate;
  readonly maxVersion?: 'TLSv1.2';
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** The address to connect to, where the host of the URL is not to be looked up. */
  readonly address?: string;
  /** Which of the pod's own addresses to call from. */
  readonly from?: string;
  readonly tls?: ClientTls;
  /** A new connection for each request. */
  readonly freshConnection?: boolean;
  readonly timeoutMilliseconds?: number;
}

export interface Repetition {
  readonly times?: number;
  readonly concurrency?: number;
}

export interface HttpAnswer {
  /** 0 when there was no answer. */
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** The body, where a pod's server wrote it. */
  readonly received?: Received;
  readonly milliseconds: number;
  readonly error?: string;
}

/** How many answers were alike. */
export interface Tally {
  readonly status: number;
  readonly version: string;
  readonly pod: string;
  readonly error?: string;
  readonly count: number;
}

export interface TcpRequest {
  readonly host: string;
  readonly port: number;
  readonly text: string;
  readonly address?: string;
  readonly from?: string;
  readonly tls?: ClientTls;
}

export interface TcpAnswer {
  readonly received?: Received;
  readonly text: string;
  readonly error?: string;
}

export interface GrpcRequest {
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly address?: string;
  readonly tls?: ClientTls;
}

export interface GrpcAnswer {
  /** The number of a gRPC status; 0 is OK. */
  readonly status: number;
  readonly details: string;
  readonly received?: Received;
}
