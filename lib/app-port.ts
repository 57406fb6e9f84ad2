import { ErrorCode, MeshError } from './errors';
import { quote, requirePort } from './limits';

/**
 * How Istio treats the bytes on a port.
 *
 * @see https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
export enum PortProtocol {
  /** HTTP/1.1 in plain text; routes, retries and timeouts apply. */
  HTTP = 'http',
  /** HTTP/2 in plain text. */
  HTTP2 = 'http2',
  /** gRPC, routed like HTTP. */
  GRPC = 'grpc',
  /** gRPC-Web, translated for browsers. */
  GRPC_WEB = 'grpc-web',
  /** TLS that the application terminates; routed by SNI. */
  TLS = 'tls',
  /** HTTP over TLS that the application terminates; routed by SNI. */
  HTTPS = 'https',
  /** Any TCP stream. */
  TCP = 'tcp',
  /** MongoDB, treated as TCP, with metrics of Istio's Mongo filter unless that is off. */
  MONGO = 'mongo',
  /** MySQL, treated as TCP unless Istio's MySQL filter is on. */
  MYSQL = 'mysql',
  /** Redis, treated as TCP unless Istio's Redis filter is on. */
  REDIS = 'redis',
}

/** Options of an {@link AppPort}. */
export interface AppPortOptions {
  /**
   * Tells ports of one protocol apart: the Service port is called `<protocol>-<name>`, the container port `<name>`.
   * @default - both are called after the protocol alone
   */
  readonly name?: string;
  /**
   * The port that the container listens on.
   * @default - the same number as the Service's
   */
  readonly targetPort?: number;
}

const ROUTED_AS_HTTP = [PortProtocol.HTTP, PortProtocol.HTTP2, PortProtocol.GRPC, PortProtocol.GRPC_WEB];
const ROUTED_AS_TLS = [PortProtocol.TLS, PortProtocol.HTTPS];
// https://kubernetes.io/docs/reference/generated/kubernetes-api/: an IANA service name
const CONTAINER_PORT_NAME = /^(?!.*--)(?=.*[a-z])[a-z0-9]([a-z0-9-]{0,13}[a-z0-9])?$/;

/**
 * A port of an application together with its protocol. The name and the `appProtocol` of the Service port follow from it,
 * so that Istio never has to guess.
 *
 * @see https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
 */
export class AppPort {
  /**
   * A port that speaks HTTP/1.1.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static http(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.HTTP, port, options);
  }

  /**
   * A port that speaks HTTP/2 in plain text.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static http2(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.HTTP2, port, options);
  }

  /**
   * A port that speaks gRPC.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static grpc(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.GRPC, port, options);
  }

  /**
   * A port on which the application itself terminates HTTPS. Inside the mesh Istio shares its connections between all pods, whatever
   * the split says; the split holds at a gateway that passes TLS through.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static https(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.HTTPS, port, options);
  }

  /**
   * A port on which the application itself terminates TLS. Inside the mesh Istio shares its connections between all pods, whatever
   * the split says; the split holds at a gateway that passes TLS through.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static tls(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.TLS, port, options);
  }

  /**
   * A port that carries any TCP stream.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name is none of a container port
   */
  public static tcp(port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(PortProtocol.TCP, port, options);
  }

  /**
   * A port of any protocol that Istio knows.
   * @throws `out-of-range` when a port is not 1 to 65535
   * @throws `invalid-name` when the name, or without one the protocol, is none of a container port
   */
  public static of(protocol: PortProtocol, port: number, options: AppPortOptions = {}): AppPort {
    return new AppPort(protocol, port, options);
  }

  /** The port of the Service. */
  public readonly port: number;
  /** The port that the container listens on. */
  public readonly targetPort: number;
  /** The protocol that Istio applies. */
  public readonly protocol: PortProtocol;
  /** The name of the port in the Service, in Istio's convention `<protocol>[-<name>]`. */
  public readonly servicePortName: string;
  /** The name of the port in the container. */
  public readonly containerPortName: string;

  private constructor(protocol: PortProtocol, port: number, options: AppPortOptions) {
    this.protocol = protocol;
    this.port = requirePort('port', port);
    this.targetPort = requirePort('target port', options.targetPort ?? port);
    this.containerPortName = options.name ?? protocol;
    this.servicePortName = options.name === undefined ? protocol : `${protocol}-${options.name}`;
    if (!CONTAINER_PORT_NAME.test(this.containerPortName)) {
      throw new MeshError(
        ErrorCode.INVALID_NAME,
        `name of port ${port} is ${quote(this.containerPortName)}; allowed are 1 to 15 lower-case letters, digits and '-', at least one letter`,
      );
    }
  }

  /** Whether HTTP routes apply to this port. */
  public get isHttp(): boolean {
    return ROUTED_AS_HTTP.includes(this.protocol);
  }

  /** Whether the port is routed by SNI. */
  public get isTls(): boolean {
    return ROUTED_AS_TLS.includes(this.protocol);
  }
}
