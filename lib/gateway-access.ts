import { ApiObject, Lazy } from 'cdk8s';
import { Construct, type IConstruct } from 'constructs';
import type { Access, AccessScope } from './access';
import { Alternatives } from './alternatives';
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

/** What is said at one gateway of something that all gateways with the same pods share. */
interface Said<T> {
  readonly at: GatewayAccess;
  readonly value: T;
}

/** All that is said of some pods: their policies are asked whichever Gateway a request came by. */
class PodsAccess {
  public readonly hosts = new Map<string, Said<Access>[]>();
  public readonly jwtRules = new Map<string, Said<Record<string, unknown>>[]>();
}

const ofPods = new WeakMap<IConstruct, Map<string, PodsAccess>>();

/** Who may reach the hosts of a gateway: an AuthorizationPolicy per host that is not for everybody, and the tokens they ask for. */
export class GatewayAccess extends Construct {
  private readonly jwtRules = new Map<string, Record<string, unknown>>();
  private readonly decided = new Set<string>();
  private readonly pods: PodsAccess;

  public constructor(
    scope: Construct,
    private readonly workload: GatewayWorkload,
    /** The ports on which the gateway forwards what has no host. */
    private readonly streamPorts: readonly number[],
  ) {
    super(scope, 'Access');
    this.pods = podsAccess(this.node.root, workload);
  }

  /**
   * Records the decision for a host; all that a host serves shares it.
   * @throws `invalid-access`, `conflicting-rules`
   */
  public decide(host: string, access: Access): void {
    const different = this.findOther(this.pods.hosts.get(host), access);
    if (different !== undefined) {
      this.refuseDifferent(host, access, different);
    }
    if (this.decided.has(host)) {
      return;
    }
    this.decided.add(host);
    this.say(this.pods.hosts, host, access);
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
    const others = [...this.pods.hosts].filter(([host, said]) => !this.decided.has(host) && said.some((one) => this.meets(one)));
    const own = [...this.decided].filter((host) => host !== '*');
    const foreign = others.map(([host]) => host).filter((host) => !host.startsWith('*'));
    return orUndefined([...own, ...foreign.sort()].flatMap(withAndWithoutPort));
  }

  private requireNoPatternBesideAll(): void {
    const all = this.pods.hosts.get('*')?.find((said) => !said.value._isPublic && this.meets(said))?.value;
    const pattern =
      all && [...this.pods.hosts].find(([host, said]) => host.startsWith('*.') && said.some((one) => this.meets(one)))?.[0];
    if (all !== undefined && pattern !== undefined) {
      throw new MeshError(
        ErrorCode.INVALID_ACCESS,
        `host '*' is for ${all._description} and '${pattern}' for everybody, but no AuthorizationPolicy leaves out a pattern with and without a port; say access for full host names`,
        this.node.scope,
      );
    }
  }

  private refuseDifferent(host: string, access: Access, { at, value }: Said<Access>): never {
    const elsewhere = at === this ? '' : ` at '${at.node.scope?.node.path}', whose pods are the same`;
    throw new MeshError(
      ErrorCode.CONFLICTING_RULES,
      `host '${host}' is for ${value._description} already${elsewhere}, and here for ${access._description}; say the same access wherever the host is exposed`,
      this.node.scope,
    );
  }

  private say<T>(said: Map<string, Said<T>[]>, key: string, value: T): void {
    said.set(key, [...(said.get(key) ?? []), { at: this, value }]);
  }

  /** What says something else of the same pods. */
  private findOther<T>(said: readonly Said<T>[] = [], value: T): Said<T> | undefined {
    const text = JSON.stringify(value);
    return said.find((other) => JSON.stringify(other.value) !== text && this.meets(other));
  }

  /** Whether it is said here, or in a chart that is applied together with this one. */
  private meets({ at }: Said<unknown>): boolean {
    return at === this || Alternatives._together(at, this);
  }

  /** One RequestAuthentication holds the tokens of all hosts; Envoy takes each issuer once. */
  private addJwtRule({ _jwtRule: rule }: Access): void {
    if (rule === undefined) {
      return;
    }
    const issuer = String(rule.issuer);
    const known = this.findOther(this.pods.jwtRules.get(issuer), rule);
    if (known !== undefined) {
      const where = known.at === this ? 'on this gateway' : `at '${known.at.node.scope?.node.path}', whose pods are the same,`;
      throw new MeshError(
        ErrorCode.CONFLICTING_RULES,
        `issuer '${issuer}' has another jwksUri or other audiences ${where} already; make one Access.jwt and use it twice`,
        this.node.scope,
      );
    }
    if (this.jwtRules.has(issuer)) {
      return;
    }
    this.say(this.pods.jwtRules, issuer, rule);
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

function podsAccess(root: IConstruct, { namespace, selector }: GatewayWorkload): PodsAccess {
  const all = ofPods.get(root) ?? new Map<string, PodsAccess>();
  ofPods.set(root, all);
  const key = JSON.stringify([namespace, Object.entries(selector).sort()]);
  const found = all.get(key) ?? new PodsAccess();
  all.set(key, found);
  return found;
}
