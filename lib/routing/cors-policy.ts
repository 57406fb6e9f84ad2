import type { Duration } from 'cdk8s';
import { ErrorCode, MeshError } from '../errors';
import { quote, renderSeconds } from '../limits';
import { requireHeaderName } from './header-match';
import type { HttpMethod } from './http-match';
import { accepts, describe, requirePrefix, requireRe2, type StringMatch } from './string-match';

/**
 * An origin that may call from a browser.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy
 */
export class CorsOrigin {
  /**
   * This origin: scheme, host and port if it is not the scheme's own, as in `https://shop.example.com`. `*` is every origin.
   * @throws `invalid-host` when it is no origin
   */
  public static exact(origin: string): CorsOrigin {
    if (origin !== '*' && origin !== 'null' && !/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#A-Z]+$/.test(origin)) {
      throw new MeshError(
        ErrorCode.INVALID_HOST,
        `origin is ${quote(origin)}; browsers send a scheme and a host in lower case without a path, such as 'https://shop.example.com'`,
      );
    }
    return new CorsOrigin({ exact: origin });
  }

  /**
   * Every origin that begins with these characters, of which there is at least one.
   * @throws `invalid-host` when there is none
   */
  public static prefix(prefix: string): CorsOrigin {
    return new CorsOrigin({ prefix: requirePrefix(ErrorCode.INVALID_HOST, 'the origin', prefix) });
  }

  /**
   * An RE2 expression that must cover the whole origin.
   * @throws `invalid-regex` when RE2 refuses it
   */
  public static regex(regex: string): CorsOrigin {
    return new CorsOrigin({ regex: requireRe2('origin regex', regex) });
  }

  private constructor(
    /** @internal */
    public readonly _match: StringMatch,
  ) {}
}

/**
 * Which pages in a browser may call a route.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#CorsPolicy
 */
export interface CorsPolicy {
  /** The origins that may call, of which there is at least one. */
  readonly allowOrigins: CorsOrigin[];
  /**
   * The methods they may use.
   * @default - Envoy's: none beyond the simple ones
   */
  readonly allowMethods?: HttpMethod[];
  /**
   * The request headers they may send.
   * @default - none beyond the simple ones
   */
  readonly allowHeaders?: string[];
  /**
   * The response headers that a page may read.
   * @default - none beyond the simple ones
   */
  readonly exposeHeaders?: string[];
  /**
   * How long a browser may keep the answer to its preflight, in whole seconds.
   * @default - the browser's own
   */
  readonly maxAge?: Duration;
  /**
   * Whether cookies and credentials may be sent; not to origins that may be anybody's, such as `*`.
   * @default false
   */
  readonly allowCredentials?: boolean;
}

// What Envoy takes for every origin, the origin of a page in a sandbox, and two that are nobody's (RFC 2606).
const ANYBODY = ['*', 'null', 'https://anybody.invalid', 'http://anybody.invalid'];

/** @internal */
export function renderCors(cors: CorsPolicy): Record<string, unknown> {
  if (cors.allowOrigins.length === 0) {
    throw new MeshError(
      ErrorCode.INVALID_RULE,
      'allowOrigins of the CORS policy is empty, so the policy does nothing; name an origin, or leave out cors',
    );
  }
  const open = cors.allowOrigins.find(({ _match }) => ANYBODY.some((origin) => accepts(_match, origin)));
  if (open !== undefined && cors.allowCredentials) {
    throw new MeshError(
      ErrorCode.INVALID_RULE,
      `CORS policy allows credentials to origin ${describe(open._match)}, so any page on the web reads answers that are meant for its visitor; name the origins that may, or leave out allowCredentials`,
    );
  }
  for (const name of [...(cors.allowHeaders ?? []), ...(cors.exposeHeaders ?? [])]) {
    requireHeaderName(name);
  }
  return {
    allowOrigins: cors.allowOrigins.map((origin) => origin._match),
    allowMethods: cors.allowMethods,
    allowHeaders: cors.allowHeaders,
    exposeHeaders: cors.exposeHeaders,
    maxAge: cors.maxAge && `${renderSeconds('maxAge of the CORS policy', cors.maxAge, 1)}s`,
    allowCredentials: cors.allowCredentials,
  };
}
