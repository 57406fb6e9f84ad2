import { Chart, Duration } from 'cdk8s';
import {
  AppPort,
  CanaryApp,
  GlobalRateLimit,
  type GlobalRateLimitProps,
  LocalRateLimit,
  type LocalRateLimitProps,
  MeshService,
  PathMatch,
} from 'cdk8s-istio';
import { accepts } from '../lib/routing/string-match';
import { schemaMistakes } from './support/schemas';
import { chart, type Manifest, meshApp, one, refusal, synth } from './support/synth';

const LOCAL = 'envoy.filters.http.local_ratelimit';

function cart(scope: Chart): CanaryApp {
  const ports = [AppPort.tcp(6379), AppPort.http(80, { targetPort: 8080 }), AppPort.http(8000, { name: 'admin' })];
  return new CanaryApp(scope, 'cart', { image: 'cart', ports, versions: { v1: {} } });
}

function local(props: Partial<LocalRateLimitProps>): Manifest {
  const manifests = synth(
    (scope) => new LocalRateLimit(scope, 'limit', { app: cart(scope), requests: 100, per: Duration.minutes(1), ...props }),
  );
  expect(schemaMistakes(manifests)).toEqual([]);
  return one(manifests, 'EnvoyFilter');
}

describe('a local rate limit', () => {
  test('stands beside the pods of the app, on the port of its Service', () => {
    const { metadata, spec } = local({});
    expect(metadata).toEqual({ name: 'cart-local-rate-limit', namespace: 'shop' });
    expect(spec).toMatchObject({ priority: 10, workloadSelector: { labels: { app: 'cart' } } });
    expect(spec.configPatches[1].match).toEqual({
      context: 'SIDECAR_INBOUND',
      routeConfiguration: { vhost: { name: 'inbound|http|80' } },
    });
  });

  test('says no more than what is asked', () => {
    expect(local({}).spec.configPatches[1].patch.value.typed_per_filter_config[LOCAL]).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
      stat_prefix: 'http_local_rate_limiter',
      token_bucket: { max_tokens: 100, tokens_per_fill: 100, fill_interval: '60s' },
      filter_enabled: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
      filter_enforced: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
    });
  });

  test('takes every property', () => {
    const filter = synth((scope) => {
      const props: Required<LocalRateLimitProps> = {
        app: cart(scope),
        port: 8000,
        requests: 5,
        per: Duration.millis(1500),
        paths: [{ path: PathMatch.prefix('/slow', { ignoreCase: true }), requests: 1 }],
        responseHeaders: { 'x-limit': 'yes' },
        priority: -5,
      };
      new LocalRateLimit(scope, 'limit', props);
    });
    const { spec } = one(filter, 'EnvoyFilter');
    expect(spec.priority).toBe(-5);
    expect(spec.configPatches[1].match.routeConfiguration.vhost.name).toBe('inbound|http|8000');
    expect(spec.configPatches[1].patch.value.typed_per_filter_config[LOCAL]).toMatchObject({
      token_bucket: { max_tokens: 5, fill_interval: '1.5s' },
      rate_limits: [
        {
          actions: [
            {
              header_value_match: {
                descriptor_value: '/slow',
                headers: [{ name: ':path', string_match: { prefix: '/slow', ignore_case: true } }],
              },
            },
          ],
        },
      ],
      descriptors: [{ entries: [{ key: 'header_match', value: '/slow' }], token_bucket: { max_tokens: 1 } }],
      response_headers_to_add: [{ header: { key: 'x-limit', value: 'yes' } }],
    });
  });

  test.each([
    ['/page', true],
    ['/page?user=jason', true],
    ['/page?', true],
    ['/pages', false],
    ['/page/1', false],
    ['/PAGE', false],
    ['/a/page', false],
  ])('for the path /page holds for %s: %s', (path, holds) => {
    const { spec } = local({ paths: [{ path: PathMatch.exact('/page'), requests: 10 }] });
    const [{ actions }] = spec.configPatches[1].patch.value.typed_per_filter_config[LOCAL].rate_limits;
    const { regex } = actions[0].header_value_match.headers[0].string_match.safe_regex;
    expect(accepts({ regex }, path)).toBe(holds);
  });

  test.each([
    ['/page', true],
    ['/page?user=jason', true],
    ['/page/', true],
    ['/page/1?a', true],
    ['/pages', false],
    ['/a/page', false],
  ])('for what is below /page holds for %s: %s', (path, holds) => {
    const { spec } = local({
      paths: [
        { path: PathMatch.below('/page'), requests: 10 },
        { path: PathMatch.exact('/page'), requests: 5 },
      ],
    });
    const { rate_limits: limits, descriptors } = spec.configPatches[1].patch.value.typed_per_filter_config[LOCAL];
    const { regex } = limits[0].actions[0].header_value_match.headers[0].string_match.safe_regex;
    expect(accepts({ regex }, path)).toBe(holds);
    expect(descriptors.map(({ entries }: { entries: { value: string }[] }) => entries[0].value)).toEqual(['/page/**', '/page']);
  });

  test('ignores case where that is said', () => {
    const { spec } = local({ paths: [{ path: PathMatch.exact('/a.b', { ignoreCase: true }), requests: 10 }] });
    const [{ actions }] = spec.configPatches[1].patch.value.typed_per_filter_config[LOCAL].rate_limits;
    const { regex } = actions[0].header_value_match.headers[0].string_match.safe_regex;
    expect(['/A.B?x', '/a.b', '/aXb'].map((path) => accepts({ regex }, path))).toEqual([true, true, false]);
  });

  test.each<[string, Partial<LocalRateLimitProps>, string]>([
    ['no requests', { requests: 0 }, 'out-of-range'],
    ['half a request', { requests: 1.5 }, 'out-of-range'],
    ['a time shorter than Envoy takes', { per: Duration.millis(49) }, 'out-of-range'],
    ['a port that the app lacks', { port: 81 }, 'unknown-port'],
    ['a port that is not HTTP', { port: 6379 }, 'unknown-port'],
    ['a path given as an expression', { paths: [{ path: PathMatch.regex('/a.*'), requests: 1 }] }, 'unsupported-match'],
    ['a path twice', { paths: [1, 2].map((requests) => ({ path: PathMatch.exact('/a'), requests })) }, 'conflicting-rules'],
    ['a header that is none', { responseHeaders: { 'x limit': '1' } }, 'invalid-header'],
    ['a priority that is no whole number', { priority: 0.5 }, 'out-of-range'],
  ])('is refused with %s', (_, props, code) => {
    const scope = chart();
    const limit = { app: cart(scope), requests: 1, per: Duration.seconds(1), ...props };
    expect(refusal(() => new LocalRateLimit(scope, 'limit', limit))).toMatch(new RegExp(`\\(${code}\\)$`));
  });
});

