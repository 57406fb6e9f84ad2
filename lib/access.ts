import { ErrorCode, MeshError } from './errors';
import { isNetwork, list, quote } from './limits';

/** Tokens that open a host. */
export interface JwtOptions {
  /** Who signs the tokens: the claim `iss`. */
  readonly issuer: string;
  /** Where the signer shows its public keys. */
  readonly jwksUri: string;
  /**
   * Names of which the claim `aud` must hold one.
   * @default - any audience
   */
  readonly audiences?: string[];
}

/**
 * The requests that a decision is about: those for some hosts, or for all but some, and not on some ports.
 * @internal
 */
export interface AccessScope {
  readonly hosts?: string[];
  readonly notHosts?: string[];
  readonly notPorts?: string[];
}

/** What makes a decision an AuthorizationPolicy; nothing where everybody may pass. */
interface AccessSettings {
  readonly action?: 'DENY' | 'CUSTOM';
  /** The sources that are refused. */
  readonly refused?: Record<string, string[]>;
  readonly provider?: string;
  readonly token?: JwtOptions;
}

/**
 * Who may reach a host of a gateway. Everybody else gets 403, if nothing else is said.
 *
 * A stream has no host. The streams of this gateway stay open to all; those that another Gateway forwards through the same pods are
 * open to those alone who may reach the host.
 *
 * @see https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/
 */
export class Access {
  /** Everybody who reaches the gateway. */
  public static public(): Access {
    return new Access('everybody');
  }

  /**
   * Clients from these networks, in CIDR notation. The gateway must see the clients' own addresses: behind a load balancer
   * that takes `externalTrafficPolicy: Local`, or `numTrustedProxies` in the mesh's settings.
   *
   * @throws `invalid-access` when there are none, or one is no network
   * @see https://istio.io/latest/docs/tasks/security/authorization/authz-ingress/#source-ip-address-of-the-original-client
   */
  public static sourceRanges(ranges: string[]): Access {
    const wrong = ranges.find((range) => !isNetwork(range));
    if (ranges.length === 0 || wrong !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `source ranges hold ${wrong === undefined ? 'none' : quote(wrong)}; allowed is at least one network such as '10.0.0.0/8'`,
      );
    }
    return new Access(`clients from ${ranges.join(', ')}`, { action: 'DENY', refused: { notRemoteIpBlocks: [...ranges] } });
  }

  /**
   * Clients with a valid token in `Authorization: Bearer …` that names its subject (`sub`). The token is handed on to the app.
   *
   * Whoever shows a bearer token that is expired, of an issuer that no host of the gateway's pods names, or no JWT, gets 401 at every
   * host of these pods, public ones too: Istio verifies tokens before it looks at the host. An app that takes tokens of its own needs a
   * gateway with pods of its own.
   *
   * @throws `invalid-access` when the issuer is empty, `jwksUri` is no URL, or `audiences` is empty
   * @see https://istio.io/latest/docs/reference/config/security/request_authentication/
   */
  public static jwt(options: JwtOptions): Access {
    const { issuer, jwksUri, audiences } = options;
    if (issuer === '' || issuer.includes('*') || !/^https?:\/\/[^\s]+$/.test(jwksUri) || audiences?.length === 0) {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `issuer is ${quote(issuer)}, jwksUri ${quote(jwksUri)} and audiences ${list(audiences ?? ['any'])}; allowed are an issuer without '*', a URL and at least one audience`,
      );
    }
    // A token of another issuer opens another host, so it is not enough that there is one.
    const refused = { notRequestPrincipals: [`${issuer}/*`] };
    return new Access(`clients with a token of ${issuer}`, { action: 'DENY', refused, token: options });
  }

  /**
   * Clients that an external authorizer lets pass, by the name that the mesh's `extensionProviders` give it. All others get its answer,
   * and everybody gets 403 while it fails, if the provider does not say `failOpen` or `statusOnError`.
   *
   * Istio takes one provider for all hosts of a gateway's pods, and refuses everybody at each of these hosts when there are two. Newer
   * than 1.28 it takes several where istiod's `PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS` is on.
   *
   * @throws `invalid-access` when the name is empty
   * @see https://istio.io/latest/docs/tasks/security/authorization/authz-custom/
   */
  public static externalAuthorization(provider: string): Access {
    if (provider.trim() === '') {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `provider is ${quote(provider)}; it is a name of the mesh's extensionProviders`,
      );
    }
    return new Access(`clients that ${provider} lets pass`, { action: 'CUSTOM', provider });
  }

  private constructor(
    /** @internal */
    public readonly _description: string,
    private readonly settings: AccessSettings = {},
  ) {}

  /** @internal */
  public get _isPublic(): boolean {
    return this.settings.action === undefined;
  }

  /**
   * The spec of an AuthorizationPolicy for these requests, without its selector. It denies and does not allow, because the first policy
   * that allows something closes all other hosts of the gateway.
   * @internal
   */
  public _policy({ hosts, notHosts, notPorts }: AccessScope): Record<string, unknown> {
    const { action, refused, provider } = this.settings;
    const rule = {
      from: refused && [{ source: refused }],
      to: (hosts ?? notHosts ?? notPorts) && [{ operation: { hosts, notHosts, notPorts } }],
    };
    return { action, provider: provider && { name: provider }, rules: [rule] };
  }

  /**
   * The entry of a RequestAuthentication.
   * @internal
   */
  public get _jwtRule(): Record<string, unknown> | undefined {
    const { token } = this.settings;
    return token && { ...token, forwardOriginalToken: true };
  }
}
