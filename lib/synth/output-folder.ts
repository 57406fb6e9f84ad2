import * as fs from 'node:fs';
import * as path from 'node:path';
import { ErrorCode, MeshError } from '../errors';
import { type Changes, type Content, recover, replace } from './replace';

/** The file in the output folder that lists what was written there. It has no extension, so that kubectl and Flux pass over it. */
export const RECORD = '.cdk8s-istio';

const RECORD_HEAD =
  '# The files that cdk8s-istio writes here. It replaces and removes these and no others. Commit this list with them.';

/**
 * The folder that an app is written to. Writing is all or nothing (see {@link replace} for how far).
 *
 * Files that are not listed in {@link RECORD} belong to somebody else: they stay as they are, and are never overwritten.
 */
export class OutputFolder {
  private readonly root: string;

  /**
   * @param shown the path of the folder as the user gave it; it need not exist. A symbolic link is followed.
   * @throws MeshError OUTPUT_FAILED
   */
  constructor(private readonly shown: string) {
    this.root = this.explained(() => (fs.existsSync(shown) ? fs.realpathSync(shown) : path.resolve(shown)));
  }

  /**
   * Repairs what a killed process left.
   *
   * @throws MeshError OUTPUT_FAILED
   */
  public recover(): void {
    this.explained(() => recover(this.root));
  }

  /**
   * Makes the folder hold these files in place of those written before. When nothing differs, nothing is touched.
   *
   * @param files path within the folder (with `/`) and content of each file
   * @throws MeshError FOREIGN_FILE when somebody else's file stands where one of these must go
   * @throws MeshError OUTPUT_FAILED when the folder cannot be written; it is as it was
   */
  public write(files: ReadonlyMap<string, Content>): Changes {
    return this.explained(() => {
      this.refuseOddPlace();
      this.refuseOutside([...files.keys()], 'the app');
      const all = new Map(files);
      all.set(RECORD, () => `${[RECORD_HEAD, ...[...files.keys()].sort()].join('\n')}\n`);
      const { added, changed, removed } = this.compare(all);
      if (added.length + changed.length + removed.length > 0) {
        replace(this.root, { added, changed, removed }, all);
      }
      const shown = (paths: string[]) => paths.filter((file) => file !== RECORD).sort();
      return { added: shown(added), changed: shown(changed), removed: shown(removed) };
    });
  }

  private refuseOddPlace(): void {
    const stat = fs.lstatSync(this.root, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) {
      throw this.failure(`it is a symbolic link to ${fs.readlinkSync(this.root)}, which does not exist`);
    }
    if (stat !== undefined && !stat.isDirectory()) {
      throw this.failure('it is a file, not a folder');
    }
    const inside = path.relative(this.root, process.cwd());
    if (inside !== '..' && !inside.startsWith(`..${path.sep}`) && !path.isAbsolute(inside)) {
      throw this.failure('the working directory lies in it, and it is replaced as a whole; choose a folder of its own');
    }
  }

  private compare(files: ReadonlyMap<string, Content>): Changes {
    const record = this.readRecord();
    const folders = new Folders(this.root);
    const changes: Changes = { added: [], changed: [], removed: [] };
    const foreign = new Set<string>();
    for (const [file, content] of files) {
      const folder = folders.look(path.posix.dirname(file));
      const old = folder.exists ? readOwn(path.join(this.root, file)) : undefined;
      if (folder.blocker !== undefined) {
        foreign.add(folder.blocker);
      } else if (old === undefined) {
        changes.added.push(file);
      } else if (old === 'not a file') {
        foreign.add(file);
      } else if (!old.equals(Buffer.from(content()))) {
        if (record.has(file)) {
          changes.changed.push(file);
        } else {
          foreign.add(file);
        }
      }
    }
    if (foreign.size > 0) {
      throw this.foreignFiles([...foreign]);
    }
    for (const file of record) {
      const stale = !files.has(file) && folders.look(path.posix.dirname(file)).exists;
      if (stale && fs.lstatSync(path.join(this.root, file), { throwIfNoEntry: false })?.isFile()) {
        changes.removed.push(file);
      }
    }
    return changes;
  }

