import { Duration } from 'cdk8s';
import {
  Access,
  type Alternatives,
  AppPort,
  GlobalRateLimit,
  HeaderMatch,
  LoadBalancer,
  LocalRateLimit,
  MeshService,
  MtlsMode,
  MutualTls,
  PathMatch,
  ResilienceRules,
} from 'cdk8s-istio';
import { Bookinfo } from './chart';

const JASON = HeaderMatch.exact('end-user', 'jason');
const JASON_SEES_V2 = { rules: [{ when: JASON, to: 'v2' }] };

/** The reviews shared between versions. */
export function addSplits(variants: Alternatives): void {
  new Bookinfo(variants, 'all-v1');
  new Bookinfo(variants, 'reviews-v1-v3', { split: { v1: 50, v3: 50 } });
  new Bookinfo(variants, 'reviews-80-20', { split: { v1: 80, v2: 20 } });
  new Bookinfo(variants, 'reviews-90-10', { split: { v1: 90, v2: 10 } });
  new Bookinfo(variants, 'reviews-v2-v3', { split: { v2: 50, v3: 50 } });
  new Bookinfo(variants, 'reviews-v3', { split: { v3: 100 } });
}

/** One user sees another version than everybody else. */
export function addUserRouting(variants: Alternatives): void {
  new Bookinfo(variants, 'jason-v2-else-v1', { ...JASON_SEES_V2, split: { v1: 100 } });
  new Bookinfo(variants, 'jason-v2-else-v3', { ...JASON_SEES_V2, split: { v3: 100 } });
}

/** Slow and broken ratings, and reviews that do not wait for them. */
export function addFaults(variants: Alternatives): void {
  const delayed = new Bookinfo(variants, 'ratings-delay', { ...JASON_SEES_V2, split: { v1: 100 } });
  new ResilienceRules(delayed, 'ratings-fault', {
    app: delayed.ratings,
    when: JASON,
    fault: { delay: { fixedDelay: Duration.seconds(7) } },
  });

  const aborted = new Bookinfo(variants, 'ratings-abort', { ...JASON_SEES_V2, split: { v1: 100 } });
  new ResilienceRules(aborted, 'ratings-fault', {
    app: aborted.ratings,
    when: JASON,
    fault: { abort: { httpStatus: 500 } },
  });

  const impatient = new Bookinfo(variants, 'reviews-timeout', { split: { v2: 100 } });
  new ResilienceRules(impatient, 'reviews-timeout', { app: impatient.reviews, timeout: Duration.millis(500) });
  new ResilienceRules(impatient, 'ratings-fault', {
    app: impatient.ratings,
    fault: { delay: { fixedDelay: Duration.seconds(2) } },
  });
}

/** Which pod of the reviews gets the next request. */
export function addLoadBalancing(variants: Alternatives): void {
  const random = new Bookinfo(variants, 'random');
  new ResilienceRules(random, 'load-balancing', { app: random.reviews, loadBalancer: LoadBalancer.random() });

  const leastRequest = new Bookinfo(variants, 'least-request', { split: { v1: 50, v3: 50 } });
  new ResilienceRules(leastRequest, 'load-balancing', {
    app: leastRequest.reviews,
    loadBalancer: LoadBalancer.leastRequest(),
    versions: { v3: { loadBalancer: LoadBalancer.roundRobin() } },
  });
}

/** Nothing but mutual TLS, on both sides. */
export function addMutualTls(variants: Alternatives): void {
  const strict = new Bookinfo(variants, 'mutual-tls');
  for (const app of [strict.productpage, strict.details, strict.ratings, strict.reviews]) {
    new MutualTls(strict, `${app.serviceName}-tls`, { app, mode: MtlsMode.STRICT });
  }
}

/** Bounds on the requests for the page, counted by each pod or by a service for all of them. */
export function addRateLimits(variants: Alternatives): void {
  const local = new Bookinfo(variants, 'local-rate-limit');
  new LocalRateLimit(local, 'rate-limit', {
    app: local.productpage,
    requests: 100,
    per: Duration.seconds(60),
    paths: [{ path: PathMatch.exact('/productpage'), requests: 10 }],
    responseHeaders: { 'x-local-rate-limit': 'true' },
  });

  const global = new Bookinfo(variants, 'global-rate-limit');
  new GlobalRateLimit(global, 'rate-limit', {
    app: global.productpage,
    domain: 'productpage-ratelimit',
    service: MeshService.fromName(global, 'ratelimit', { namespace: 'default', ports: [AppPort.grpc(8081)] }),
    timeout: Duration.seconds(10),
    failureModeDeny: true,
  });
}

/** The answers by which a certificate authority sees that the host is ours. */
export function addAcme(variants: Alternatives): void {
  const acme = new Bookinfo(variants, 'acme');
  const solver = MeshService.fromName(acme, 'cm-acme-http-solver', { ports: [AppPort.http(8089)] });
  acme.gateway.expose(solver, {
    host: '*',
    paths: [PathMatch.prefix('/.well-known/acme-challenge/')],
    access: Access.public(),
  });
}
