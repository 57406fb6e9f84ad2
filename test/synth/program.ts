import * as fs from 'node:fs';
import * as path from 'node:path';
import { buildSync } from 'esbuild';

const REPOSITORY = path.resolve(__dirname, '../..');

/** Makes a folder a project that has this library, and cdk8s, in its `node_modules`, so that programs in it can be run by plain node. */
export function installLibrary(project: string): void {
  const modules = path.join(project, 'node_modules');
  const library = path.join(modules, 'cdk8s-istio');
  buildSync({
    entryPoints: [path.join(REPOSITORY, 'lib/index.ts')],
    outfile: path.join(library, 'build/lib/index.js'),
    tsconfig: path.join(REPOSITORY, 'tsconfig.json'),
    bundle: true,
    platform: 'node',
    external: ['cdk8s', 'cdk8s-plus-27', 'constructs', 're2js'],
  });
  fs.writeFileSync(path.join(library, 'package.json'), '{ "main": "build/lib/index.js" }');
  for (const name of ['cdk8s', 'cdk8s-plus-27', 'constructs']) {
    fs.symlinkSync(path.dirname(require.resolve(`${name}/package.json`)), path.join(modules, name));
  }
}
