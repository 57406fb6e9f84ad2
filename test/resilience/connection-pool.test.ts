import { Duration } from 'cdk8s';
import { type ConnectionPool, H2UpgradePolicy, type HttpPool, type TcpKeepalive, type TcpPool } from 'cdk8s-istio';
import { renderConnectionPool } from '../../lib/resilience/connection-pool';
import { refusal } from '../support/synth';

describe('a connection pool', () => {
  test('is written with every field', () => {
    const tcpKeepalive: Required<TcpKeepalive> = { probes: 3, time: Duration.minutes(10), interval: Duration.seconds(75) };
    const tcp: Required<TcpPool> = {
      maxConnections: 100,
      connectTimeout: Duration.millis(30),
      tcpKeepalive,
      maxConnectionDuration: Duration.hours(1),
      idleTimeout: Duration.minutes(5),
    };
    const http: Required<HttpPool> = {
      http1MaxPendingRequests: 1,
      http2MaxRequests: 1000,
      maxRequestsPerConnection: 10,
      maxRetries: 1,
      idleTimeout: Duration.seconds(90),
      h2UpgradePolicy: H2UpgradePolicy.DO_NOT_UPGRADE,
      useClientProtocol: true,
      maxConcurrentStreams: 100,
    };
    const pool: Required<ConnectionPool> = { tcp, http };
    expect(renderConnectionPool(pool)).toEqual({
      tcp: {
        maxConnections: 100,
        connectTimeout: '30ms',
        tcpKeepalive: { probes: 3, time: '600s', interval: '75s' },
        maxConnectionDuration: '3600s',
        idleTimeout: '300s',
      },
      http: {
        http1MaxPendingRequests: 1,
        http2MaxRequests: 1000,
        maxRequestsPerConnection: 10,
        maxRetries: 1,
        idleTimeout: '90s',
        h2UpgradePolicy: 'DO_NOT_UPGRADE',
        useClientProtocol: true,
        maxConcurrentStreams: 100,
      },
    });
  });

  test.each<[ConnectionPool, string]>([
    [{}, 'connectionPool has neither tcp nor http (invalid-resilience)'],
    [{ tcp: undefined }, 'connectionPool has neither tcp nor http (invalid-resilience)'],
    [{ tcp: { maxConnections: 0 } }, 'tcp.maxConnections is 0; allowed are whole numbers from 1 up (out-of-range)'],
    [{ tcp: { maxConnections: Number.NaN } }, 'tcp.maxConnections is NaN; allowed are whole numbers from 1 up (out-of-range)'],
    [{ tcp: { tcpKeepalive: { probes: -1 } } }, 'tcpKeepalive.probes is -1; allowed are whole numbers from 1 up (out-of-range)'],
    [{ http: { maxRetries: 0 } }, 'http.maxRetries is 0; allowed are whole numbers from 1 up (out-of-range)'],
    [
      { http: { http2MaxRequests: 2 ** 31 } },
      'http.http2MaxRequests is 2147483648; allowed are whole numbers from 1 up (out-of-range)',
    ],
    [
      { http: { maxConcurrentStreams: 0.5 } },
      'http.maxConcurrentStreams is 0.5; allowed are whole numbers from 1 up (out-of-range)',
    ],
    [
      { http: { useClientProtocol: true, h2UpgradePolicy: H2UpgradePolicy.UPGRADE } },
      "useClientProtocol keeps the caller's protocol, and h2UpgradePolicy UPGRADE changes it; say one of them (invalid-resilience)",
    ],
  ])('%j is refused', (pool, message) => {
    expect(refusal(() => renderConnectionPool(pool))).toBe(message);
  });

  test('refuses a duration of zero', () => {
    expect(refusal(() => renderConnectionPool({ tcp: { connectTimeout: Duration.seconds(0) } }))).toBe(
      'tcp.connectTimeout is 0 ms; allowed are whole milliseconds from 1 up (out-of-range)',
    );
  });
});
