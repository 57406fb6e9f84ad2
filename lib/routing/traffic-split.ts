import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { list } from '../limits';

/** Shares in percent by version, in the order of the versions. */
export type Shares = ReadonlyMap<string, number>;

/**
 * Checks a split against the versions there are.
 * @throws `unknown-version`, `invalid-split`
 */
export function requireSplit(
  what: string,
  split: { [version: string]: number },
  versions: readonly string[],
  construct: IConstruct,
): Shares {
  for (const [version, share] of Object.entries(split)) {
    requireVersion(what, version, versions, construct);
    if (!Number.isInteger(share) || share < 0 || share > 100) {
      throw new MeshError(
        ErrorCode.INVALID_SPLIT,
        `${what} gives ${share} percent to version '${version}'; allowed are whole percentages from 0 to 100`,
        construct,
      );
    }
  }
  const shares = new Map(versions.filter((version) => Object.hasOwn(split, version)).map((version) => [version, split[version]]));
  const sum = [...shares.values()].reduce((total, share) => total + share, 0);
  if (sum !== 100) {
    throw new MeshError(
      ErrorCode.INVALID_SPLIT,
      `${what} sums to ${sum} percent (${list([...shares].map(([version, share]) => `${version}: ${share}`))}); it must sum to 100`,
      construct,
    );
  }
  return shares;
}

/** @throws `unknown-version` */
export function requireVersion(what: string, version: string, versions: readonly string[], construct: IConstruct): string {
  if (!versions.includes(version)) {
    throw new MeshError(
      ErrorCode.UNKNOWN_VERSION,
      `${what} names version '${version}', which the app does not have; it has ${list(versions)}`,
      construct,
    );
  }
  return version;
}
