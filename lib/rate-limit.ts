import { ApiObject, type Duration } from 'cdk8s';
import { Construct } from 'constructs';
import { ENVOY_FILTER } from './api-versions';
import type { CanaryApp } from './canary-app';
import { rememberCreation } from './creation';
import { ErrorCode, inConstruct, MeshError } from './errors';
import { list, requireInteger } from './limits';
import type { MeshService } from './mesh-service';
import { recordProxyCall } from './policy/call-policy';
import { requireHeaderName } from './routing/header-match';
import type { PathMatch } from './routing/path-match';
import { escapeRe2 } from './routing/re2';
import { describeMatches } from './routing/request-match';
import { orUndefined } from './workload/container';

/** A tighter limit for some paths. */
export interface PathRateLimit {
  /** The paths: {@link PathMatch.exact}, {@link PathMatch.prefix} or {@link PathMatch.below}. */
  readonly path: PathMatch;
  /** How many requests a pod takes in the time of the whole limit. They count against the whole limit too. */
  readonly requests: number;
}

/** What both kinds of rate limits are made of. */
export interface RateLimitOptions {
  /** The app whose pods refuse what is too much, with 429. */
  readonly app: CanaryApp;
  /**
   * The port of the app's Service; it speaks HTTP.
   * @default - the first that does
   */
  readonly port?: number;
}

/** Properties of a {@link LocalRateLimit}. */
export interface LocalRateLimitProps extends RateLimitOptions {
  /** How many requests each pod takes in the given time. */
  readonly requests: number;
  /** The time, at least 50 ms. */
  readonly per: Duration;
  /**
   * Tighter limits for some paths.
   * @default - none
   */
  readonly paths?: PathRateLimit[];
  /**
   * Headers of the answers to what was too much.
   * @default - none
   */
  readonly responseHeaders?: { [name: string]: string };
  /**
   * The order among EnvoyFilters: the smaller is applied first.
   * @default 10
   */
  readonly priority?: number;
}

/** Properties of a {@link GlobalRateLimit}. */
export interface GlobalRateLimitProps extends RateLimitOptions {
  /** The domain in the settings of the rate limit service, which hold the limits themselves. */
  readonly domain: string;
  /** The rate limit service, in one version; its first HTTP port speaks gRPC. */
  readonly service: MeshService;
  /**
   * How long the service may take.
   * @default - Envoy's: 20 ms
   */
  readonly timeout?: Duration;
  /**
   * Whether requests are refused (500) while the service does not answer.
   * @default false
   */
  readonly failureModeDeny?: boolean;
  /**
   * The order among EnvoyFilters: the smaller is applied first.
   * @default 20
   */
  readonly priority?: number;
}

const EXTENSIONS = 'type.googleapis.com/envoy.extensions.filters.http';
const LOCAL_TYPE = `${EXTENSIONS}.local_ratelimit.v3.LocalRateLimit`;
const GLOBAL_TYPE = `${EXTENSIONS}.ratelimit.v3.RateLimit`;
const ALL_REQUESTS = { default_value: { numerator: 100, denominator: 'HUNDRED' } };

/**
 * A bound on the requests that each pod of an app takes, counted by the pod itself.
 *
 * @see https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/#local-rate-limit
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/local_rate_limit_filter
 */
export class LocalRateLimit extends Construct {
  /** @throws `out-of-range`, `unknown-port`, `unsupported-match`, `conflicting-rules`, `invalid-header` */
  public constructor(scope: Construct, id: string, props: LocalRateLimitProps) {
    super(scope, id);
    rememberCreation(this);
    const { paths = [], responseHeaders = {} } = props;
    const limits = paths.map(({ path, requests }) => ({ ...describePath(path, this), bucket: this.bucket(requests, props.per) }));
    const twice = limits.find(({ key }, index) => limits.findIndex((other) => other.key === key) !== index);
    if (twice !== undefined) {
      throw new MeshError(ErrorCode.CONFLICTING_RULES, `path '${twice.key}' has two limits; say one`, this);
    }
    createFilter(this, 'local-rate-limit', props, {
      priority: props.priority ?? 10,
      filter: {
        name: 'envoy.filters.http.local_ratelimit',
        typed_config: { '@type': LOCAL_TYPE, stat_prefix: 'http_local_rate_limiter' },
      },
      virtualHost: {
        typed_per_filter_config: {
          'envoy.filters.http.local_ratelimit': {
            '@type': LOCAL_TYPE,
            stat_prefix: 'http_local_rate_limiter',
            token_bucket: this.bucket(props.requests, props.per),
            rate_limits: orUndefined(
              limits.map(({ key, header }) => ({
                actions: [{ header_value_match: { descriptor_value: key, headers: [header] } }],
              })),
            ),
            descriptors: orUndefined(
              limits.map(({ key, bucket }) => ({ entries: [{ key: 'header_match', value: key }], token_bucket: bucket })),
            ),
            filter_enabled: ALL_REQUESTS,
            filter_enforced: ALL_REQUESTS,
            response_headers_to_add: orUndefined(
              Object.entries(responseHeaders).map(([name, value]) => ({
                header: { key: inConstruct(this, () => requireHeaderName(name)), value },
                append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
              })),
            ),
          },
        },
      },
    });
  }

