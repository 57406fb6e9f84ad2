import type { MeshService } from '../mesh-service';
import type { CorsPolicy } from './cors-policy';
import type { DirectResponse } from './direct-response';
import type { HeaderOperations } from './header-operations';
import type { Redirect } from './redirect';
import type { RequestMatch } from './request-match';
import type { Rewrite } from './rewrite';

/** A copy of the requests for another version; its answers are thrown away. */
export interface Mirror {
  /**
   * The version that gets the copy. One that gets all the requests themselves is refused (`invalid-rule`), so a mirror goes with the step
   * that gives its version 100 percent.
   */
  readonly to: string;
  /**
   * How many percent of the requests are copied.
   * @default 100
   */
  readonly percent?: number;
}

/**
 * What happens to a request on its way.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export interface RouteOptions {
  /**
   * What the app sees in place of the path or host.
   * @default - what the client sent
   */
  readonly rewrite?: Rewrite;
  /**
   * Changes to the headers.
   * @default - none
   */
  readonly headers?: HeaderOperations;
  /**
   * Changes to the headers of what goes to one version, by its name.
   * @default - none
   */
  readonly destinationHeaders?: { [version: string]: HeaderOperations };
  /**
   * Which pages in a browser may call.
   * @default - the app decides
   */
  readonly cors?: CorsPolicy;
  /**
   * Copies of the requests for other versions.
   * @default - none
   */
  readonly mirrors?: Mirror[];
}

/**
 * What happens to some requests: exactly one of `to`, `split`, `service`, `redirect` and `directResponse`.
 * Rules are tried in order; the first whose condition holds decides.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute
 */
export interface RoutingRule extends RouteOptions {
  /** Which requests. */
  readonly when: RequestMatch;
  /**
   * They go to this version.
   * @default - another outcome is said
   */
  readonly to?: string;
  /**
   * They are shared between versions, in whole percentages that sum to 100.
   * @default - another outcome is said
   */
  readonly split?: { [version: string]: number };
  /**
   * They go to another Service. Of an app its split holds for them, with its `destinationHeaders`; its rules, its mirrors and what else is
   * said of its routes do not.
   * @default - another outcome is said
   */
  readonly service?: MeshService;
  /**
   * The client is sent elsewhere.
   * @default - another outcome is said
   */
  readonly redirect?: Redirect;
  /**
   * The proxy answers itself.
   * @default - another outcome is said
   */
  readonly directResponse?: DirectResponse;
}
