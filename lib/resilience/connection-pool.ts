import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { renderDuration, requireInteger } from '../limits';

/**
 * Whether connections to an HTTP/1.1 port are upgraded to HTTP/2.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-HTTPSettings-H2UpgradePolicy
 */
export enum H2UpgradePolicy {
  /** What the mesh says (`h2UpgradePolicy` of the mesh configuration). */
  DEFAULT = 'DEFAULT',
  /** Connections stay HTTP/1.1. */
  DO_NOT_UPGRADE = 'DO_NOT_UPGRADE',
  /** Connections become HTTP/2. */
  UPGRADE = 'UPGRADE',
}

/**
 * Keep-alive of idle TCP connections.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-TCPSettings-TcpKeepalive
 */
export interface TcpKeepalive {
  /**
   * Unanswered probes after which a connection counts as dead.
   * @default - the operating system's (Linux: 9)
   */
  readonly probes?: number;
  /**
   * Idle time before the first probe.
   * @default - the operating system's (Linux: 2 hours)
   */
  readonly time?: Duration;
  /**
   * Time between probes.
   * @default - the operating system's (Linux: 75 s)
   */
  readonly interval?: Duration;
}

/**
 * Limits of connections, for TCP and HTTP alike.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-TCPSettings
 */
export interface TcpPool {
  /**
   * Connections to one destination; more requests wait or overflow.
   * @default - Istio's: 2^32-1
   */
  readonly maxConnections?: number;
  /**
   * How long connecting may take.
   * @default - Istio's: 10 s
   */
  readonly connectTimeout?: Duration;
  /**
   * Keep-alive of idle connections.
   * @default - none
   */
  readonly tcpKeepalive?: TcpKeepalive;
  /**
   * How long a connection may live at most.
   * @default - without end
   */
  readonly maxConnectionDuration?: Duration;
  /**
   * How long a TCP connection may be idle.
   * @default - Istio's: 1 hour
   */
  readonly idleTimeout?: Duration;
}

/**
 * Limits of HTTP requests.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings-HTTPSettings
 */
export interface HttpPool {
  /**
   * Requests that may wait for a connection; one more is answered with 503.
   * @default - Istio's: 2^32-1
   */
  readonly http1MaxPendingRequests?: number;
  /**
   * Requests to a destination at the same time; one more is answered with 503.
   * @default - Istio's: 2^32-1
   */
  readonly http2MaxRequests?: number;
  /**
   * Requests after which a connection is closed; 1 turns keep-alive off.
   * @default - without end
   */
  readonly maxRequestsPerConnection?: number;
  /**
   * Retries to a destination at the same time, from 1 up; `retries: { attempts: 0 }` turns them off.
   * @default - Istio's: 2^32-1
   */
  readonly maxRetries?: number;
  /**
   * How long a connection without requests is kept.
   * @default - Istio's: 1 hour
   */
  readonly idleTimeout?: Duration;
  /**
   * Whether HTTP/1.1 is upgraded to HTTP/2.
   * @default H2UpgradePolicy.DEFAULT
   */
  readonly h2UpgradePolicy?: H2UpgradePolicy;
  /**
   * Whether the caller's protocol is kept towards the app; not together with an upgrade.
   * @default false
   */
  readonly useClientProtocol?: boolean;
  /**
   * HTTP/2 streams on one connection.
   * @default - Istio's: 2^31-1
   */
  readonly maxConcurrentStreams?: number;
}

/**
 * How many connections and requests an app is asked to carry.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#ConnectionPoolSettings
 */
export interface ConnectionPool {
  /**
   * For TCP and HTTP.
   * @default - no limits
   */
  readonly tcp?: TcpPool;
  /**
   * For HTTP alone.
   * @default - no limits
   */
  readonly http?: HttpPool;
}

export function renderConnectionPool(pool: ConnectionPool, construct?: IConstruct): Record<string, unknown> {
  const number = (what: string, value: number | undefined, min: number) =>
    value === undefined ? undefined : requireInteger(what, value, { min }, construct);
  const duration = (what: string, value: Duration | undefined) => value && renderDuration(what, value, construct);
  const { tcp, http } = pool;
  if (tcp === undefined && http === undefined) {
    throw new MeshError(ErrorCode.INVALID_RESILIENCE, 'connectionPool has neither tcp nor http', construct);
  }
  if (http?.useClientProtocol === true && http.h2UpgradePolicy === H2UpgradePolicy.UPGRADE) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      "useClientProtocol keeps the caller's protocol, and h2UpgradePolicy UPGRADE changes it; say one of them",
      construct,
    );
  }
  return {
    tcp: tcp && {
      maxConnections: number('tcp.maxConnections', tcp.maxConnections, 1),
      connectTimeout: duration('tcp.connectTimeout', tcp.connectTimeout),
      maxConnectionDuration: duration('tcp.maxConnectionDuration', tcp.maxConnectionDuration),
      idleTimeout: duration('tcp.idleTimeout', tcp.idleTimeout),
      tcpKeepalive: tcp.tcpKeepalive && {
        probes: number('tcpKeepalive.probes', tcp.tcpKeepalive.probes, 1),
        time: duration('tcpKeepalive.time', tcp.tcpKeepalive.time),
        interval: duration('tcpKeepalive.interval', tcp.tcpKeepalive.interval),
      },
    },
    http: http && {
      http1MaxPendingRequests: number('http.http1MaxPendingRequests', http.http1MaxPendingRequests, 1),
      http2MaxRequests: number('http.http2MaxRequests', http.http2MaxRequests, 1),
      maxRequestsPerConnection: number('http.maxRequestsPerConnection', http.maxRequestsPerConnection, 1),
      // Istio takes 0 for its default.
      maxRetries: number('http.maxRetries', http.maxRetries, 1),
      idleTimeout: duration('http.idleTimeout', http.idleTimeout),
      h2UpgradePolicy: http.h2UpgradePolicy,
      useClientProtocol: http.useClientProtocol,
      maxConcurrentStreams: number('http.maxConcurrentStreams', http.maxConcurrentStreams, 1),
    },
  };
}
