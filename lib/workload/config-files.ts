import { createHash } from 'node:crypto';
import { basename } from 'node:path/posix';
import type { IConstruct } from 'constructs';
import { ErrorCode, MeshError } from '../errors';
import { quote } from '../limits';
import type { PodVolume, VolumeMount } from './container';

const KEY = /^[-._a-zA-Z0-9]{1,253}$/;
const MAX_BYTES = 1024 * 1024;

/** Text files of a container, kept in one ConfigMap and mounted one by one, so that each folder keeps its other files. */
export class ConfigFiles {
  /** The ConfigMap's content. */
  public readonly data: Record<string, string> = {};
  public readonly mounts: VolumeMount[] = [];

  /** @throws `invalid-workload` when a path is no file's, two files have one name, or all together exceed 1 MiB */
  public constructor(
    private readonly configMap: string,
    files: { [path: string]: string },
    construct: IConstruct,
  ) {
    for (const [path, content] of Object.entries(files)) {
      const key = basename(path);
      if (!path.startsWith('/') || path.endsWith('/') || !KEY.test(key) || key === '.' || key.startsWith('..')) {
        throw new MeshError(
          ErrorCode.INVALID_WORKLOAD,
          `file is ${quote(path)}; allowed are absolute paths whose last part holds letters, digits, '-', '_' and '.', and neither is '.' nor begins with '..'`,
          construct,
        );
      }
      if (Object.hasOwn(this.data, key)) {
        throw new MeshError(
          ErrorCode.INVALID_WORKLOAD,
          `two files are called '${key}'; a ConfigMap holds each name once`,
          construct,
        );
      }
      this.data[key] = content;
      this.mounts.push({ name: 'config', mountPath: path, subPath: key, readOnly: true });
    }
    const bytes = Object.entries(this.data).reduce((sum, [key, content]) => sum + key.length + Buffer.byteLength(content), 0);
    if (bytes > MAX_BYTES) {
      throw new MeshError(
        ErrorCode.INVALID_WORKLOAD,
        `files hold ${bytes} bytes; a ConfigMap holds at most ${MAX_BYTES}`,
        construct,
      );
    }
  }

  public get volumes(): PodVolume[] {
    return this.mounts.length === 0 ? [] : [{ name: 'config', configMap: { name: this.configMap } }];
  }

  /**
   * Changes with the files, so that the pods are replaced: a file mounted by `subPath` is never updated in a running pod.
   */
  public get annotations(): Record<string, string> {
    if (this.mounts.length === 0) {
      return {};
    }
    const digest = createHash('sha256').update(JSON.stringify(Object.entries(this.data).sort()));
    return { 'checksum/config': digest.digest('hex').slice(0, 16) };
  }
}
