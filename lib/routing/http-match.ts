import { ErrorCode, MeshError } from '../errors';
import { requireHostName, requirePort } from '../limits';
import { type HttpMatch, RequestMatch } from './request-match';
import { requirePrefix, requireRe2, type StringMatch } from './string-match';

/**
 * HTTP's request methods.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9110#name-methods
 */
export enum HttpMethod {
  /** Reads. */
  GET = 'GET',
  /** Reads the headers alone. */
  HEAD = 'HEAD',
  /** Lets the app process what the request carries. */
  POST = 'POST',
  /** Replaces. */
  PUT = 'PUT',
  /** Changes a part. */
  PATCH = 'PATCH',
  /** Removes. */
  DELETE = 'DELETE',
  /** Asks what is possible; a browser's preflight for CORS. */
  OPTIONS = 'OPTIONS',
  /** Opens a tunnel. */
  CONNECT = 'CONNECT',
  /** Sends the request back as it arrived. */
  TRACE = 'TRACE',
}

/**
 * A condition on the request's method.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class MethodMatch extends RequestMatch {
  /**
   * The method is one of these.
   * @throws `impossible-match` when none is named
   */
  public static oneOf(...methods: HttpMethod[]): MethodMatch {
    if (methods.length === 0) {
      throw new MeshError(ErrorCode.IMPOSSIBLE_MATCH, 'oneOf() names no method, which no request satisfies; name at least one');
    }
    return new MethodMatch(methods);
  }

  private constructor(private readonly methods: HttpMethod[]) {
    super();
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return this.methods.map((method) => ({ method: { exact: method } }));
  }
}

/**
 * A condition on the request's `Host` (HTTP/1) or `:authority` (HTTP/2), with its port where the client sends one.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class AuthorityMatch extends RequestMatch {
  /**
   * This host, with or without a port behind it as written here.
   * @throws `invalid-host` when it is no DNS name
   */
  public static exact(authority: string): AuthorityMatch {
    requireHostName(authority.replace(/:\d+$/, ''));
    return new AuthorityMatch({ exact: authority });
  }

  /**
   * Every host that begins with these characters, of which there is at least one.
   * @throws `invalid-host` when there is none
   */
  public static prefix(prefix: string): AuthorityMatch {
    return new AuthorityMatch({ prefix: requirePrefix(ErrorCode.INVALID_HOST, 'the authority', prefix) });
  }

  /**
   * An RE2 expression that must cover the whole authority.
   * @throws `invalid-regex` when RE2 refuses it
   */
  public static regex(regex: string): AuthorityMatch {
    return new AuthorityMatch({ regex: requireRe2('authority regex', regex) });
  }

  private constructor(private readonly authority: StringMatch) {
    super();
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [{ authority: this.authority }];
  }
}

/**
 * A condition on the Service port that the caller addressed. At a gateway, where callers address the gateway's port, it is
 * held against the port of the app that the gateway forwards to; where it is said of an exposure, against the gateway's own.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class PortMatch extends RequestMatch {
  /**
   * This port.
   * @throws `out-of-range` when it is not 1 to 65535
   */
  public static of(port: number): PortMatch {
    return new PortMatch(requirePort('port', port));
  }

  private constructor(private readonly port: number) {
    super();
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [{ port: this.port }];
  }
}
