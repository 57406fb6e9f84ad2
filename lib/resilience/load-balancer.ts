import type { Duration } from 'cdk8s';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { list, quote, renderDuration, requireInteger, requirePercent } from '../limits';
import { requireHeaderName } from '../routing/header-match';
import { requireQueryName } from '../routing/query-match';

/**
 * New pods get a growing share of the traffic for a while.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#WarmupConfiguration
 */
export interface Warmup {
  /** How long it lasts. */
  readonly duration: Duration;
  /**
   * The percentage of its share that a pod starts with.
   * @default - Istio's: 10
   */
  readonly minimumPercent?: number;
  /**
   * How fast the share grows at first: with 1 it grows evenly, with more faster; at least 1.
   * @default - Istio's: 1
   */
  readonly aggression?: number;
}

/** The share of traffic from one locality to others. */
export interface LocalityDistribution {
  /** Where callers are: `region/zone/sub-zone`, `*` for all below. */
  readonly from: string;
  /** Whole percentages from 1 by locality; they sum to 100. */
  readonly to: { [locality: string]: number };
}

/** Where traffic of a region goes when the app is not healthy there. */
export interface LocalityFailover {
  /** The region that fails, without zones. */
  readonly from: string;
  /** The region that takes over, another one. */
  readonly to: string;
}

/**
 * Preference for pods near the caller; at most one of the three ways.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LocalityLoadBalancerSetting
 */
export interface LocalityPreference {
  /**
   * Whether locality counts at all. Where nothing else is said, pods of the caller's zone and region come first; that needs outlier
   * detection.
   * @default - the mesh's setting
   */
  readonly enabled?: boolean;
  /**
   * Fixed shares.
   * @default - none
   */
  readonly distribute?: LocalityDistribution[];
  /**
   * Regions that stand in for others; needs outlier detection, which alone knows what is healthy.
   * @default - none
   */
  readonly failover?: LocalityFailover[];
  /**
   * Labels in order: pods that share more of them with the caller come first; needs outlier detection.
   * @default - none
   */
  readonly failoverPriority?: string[];
}

/** Options that every load balancer has. */
export interface LoadBalancerOptions {
  /**
   * Preference for pods near the caller.
   * @default - the mesh's setting
   */
  readonly locality?: LocalityPreference;
}

/** Options of the load balancers that know warm-up. */
export interface WarmupLoadBalancerOptions extends LoadBalancerOptions {
  /**
   * New pods get a growing share for a while.
   * @default - they get their full share at once
   */
  readonly warmup?: Warmup;
}

/** A cookie that Envoy makes when the client has none. */
export interface HashCookieOptions {
  /**
   * How long a cookie made by Envoy lives; zero makes a session cookie.
   * @default - Envoy makes no cookie
   */
  readonly ttl?: Duration;
  /**
   * The path of a cookie made by Envoy.
   * @default - none
   */
  readonly path?: string;
}

/**
 * What of a request decides on its pod.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings-ConsistentHashLB
 */
export class HashKey {
  /**
   * The value of a header.
   * @throws `invalid-header` when the name is none of a header
   */
  public static header(name: string): HashKey {
    return new HashKey({ httpHeaderName: requireHeaderName(name) });
  }

  /**
   * The value of a cookie.
   * @throws `invalid-header` when the name is none of a cookie
   * @throws `out-of-range` when `ttl` is not a whole number of milliseconds
   */
  public static cookie(name: string, options: HashCookieOptions = {}): HashKey {
    const ttl =
      options.ttl &&
      (options.ttl.toMilliseconds({ integral: false }) === 0 ? '0s' : renderDuration(`ttl of cookie '${name}'`, options.ttl));
    return new HashKey({ httpCookie: { name: requireHeaderName(name), ttl, path: options.path } });
  }

  /**
   * The value of a query parameter.
   * @throws `invalid-query` when the name is none of a parameter
   */
  public static queryParameter(name: string): HashKey {
    return new HashKey({ httpQueryParameterName: requireQueryName(name) });
  }

  /** The caller's IP address. */
  public static sourceIp(): HashKey {
    return new HashKey({ useSourceIp: true });
  }

  private constructor(
    /** @internal */
    public readonly _key: Record<string, unknown>,
  ) {}
}

/**
 * How a hash finds its pod.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings-ConsistentHashLB
 */
export class HashAlgorithm {
  /**
   * Ring hash with at least this many points; more points, more even shares.
   * @throws `out-of-range` when it is not 1 to 8,388,608
   */
  public static ringHash(minimumRingSize = 1024): HashAlgorithm {
    return new HashAlgorithm({
      ringHash: { minimumRingSize: requireInteger('minimumRingSize', minimumRingSize, { min: 1, max: 8 * 2 ** 20 }) },
    });
  }

  /**
   * Maglev: faster than ring hash, moves a little more when pods change. The table's size must be a prime below 5,000,011.
   * @throws `out-of-range` when it is no prime below 5,000,011
   */
  public static maglev(tableSize = 65537): HashAlgorithm {
    requireInteger('tableSize', tableSize, { min: 2, max: 5_000_010 });
    for (let divisor = 2; divisor * divisor <= tableSize; divisor++) {
      if (tableSize % divisor === 0) {
        throw new MeshError(
          ErrorCode.OUT_OF_RANGE,
          `tableSize is ${tableSize} (divisible by ${divisor}); maglev takes primes, such as 65537`,
        );
      }
    }
    return new HashAlgorithm({ maglev: { tableSize } });
  }

  private constructor(
    /** @internal */
    public readonly _algorithm: Record<string, unknown>,
  ) {}
}

/** Options of {@link LoadBalancer.consistentHash}. */
export interface ConsistentHashOptions extends LoadBalancerOptions {
  /**
   * How a hash finds its pod.
   * @default - Istio's: ring hash with at least 1024 points
   */
  readonly algorithm?: HashAlgorithm;
}