  /** The files that were written before. */
  private readRecord(): Set<string> {
    const content = readOwn(path.join(this.root, RECORD));
    if (content === 'not a file') {
      throw this.foreignFiles([RECORD]);
    }
    const lines = (content?.toString() ?? '').split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#'));
    this.refuseOutside(lines, `its list ${RECORD}`);
    return new Set(lines).add(RECORD);
  }

  private refuseOutside(files: readonly string[], source: string): void {
    const outside = files.find((f) => path.posix.normalize(f) !== f || path.isAbsolute(f) || f.split(/[/\\]/).includes('..'));
    if (outside !== undefined) {
      throw this.failure(`${source} names ${JSON.stringify(outside)}, which is no path of a file inside it`);
    }
  }

  private foreignFiles(files: string[]): MeshError {
    const shown = files.slice(0, 10).map((file) => path.join(this.shown, file));
    const more = files.length > shown.length ? ` and ${files.length - shown.length} more` : '';
    const what = `not written by this library, not in ${RECORD}, but a file must go there; delete or rename it, then try again`;
    return new MeshError(ErrorCode.FOREIGN_FILE, `${what}: ${shown.join(', ')}${more}`);
  }

  private failure(reason: string): MeshError {
    return new MeshError(ErrorCode.OUTPUT_FAILED, `cannot write the output folder ${this.shown}: ${reason}`);
  }

  /** Turns an error of the file system into one that says what to do. */
  private explained<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (error instanceof MeshError || code === undefined) {
        throw error;
      }
      const failure = this.failure(`${REASONS.get(code) ?? message}; it is as it was`);
      failure.cause = error;
      throw failure;
    }
  }
}

const REASONS = new Map([
  ['ENOSPC', 'no space left on the device'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EACCES', 'no permission to write it, or the folder around it'],
  ['EPERM', 'no permission to write it, or the folder around it'],
  ['EROFS', 'the file system is read-only'],
  ['EBUSY', 'it is a mount point, or holds one, and is replaced as a whole; mount the folder around it instead'],
  ['EXDEV', 'it is a mount point, or holds one, and is replaced as a whole; mount the folder around it instead'],
]);

/** What stands where the folders of the output are. A symbolic link is no folder. Each is looked at once. */
class Folders {
  private readonly known = new Map<string, { exists: boolean; blocker?: string }>();

  constructor(private readonly root: string) {}

  /** Whether a folder exists; if not, the path of what stands in its way, if anything does. */
  public look(folder: string): { exists: boolean; blocker?: string } {
    let found = this.known.get(folder);
    if (found === undefined) {
      found = this.lookAt(folder);
      this.known.set(folder, found);
    }
    return found;
  }

  private lookAt(folder: string): { exists: boolean; blocker?: string } {
    const around = folder === '.' ? { exists: true } : this.look(path.posix.dirname(folder));
    if (!around.exists) {
      return around;
    }
    const stat = fs.lstatSync(path.join(this.root, folder), { throwIfNoEntry: false });
    return stat === undefined || stat.isDirectory() ? { exists: stat !== undefined } : { exists: false, blocker: folder };
  }
}

/** The content of a file, which may not be a symbolic link; undefined when there is none. */
function readOwn(file: string): Buffer | 'not a file' | undefined {
  let fd: number | undefined;
  try {
    fd = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NOFOLLOW ?? 0));
    return fs.readFileSync(fd);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') {
      return undefined;
    }
    if (code === 'ELOOP' || code === 'EISDIR') {
      return 'not a file';
    }
    throw error;
  } finally {
    if (fd !== undefined) {
      fs.closeSync(fd);
    }
  }
}
