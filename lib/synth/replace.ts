import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

/** Makes the content of a file when it is needed, so that of thousands of files one at a time is in memory. */
export type Content = () => string;

/** What changes in a folder; paths within it, with `/`. */
export interface Changes {
  /** Files that are new. */
  readonly added: string[];
  /** Files whose content is new. */
  readonly changed: string[];
  /** Files that are gone. A folder that loses its last file with them is gone too. */
  readonly removed: string[];
}

/**
 * Changes files in a folder, all or nothing.
 *
 * What is new is first written completely into a work folder beside the folder, and then put in place: a single file by one rename;
 * several files by replacing the smallest folder that holds them all, with two renames. All else in that folder is hard-linked, so it
 * keeps content, mode and time. Until the first rename nothing has changed, whatever goes wrong.
 *
 * Between the two renames the folder has another name for some microseconds. A process that is killed just then leaves it so,
 * and {@link recover} puts it back. This holds when the process dies; when the machine loses power, the file system decides,
 * as it does for a git checkout.
 *
 * @param root the folder, with symbolic links resolved; it need not exist
 * @param changes what is to change; at least one file
 * @param files the content of the files that are new or changed, and maybe of others
 */
export function replace(root: string, changes: Changes, files: ReadonlyMap<string, Content>): void {
  const work = `${workPrefix(root)}${process.pid}-${randomBytes(4).toString('hex')}`;
  const fresh = path.join(work, 'new');
  try {
    fs.mkdirSync(work, { recursive: true });
    const { added, changed, removed } = changes;
    if (added.length + removed.length === 0 && changed.length === 1) {
      const place = path.join(root, changed[0]);
      fs.writeFileSync(fresh, contentOf(changed[0], files));
      copyAttributes(fs.lstatSync(place), fresh);
      fs.renameSync(fresh, place);
      return;
    }
    let place = commonFolder([...added, ...changed, ...removed]);
    while (place !== '' && !fs.existsSync(path.join(root, place))) {
      place = path.posix.dirname(`./${place}`).slice(2);
    }
    stageFolder(root, place, fresh, changes, files);
    fs.writeFileSync(path.join(work, 'place'), place);
    swap(work, path.join(root, place));
  } finally {
    discard(work, root);
  }
}

/**
 * Repairs what a killed process left beside a folder: gives the folder its name back, and deletes the work folder.
 *
 * @param root the folder, with symbolic links resolved; it need not exist
 */
export function recover(root: string): void {
  const parent = path.dirname(root);
  for (const name of fs.existsSync(parent) ? fs.readdirSync(parent) : []) {
    const work = path.join(parent, name);
    const pid = work.startsWith(workPrefix(root))
      ? /^(\d+)-[0-9a-f]{8}$/.exec(work.slice(workPrefix(root).length))?.[1]
      : undefined;
    if (pid !== undefined) {
      const place = placeOf(work, root);
      if (fs.existsSync(path.join(work, 'old')) && !fs.existsSync(place)) {
        fs.renameSync(path.join(work, 'old'), place);
      }
      if (!isAlive(Number(pid))) {
        discard(work, root);
      }
    }
  }
}

function workPrefix(root: string): string {
  return path.join(path.dirname(root), `.${path.basename(root)}.tmp-`);
}

/** The folder whose replacement a work folder holds. */
function placeOf(work: string, root: string): string {
  const file = path.join(work, 'place');
  return path.join(root, fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
}

function commonFolder(files: readonly string[]): string {
  const [first, ...rest] = files.map((file) => file.split('/').slice(0, -1));
  const length = rest.reduce((common, folder) => {
    const differs = folder.findIndex((part, i) => part !== first[i]);
    return Math.min(common, differs === -1 ? folder.length : differs);
  }, first.length);
  return first.slice(0, length).join('/');
}

function contentOf(file: string, files: ReadonlyMap<string, Content>): string {
  return (files.get(file) as Content)();
}

/** Builds the folder that is to be: what is added and changed, and links to all that stays. */
function stageFolder(root: string, place: string, fresh: string, changes: Changes, files: ReadonlyMap<string, Content>): void {
  const { added, changed, removed } = changes;
  const staged = (file: string) => path.join(fresh, file.slice(place === '' ? 0 : place.length + 1));
  const folders = new Set<string>();
  for (const file of [...added, ...changed]) {
    const to = staged(file);
    const folder = path.dirname(to);
    if (!folders.has(folder)) {
      fs.mkdirSync(folder, { recursive: true });
      folders.add(folder);
    }
    fs.writeFileSync(to, contentOf(file, files), { flag: 'wx' });
  }
  for (const file of changed) {
    copyAttributes(fs.lstatSync(path.join(root, file)), staged(file));
  }
  if (fs.existsSync(path.join(root, place))) {
    linkFolder(root, place, fresh, new Set([...changed, ...removed]));
  }
  for (const file of removed) {
    removeEmptyFolders(path.dirname(staged(file)), fresh);
  }
}

/** Links everything in a folder into a new one, except the files that are replaced. */
function linkFolder(root: string, place: string, to: string, replaced: ReadonlySet<string>): void {
  const from = path.join(root, place);
  fs.mkdirSync(to, { recursive: true });
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const file = place === '' ? entry.name : `${place}/${entry.name}`;
    if (entry.isDirectory()) {
      linkFolder(root, file, path.join(to, entry.name), replaced);
    } else if (!replaced.has(file)) {
      link(path.join(from, entry.name), path.join(to, entry.name), entry);
    }
  }
  copyAttributes(fs.lstatSync(from), to);
}

function link(from: string, to: string, entry: fs.Dirent): void {
  if (entry.isSymbolicLink()) {
    fs.symlinkSync(fs.readlinkSync(from), to);
    return;
  }
  try {
    fs.linkSync(from, to);
  } catch (error) {
    // Not every file system has hard links, or as many of a file as are asked for, and each says so in its own way.
    if (!entry.isFile()) {
      throw error;
    }
    const stat = fs.lstatSync(from);
    fs.copyFileSync(from, to, fs.constants.COPYFILE_EXCL);
    copyAttributes(stat, to);
    fs.utimesSync(to, stat.atime, stat.mtime);
  }
}

function copyAttributes(from: fs.Stats, to: string): void {
  if (process.geteuid?.() === 0) {
    fs.chownSync(to, from.uid, from.gid);
  }
  fs.chmodSync(to, from.mode & 0o7777);
}

function removeEmptyFolders(folder: string, top: string): void {
  for (let f = folder; f !== top && fs.existsSync(f) && fs.readdirSync(f).length === 0; f = path.dirname(f)) {
    fs.rmdirSync(f);
  }
}

function swap(work: string, place: string): void {
  const fresh = path.join(work, 'new');
  if (!fs.existsSync(place)) {
    fs.renameSync(fresh, place);
    return;
  }
  const old = path.join(work, 'old');
  fs.renameSync(place, old);
  try {
    fs.renameSync(fresh, place);
  } catch (error) {
    fs.renameSync(old, place);
    throw error;
  }
}

/** Deletes a work folder, unless it holds the only copy of what was replaced. What cannot be deleted is left for the next time. */
function discard(work: string, root: string): void {
  try {
    if (!fs.existsSync(path.join(work, 'old')) || fs.existsSync(placeOf(work, root))) {
      removeTree(work);
    }
  } catch {}
}

/** Several times faster than `rmSync`, which looks at each file first. */
function removeTree(folder: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const entryPath = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      removeTree(entryPath);
    } else {
      fs.unlinkSync(entryPath);
    }
  }
  fs.rmdirSync(folder);
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) {
    return false;
  }
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