/**
 * Which pod gets the next request.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/destination-rule/#LoadBalancerSettings
 */
export class LoadBalancer {
  /**
   * The pod with fewer open requests of two chosen at random; Istio's own default.
   * @throws `out-of-range` when the warm-up's duration is not in whole milliseconds from 1 up, its percentage outside 0 to 100, or
   * its aggression below 1
   */
  public static leastRequest(options: WarmupLoadBalancerOptions = {}): LoadBalancer {
    return new LoadBalancer(
      { simple: 'LEAST_REQUEST', warmup: options.warmup && renderWarmup(options.warmup) },
      options.locality,
    );
  }

  /**
   * One pod after the other.
   * @throws `out-of-range` when the warm-up's duration is not in whole milliseconds from 1 up, its percentage outside 0 to 100, or
   * its aggression below 1
   */
  public static roundRobin(options: WarmupLoadBalancerOptions = {}): LoadBalancer {
    return new LoadBalancer({ simple: 'ROUND_ROBIN', warmup: options.warmup && renderWarmup(options.warmup) }, options.locality);
  }

  /** Any pod. */
  public static random(options: LoadBalancerOptions = {}): LoadBalancer {
    return new LoadBalancer({ simple: 'RANDOM' }, options.locality);
  }

  /**
   * The address that the caller asked for, whatever it is. Istio then knows no pods and cannot see which have a sidecar: it calls
   * them all with mutual TLS, unless `clientTls` says otherwise. No version can be chosen, and a gateway has no such address, so it is
   * refused for an app with several versions (`bypassed-split`) or behind a gateway (`invalid-resilience`).
   */
  public static passthrough(): LoadBalancer {
    return new LoadBalancer({ simple: 'PASSTHROUGH' });
  }

  /**
   * Requests with the same key go to the same pod, as long as the pods stay the same. That holds within a version: a split is decided
   * anew for each request, whatever its key, so testers who are to stay with a version need a rule for them.
   */
  public static consistentHash(key: HashKey, options: ConsistentHashOptions = {}): LoadBalancer {
    return new LoadBalancer({ consistentHash: { ...key._key, ...options.algorithm?._algorithm } }, options.locality);
  }

  private constructor(
    private readonly settings: Record<string, unknown>,
    private readonly locality?: LocalityPreference,
  ) {}

  /**
   * Whether the pod is chosen by something that only HTTP has.
   * @internal
   */
  public get _needsHttp(): boolean {
    const { consistentHash } = this.settings as { consistentHash?: { useSourceIp?: boolean } };
    return consistentHash !== undefined && consistentHash.useSourceIp !== true;
  }

  /**
   * Whether the caller has chosen the pod already.
   * @internal
   */
  public get _isPassthrough(): boolean {
    return this.settings.simple === 'PASSTHROUGH';
  }

  /** @internal */
  public _render(hasOutlierDetection: boolean, construct?: IConstruct): Record<string, unknown> {
    return {
      ...this.settings,
      localityLbSetting: this.locality && renderLocality(this.locality, hasOutlierDetection, construct),
    };
  }
}

function renderWarmup(warmup: Warmup): Record<string, unknown> {
  const aggression = warmup.aggression;
  if (aggression !== undefined && !(aggression >= 1)) {
    throw new MeshError(ErrorCode.OUT_OF_RANGE, `aggression of the warm-up is ${aggression}; allowed are numbers from 1 up`);
  }
  return {
    duration: renderDuration('duration of the warm-up', warmup.duration),
    minimumPercent:
      warmup.minimumPercent === undefined ? undefined : requirePercent('minimumPercent of the warm-up', warmup.minimumPercent),
    aggression,
  };
}

function renderLocality(
  locality: LocalityPreference,
  hasOutlierDetection: boolean,
  construct?: IConstruct,
): Record<string, unknown> {
  const { enabled = true, distribute, failover, failoverPriority } = locality;
  if (distribute !== undefined && (failover !== undefined || failoverPriority !== undefined)) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      'locality has both distribute and failover; Istio takes one of them',
      construct,
    );
  }
  const ways = Object.entries({ distribute, failover, failoverPriority }).flatMap(([way, said]) =>
    said === undefined ? [] : way,
  );
  if (!enabled && ways.length > 0) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      `locality is switched off, and ${list(ways)} beside it has no effect; leave one of them out`,
      construct,
    );
  }
  if (enabled && distribute === undefined && !hasOutlierDetection) {
    throw new MeshError(
      ErrorCode.INVALID_RESILIENCE,
      'locality prefers what is near, or fails over, and has no outlierDetection beside it, without which Istio never sees a failure and does neither; set outlierDetection too',
      construct,
    );
  }
  for (const { from, to } of distribute ?? []) {
    for (const [locality, share] of Object.entries(to)) {
      requireInteger(`share from locality '${from}' to '${locality}'`, share, { min: 1, max: 100 }, construct);
    }
    const sum = Object.values(to).reduce((total, share) => total + share, 0);
    if (sum !== 100) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        `shares from locality '${from}' sum to ${sum}; they must sum to 100`,
        construct,
      );
    }
  }
  for (const { from, to } of failover ?? []) {
    if (from === to || !isRegion(from) || !isRegion(to)) {
      throw new MeshError(
        ErrorCode.INVALID_RESILIENCE,
        `locality fails over from ${quote(from)} to ${quote(to)}; allowed are two different regions, without zones and '*'`,
        construct,
      );
    }
  }
  return { enabled: locality.enabled, distribute, failover, failoverPriority };
}

function isRegion(text: string): boolean {
  return text !== '' && !/[/*]/.test(text);
}
