import * as fs from 'node:fs';
import * as path from 'node:path';
import { runtime } from '../paths';
import { run } from './program';

/** Writes files, by their paths below `folder`. */
export function writeFiles(folder: string, files: Record<string, string>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, content);
  }
}

const replaced = new Set<string>();

/** Puts a file of the lab's own in the place of the host's, in this mount namespace only. */
export async function replace(file: string, content: string): Promise<void> {
  const copy = path.join(runtime, path.basename(file));
  fs.writeFileSync(copy, content);
  if (!replaced.has(file)) await run(['mount', '--bind', copy, file]);
  replaced.add(file);
}
