import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import { requireHeaderName } from './header-match';

/**
 * What is done to the headers of a message. In a value, `%` begins one of Envoy's variables, such as `%DOWNSTREAM_REMOTE_ADDRESS%`;
 * `%%` stands for the character itself.
 *
 * @see https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_conn_man/headers#custom-request-response-headers
 */
export interface HeaderChanges {
  /**
   * Headers that get this value, whatever stood there.
   * @default - none
   */
  readonly set?: { [name: string]: string };
  /**
   * Headers that are added to what stands there.
   * @default - none
   */
  readonly add?: { [name: string]: string };
  /**
   * Headers that are taken away.
   * @default - none
   */
  readonly remove?: string[];
}

/**
 * Header operations of a route or of one destination.
 *
 * @see https://istio.io/latest/docs/reference/config/networking/virtual-service/#Headers
 */
export interface HeaderOperations {
  /**
   * On the request, before the application sees it.
   * @default - none
   */
  readonly request?: HeaderChanges;
  /**
   * On the answer, before the caller sees it.
   * @default - none
   */
  readonly response?: HeaderChanges;
}

/**
 * @throws `invalid-header` when a name is no HTTP header name, or a value holds what Envoy refuses
 * @internal
 */
export function requireHeaderOperations({ request, response }: HeaderOperations): HeaderOperations {
  requireChanges(request ?? {}, [':authority', 'host']);
  requireChanges(response ?? {}, []);
  return { request, response };
}

function requireChanges({ set = {}, add = {}, remove = [] }: HeaderChanges, hostHeaders: readonly string[]): void {
  for (const [name, value] of [...Object.entries(set), ...Object.entries(add)]) {
    if (!hostHeaders.includes(name.toLowerCase())) {
      requireChangeable(name);
    }
    requireHeaderValue(name, value);
  }
  for (const name of remove) {
    requireChangeable(name);
  }
}

function requireChangeable(name: string): void {
  if (name.toLowerCase() === 'host' || name.startsWith(':')) {
    throw new MeshError(
      ErrorCode.INVALID_HEADER,
      `header '${name}' cannot be changed; of the headers that carry the request itself, Istio lets a route set ':authority' alone`,
    );
  }
  requireHeaderName(name);
}

function requireHeaderValue(name: string, value: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw new MeshError(
      ErrorCode.INVALID_HEADER,
      `value of header '${name}' is ${JSON.stringify(value)}; it holds a control character, which no header does`,
    );
  }
  if (value.replaceAll(/%%|%[^%(]+(\([^)]*\))?(:\d+)?%/g, '').includes('%')) {
    throw new MeshError(
      ErrorCode.INVALID_HEADER,
      `value of header '${name}' is ${quote(value)}; a '%' begins a variable of Envoy that ends with '%', so write '%%' for the character itself`,
    );
  }
}
