import { ErrorCode, MeshError } from '../errors';
import { requireDnsLabel, requireLabel } from '../limits';
import { type HttpMatch, RequestMatch } from './request-match';

/**
 * A condition on who calls, known inside the mesh only. A route that asks for a caller is left out at a gateway,
 * where every request comes from the gateway's own pods.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMatchRequest
 */
export class SourceMatch extends RequestMatch {
  /**
   * The caller's pod carries these labels.
   * @throws `unsupported-match` when there is none
   * @throws `invalid-name` when a key or a value is none of a label
   */
  public static labels(labels: { [key: string]: string }): SourceMatch {
    if (Object.keys(labels).length === 0) {
      throw new MeshError(ErrorCode.UNSUPPORTED_MATCH, 'labels is empty, which every caller satisfies; name at least one label');
    }
    for (const [key, value] of Object.entries(labels)) {
      requireLabel('source label', key, value);
    }
    return new SourceMatch({ sourceLabels: { ...labels } });
  }

  /**
   * The caller's pod lives in this namespace.
   * @throws `invalid-name` when it is no DNS label
   */
  public static namespace(namespace: string): SourceMatch {
    return new SourceMatch({ sourceNamespace: requireDnsLabel('source namespace', namespace) });
  }

  private constructor(private readonly match: HttpMatch) {
    super();
  }

  /** @internal */
  public override _toMatches(): HttpMatch[] {
    return [this.match];
  }
}
