import * as path from 'node:path';

export const repository = path.resolve(__dirname, '..');

/** What outlives a run: the built tools, and the logs of the last run that failed. */
export const cache = path.join(repository, '.cache', 'wire');
export const builtTools = path.join(cache, 'bin');
export const failureLogs = path.join(cache, 'logs');

/** The YAML to prove: one folder per system. */
export const dist = path.resolve(process.env.WIRE_DIST ?? path.join(repository, 'dist'));

/** The CRDs lie beside the project, not in it. */
export const crds = process.env.WIRE_CRDS ?? path.resolve(repository, '..', 'shared', 'crds');

/** What lives as long as a run: a tmpfs that only the lab's own mount namespace sees. */
export const runtime = '/run/wire';
export const bin = path.join(runtime, 'bin');
export const logs = path.join(runtime, 'logs');
export const kubeconfig = path.join(runtime, 'kubeconfig');