describe('a global rate limit', () => {
  test('asks its service by the cluster that Istio makes for it', () => {
    const manifests = synth((scope) => {
      const props: Required<GlobalRateLimitProps> = {
        app: cart(scope),
        port: 80,
        domain: 'cart',
        service: MeshService.fromName(scope, 'ratelimit', { namespace: 'limits', ports: [AppPort.grpc(8081)] }),
        timeout: Duration.millis(250),
        failureModeDeny: true,
        priority: 30,
      };
      new GlobalRateLimit(scope, 'limit', props);
    });
    const { metadata, spec } = one(manifests, 'EnvoyFilter');
    expect(metadata.name).toBe('cart-global-rate-limit');
    expect(spec.priority).toBe(30);
    expect(spec.configPatches[0].patch.value.typed_config).toEqual({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit',
      domain: 'cart',
      failure_mode_deny: true,
      timeout: '0.25s',
      rate_limit_service: {
        transport_api_version: 'V3',
        grpc_service: {
          envoy_grpc: {
            cluster_name: 'outbound|8081||ratelimit.limits.svc.cluster.local',
            authority: 'ratelimit.limits.svc.cluster.local',
          },
        },
      },
    });
    expect(schemaMistakes(manifests)).toEqual([]);
  });

  test('lets requests pass while its service is silent, unless it is told otherwise', () => {
    const app = meshApp();
    const scope = new Chart(app, 'system', { namespace: 'shop' });
    const service = MeshService.fromName(scope, 'ratelimit', { ports: [AppPort.grpc(8081)] });
    new GlobalRateLimit(scope, 'limit', { app: cart(scope), domain: 'cart', service });
    expect(app.synthYaml()).toContain('failure_mode_deny: false');
  });

  test('is refused with a service in several versions, whose split a proxy would pass by', () => {
    const scope = chart();
    const service = new CanaryApp(scope, 'limits', {
      image: 'limits',
      ports: [AppPort.grpc(8081)],
      versions: { v1: {}, v2: {} },
      split: { v1: 100, v2: 0 },
    });
    expect(refusal(() => new GlobalRateLimit(scope, 'limit', { app: cart(scope), domain: 'cart', service }))).toBe(
      "[system/limit] service 'limits' has the versions v1, v2, and a proxy asks any of them, past the split; allowed is one version (bypassed-split)",
    );
  });

  test('is refused with a service that speaks no HTTP', () => {
    const scope = chart();
    const service = MeshService.fromName(scope, 'redis', { ports: [AppPort.tcp(6379)] });
    expect(refusal(() => new GlobalRateLimit(scope, 'limit', { app: cart(scope), domain: 'cart', service }))).toMatch(
      /\(unknown-port\)$/,
    );
  });
});
