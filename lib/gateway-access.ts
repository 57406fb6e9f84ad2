import { ApiObject, Lazy } from 'cdk8s';
import { Construct } from 'constructs';
import type { Access, AccessScope } from './access';
import { AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION } from './api-versions';
import { ErrorCode, MeshError } from './errors';
import { orUndefined } from './workload/container';

/** The pods of a gateway. */
export interface GatewayWorkload {
  /** `<namespace>-<name>` of the Gateway, since gateways of several namespaces may share their pods. */
  readonly name: string;
  /** The namespace of the pods. */
  readonly namespace: string;
  /** The labels of the pods. */
  readonly selector: { [key: string]: string };
  /** The identity of the pods, where it is known. */
  readonly serviceAccount?: string;
}

/** Who may reach the hosts of a gateway: an AuthorizationPolicy per host that is not for everybody, and the tokens they ask for. */
export class GatewayAccess extends Construct {
  private readonly hosts = new Map<string, Access>();
  private readonly jwtRules = new Map<string, Record<string, unknown>>();

  public constructor(
    scope: Construct,
    private readonly workload: GatewayWorkload,
    /** The ports on which the gateway forwards what has no host. */
    private readonly streamPorts: readonly number[],
  ) {
    super(scope, 'Access');
  }

  /**
   * Records the decision for a host; all that a host serves shares it.
   * @throws `invalid-access`, `conflicting-rules`
   */
  public decide(host: string, access: Access): void {
    const earlier = this.hosts.get(host);
    if (earlier !== undefined) {
      this.requireSame(host, access, earlier);
      return;
    }
    this.hosts.set(host, access);
    if (host === '*' || host.startsWith('*.')) {
      this.requireNoPatternBesideAll();
    }
    if (access._isPublic) {
      return;
    }
    if (host.startsWith('*.')) {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `host '${host}' is a pattern, which no AuthorizationPolicy matches with and without a port; say access for full host names or for '*'`,
        this.node.scope,
      );
    }
    this.addJwtRule(access);
    new ApiObject(this, host, {
      ...AUTHORIZATION_POLICY,
      metadata: { name: `${this.workload.name}-${host.replace('*', 'any')}`, namespace: this.workload.namespace },
      spec: Lazy.any({
        produce: () => ({ selector: { matchLabels: this.workload.selector }, ...access._policy(this.scopeOf(host)) }),
      }),
    });
  }

  /** What is said of `*` leaves out the hosts of which something else is said. Streams have no host: Istio would refuse them as well. */
  private scopeOf(host: string): AccessScope {
    const notPorts = orUndefined(this.streamPorts.map(String));
    return host === '*' ? { notHosts: this.otherHosts(), notPorts } : { hosts: withAndWithoutPort(host), notPorts };
  }

  private otherHosts(): string[] | undefined {
    return orUndefined([...this.hosts.keys()].filter((host) => host !== '*').flatMap(withAndWithoutPort));
  }

  private requireNoPatternBesideAll(): void {
    const all = this.hosts.get('*');
    const pattern = [...this.hosts.keys()].find((host) => host.startsWith('*.'));
    if (all !== undefined && !all._isPublic && pattern !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `host '*' is for ${all._description} and '${pattern}' for everybody, but no AuthorizationPolicy leaves out a pattern with and without a port; say access for full host names`,
        this.node.scope,
      );
    }
  }

  private requireSame(host: string, access: Access, earlier: Access): void {
    if (JSON.stringify(access) !== JSON.stringify(earlier)) {
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `host '${host}' is for ${earlier._description} already, and here for ${access._description}; say the same access wherever the host is exposed`,
        this.node.scope,
      );
    }
  }

  /** One RequestAuthentication holds the tokens of all hosts; Envoy takes each issuer once. */
  private addJwtRule({ _jwtRule: rule }: Access): void {
    if (rule === undefined) {
      return;
    }
    const issuer = String(rule.issuer);
    const known = this.jwtRules.get(issuer);
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(rule)) {
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `issuer '${issuer}' has another jwksUri or other audiences on this gateway already; make one Access.jwt and use it twice`,
        this.node.scope,
      );
    }
    if (this.jwtRules.size === 0) {
      new ApiObject(this, 'RequestAuthentication', {
        ...REQUEST_AUTHENTICATION,
        metadata: { name: this.workload.name, namespace: this.workload.namespace },
        spec: {
          selector: { matchLabels: this.workload.selector },
          jwtRules: Lazy.any({ produce: () => [...this.jwtRules.values()] }),
        },
      });
    }
    this.jwtRules.set(issuer, rule);
  }
}

function withAndWithoutPort(host: string): string[] {
  return [host, `${host}:*`];
}
