import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const made: string[] = [];

/** A new empty folder, gone when the tests of the file are over. */
export function temporaryFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'cdk8s-istio-'));
  made.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of made.splice(0)) {
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

/** Everything in a folder: path and content of each file, target of each symbolic link, `/` for each folder. */
export function contents(folder: string): Record<string, string> {
  const found: Record<string, string> = {};
  if (!fs.existsSync(folder)) {
    return found;
  }
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const stat = fs.lstatSync(path.join(folder, name));
    if (stat.isSymbolicLink()) {
      found[name] = `-> ${fs.readlinkSync(path.join(folder, name))}`;
    } else {
      found[name] = stat.isDirectory() ? '/' : fs.readFileSync(path.join(folder, name), 'utf8');
    }
  }
  return found;
}