  private bucket(requests: number, per: Duration): Record<string, unknown> {
    const tokens = requireInteger('requests', requests, { min: 1 }, this);
    return { max_tokens: tokens, tokens_per_fill: tokens, fill_interval: renderProtoDuration('per', per, 50, this) };
  }
}

/**
 * A bound on the requests that all pods of an app take together, counted by a rate limit service. Each request is described to
 * it by its path, query included, under the key `PATH`.
 *
 * @see https://istio.io/latest/docs/tasks/policy-enforcement/rate-limit/#global-rate-limit
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/rate_limit_filter
 */
export class GlobalRateLimit extends Construct {
  /** @throws `out-of-range`, `unknown-port`, `bypassed-split` when the service has several versions */
  public constructor(scope: Construct, id: string, props: GlobalRateLimitProps) {
    super(scope, id);
    rememberCreation(this);
    const { service, domain, timeout } = props;
    const port = service._httpPort();
    const versions = [...service._replicas().keys()];
    if (versions.length > 1) {
      throw new MeshError(
        ErrorCode.BYPASSED_SPLIT,
        `service '${service.serviceName}' has the versions ${list(versions)}, and a proxy asks any of them, past the split; allowed is one version`,
        this,
      );
    }
    createFilter(this, 'global-rate-limit', props, {
      priority: props.priority ?? 20,
      filter: {
        name: 'envoy.filters.http.ratelimit',
        typed_config: {
          '@type': GLOBAL_TYPE,
          domain,
          failure_mode_deny: props.failureModeDeny ?? false,
          timeout: timeout && renderProtoDuration('timeout', timeout, 1, this),
          rate_limit_service: {
            transport_api_version: 'V3',
            grpc_service: {
              envoy_grpc: { cluster_name: `outbound|${port.port}||${service.host}`, authority: service.host },
            },
          },
        },
      },
      virtualHost: { rate_limits: [{ actions: [{ request_headers: { header_name: ':path', descriptor_key: 'PATH' } }] }] },
    });
    recordProxyCall(props.app, service, port);
  }
}

/** What is put into the proxies of an app: an HTTP filter, and what the app's virtual host says to it. */
interface FilterParts {
  readonly priority: number;
  readonly filter: Record<string, unknown>;
  readonly virtualHost: Record<string, unknown>;
}

function createFilter(construct: Construct, suffix: string, { app, port }: RateLimitOptions, parts: FilterParts): void {
  const limited = port === undefined ? app._httpPort() : app.portOf(port);
  if (!limited.isHttp) {
    throw new MeshError(
      ErrorCode.UNKNOWN_PORT,
      `port ${limited.port} speaks ${limited.protocol}; only HTTP is counted in requests`,
      construct,
    );
  }
  app._eachPodSet((pods) => {
    new ApiObject(construct, `Resource${pods.suffix}`, {
      ...ENVOY_FILTER,
      metadata: { name: `${app.serviceName}-${suffix}${pods.suffix}`, namespace: app.namespace },
      spec: {
        priority: requireInteger('priority', parts.priority, { min: -(2 ** 31) }, construct),
        workloadSelector: { labels: pods.labels },
        configPatches: [
          {
            applyTo: 'HTTP_FILTER',
            match: {
              context: 'SIDECAR_INBOUND',
              listener: {
                filterChain: {
                  filter: {
                    name: 'envoy.filters.network.http_connection_manager',
                    subFilter: { name: 'envoy.filters.http.router' },
                  },
                },
              },
            },
            patch: { operation: 'INSERT_BEFORE', value: parts.filter },
          },
          {
            applyTo: 'VIRTUAL_HOST',
            match: { context: 'SIDECAR_INBOUND', routeConfiguration: { vhost: { name: `inbound|http|${limited.port}` } } },
            patch: { operation: 'MERGE', value: parts.virtualHost },
          },
        ],
      },
    });
  });
}

/** A path as Envoy's `:path` holds it, with the query behind it. */
function describePath(path: PathMatch, construct: Construct): { readonly key: string; readonly header: Record<string, unknown> } {
  const matches = path._toMatches();
  const [{ uri: { exact, prefix } = {}, ignoreUriCase = false }] = matches;
  const literal = exact ?? prefix;
  if (literal === undefined) {
    throw new MeshError(
      ErrorCode.UNSUPPORTED_MATCH,
      `a limit for ${describeMatches(matches)} is not supported; use PathMatch.exact, PathMatch.prefix or PathMatch.below`,
      construct,
    );
  }
  // A path and all below it are two matches.
  const below = matches.length > 1;
  const match =
    exact === undefined
      ? { prefix: literal, ignore_case: ignoreUriCase || undefined }
      : { safe_regex: { regex: `${ignoreUriCase ? '(?i)' : ''}${escapeRe2(literal)}${below ? '(/.*)?' : ''}(\\?.*)?` } };
  return { key: below ? `${literal}/**` : literal, header: { name: ':path', string_match: match } };
}

/** Protocol Buffers write durations in seconds alone: `0.5s`. */
function renderProtoDuration(what: string, duration: Duration, minMilliseconds: number, construct: Construct): string {
  const ms = requireInteger(
    `${what} in milliseconds`,
    duration.toMilliseconds({ integral: false }),
    { min: minMilliseconds, max: Number.MAX_SAFE_INTEGER },
    construct,
  );
  return `${ms / 1000}s`;
}
