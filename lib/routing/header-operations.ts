import { requireHeaderName } from './header-match';

/** What is done to the headers of a message. */
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
 * @throws `invalid-header` when a name is no HTTP header name
 * @internal
 */
export function requireHeaderOperations(operations: HeaderOperations): HeaderOperations {
  for (const changes of [operations.request ?? {}, operations.response ?? {}]) {
    for (const name of [...Object.keys(changes.set ?? {}), ...Object.keys(changes.add ?? {}), ...(changes.remove ?? [])]) {
      // Envoy lets a route set pseudo-headers such as :authority and :path.
      requireHeaderName(name.replace(/^:/, ''));
    }
  }
  return operations;
}
