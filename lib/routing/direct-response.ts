import { requireInteger } from '../limits';

/**
 * An answer that the proxy gives itself; no application is asked.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPDirectResponse
 */
export class DirectResponse {
  /**
   * A status and, if given, a text body (at most 1 MiB; Istio holds it in every proxy).
   * @throws `out-of-range` when the status is not 200 to 599 or the body is too long
   */
  public static of(status: number, body?: string): DirectResponse {
    requireInteger('status of the direct response', status, { min: 200, max: 599 });
    requireInteger('length of the direct response in bytes', Buffer.byteLength(body ?? ''), { min: 0, max: 1024 * 1024 });
    return new DirectResponse(status, body);
  }

  private constructor(
    private readonly status: number,
    private readonly body?: string,
  ) {}

  /** @internal */
  public _render(): { status: number; body?: { string: string } } {
    return { status: this.status, ...(this.body !== undefined && { body: { string: this.body } }) };
  }
}
