import * as fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Manifest } from './cluster/api';
import { gatewayWorkloads } from './cluster/gateway';
import { inventory } from './cluster/inventory';
import { isKind, Mesh } from './cluster/mesh';
import { run } from './cluster/program';
import { bin, builtTools, failureLogs, kubeconfig, logs } from './paths';
import { Report } from './report';
import { accessSystem } from './scenarios/access';
import { bookStore } from './scenarios/book-store';
import { bookinfo } from './scenarios/bookinfo';
import { encryptionSystem } from './scenarios/encryption';
import { moveScenario, nothingUntried, removalScenario, scenariosWhileApplied } from './scenarios/every-system';
import { handedOverSystem } from './scenarios/handed-over';
import { matchingSystem } from './scenarios/matching';
import { microservicesDemo, microservicesDemoByFlux } from './scenarios/microservices-demo';
import { otus } from './scenarios/otus';
import { resilienceSystem } from './scenarios/resilience';
import { explain, type Mutant, type Outcome, observe, type Scenario, type State, type System } from './scenarios/scenario';
import { shopSystem } from './scenarios/shop';
import { trafficSystem } from './scenarios/traffic';
import { workshop } from './scenarios/workshop';

const systems: readonly System[] = [
  otus,
  bookStore,
  workshop,
  bookinfo,
  microservicesDemo,
  microservicesDemoByFlux,
  shopSystem,
  matchingSystem,
  accessSystem,
  trafficSystem,
  resilienceSystem,
  encryptionSystem,
  handedOverSystem,
];

/** Brings up the mesh and tries one system after the other; `main.ts` has put this process into namespaces of its own. */
async function main(names: string[], keep: boolean): Promise<void> {
  const systemsToTry = chosen(names);
  const report = new Report();
  await mountRuntime();
  const mesh = await Mesh.start();
  for (const system of systemsToTry) await trySystem(mesh, system, report, keep);
  if (names.length === 0) await tryWhole(report);
  report.summary();
  if (keep) await wait();
  end(report.missed ? 1 : 0);
}

async function tryWhole(report: Report): Promise<void> {
  report.section('all systems');
  report.add(await observe(nothingUntried));
}

/** Lays a tmpfs over /run, which nobody outside sees: names in it never clash, and nothing of it stays. */
async function mountRuntime(): Promise<void> {
  await run(['mount', '-t', 'tmpfs', 'wire', '/run']);
  for (const folder of [bin, logs]) fs.mkdirSync(folder, { recursive: true });
  await run(['mount', '--bind', builtTools, bin]);
}

async function wait(): Promise<never> {
  console.log(`
The mesh is still up. In another terminal:
  nsenter --target ${process.env.WIRE_PID} --mount --net env KUBECONFIG=${kubeconfig} PATH=${bin}:$PATH bash
and there, for example:
  kubectl get pods --all-namespaces --output wide
  istioctl analyze --all-namespaces
  curl --header 'Host: arch.homework' http://GATEWAY-POD-ADDRESS/otusapp/anna/whoiam
  nsenter --net=/run/netns/pod3 curl localhost:15000/config_dump   # of the pod with the address 10.77.1.3
Logs are in ${logs}. Ctrl-C here ends it.`);
  for (;;) await sleep(1 << 30);
}

function end(code: number): never {
  if (code !== 0 && fs.existsSync(logs)) {
    fs.rmSync(failureLogs, { recursive: true, force: true });
    fs.cpSync(logs, failureLogs, { recursive: true });
    console.error(`the logs are in ${failureLogs}`);
  }
  process.exit(code);
}

function chosen(names: string[]): readonly System[] {
  const unknown = names.filter((name) => !systems.some((system) => system.name === name));
  if (unknown.length > 0)
    throw new Error(`no system named ${unknown.join(', ')}; there are ${systems.map(({ name }) => name).join(', ')}`);
  return names.length > 0 ? systems.filter(({ name }) => names.includes(name)) : systems;
}

async function trySystem(mesh: Mesh, system: System, report: Report, keep: boolean): Promise<void> {
  const states = [system, ...(system.alternatives ?? [])];
  const gateways = gatewayWorkloads(states.flatMap((state) => state.objects()).filter(isKind('Gateway')));
  const surroundings = [...gateways, ...((await system.surroundings?.(mesh)) ?? [])];
  await mesh.settle(surroundings);
  const before = await inventory();

  let objects: Manifest[] = [];
  for (const state of states) {
    report.section(state === system ? system.name : `${system.name}: ${state.name}`);
    const former = objects;
    objects = state.objects();
    if (state === system) report.add(await applyAtFirst(mesh, objects));
    else report.add(await observe(await moveScenario(mesh, system, former, objects)));
    await tryState(mesh, state, objects, report);
  }
  if (keep) return;
  report.add(await observe(removalScenario(mesh, objects, before)));
  await mesh.remove(surroundings);
}

/** Without it there is nothing to try, so here an error ends the run. */
async function applyAtFirst(mesh: Mesh, objects: Manifest[]): Promise<Outcome> {
  await mesh.settle(objects);
  return { name: 'applied, strictly validated', expected: 'accepted', measured: 'accepted', holds: true };
}

async function tryState(mesh: Mesh, state: State, objects: Manifest[], report: Report): Promise<void> {
  const scenarios = await state.scenarios(mesh);
  for (const scenario of [...scenariosWhileApplied(mesh, state, objects), ...scenarios]) report.add(await observe(scenario));
  for (const mutant of state.mutants ?? []) report.add(await tryMutant(mesh, objects, mutant, scenarios));
}

/** The scenario must miss with the changed objects, and hold again with the right ones. */
async function tryMutant(
  mesh: Mesh,
  objects: Manifest[],
  { name, noticedBy, change }: Mutant,
  scenarios: Scenario[],
): Promise<Outcome> {
  const scenario = scenarios.find((candidate) => candidate.name === noticedBy);
  if (!scenario) throw new Error(`mutant "${name}": no scenario is named "${noticedBy}"`);
  const changed = structuredClone(objects);
  change(changed);
  await mesh.settle(changed);
  const mutated = await observe(scenario);
  await mesh.settle(objects);
  const restored = await observe(scenario);
  const measured = restored.holds ? mutated.measured : `still missed without the change: ${restored.measured}`;
  return { name: `mutant: ${name}`, expected: `missed: ${noticedBy}`, measured, holds: !mutated.holds && restored.holds };
}

const { values, positionals } = parseArgs({ options: { keep: { type: 'boolean', default: false } }, allowPositionals: true });
main(positionals, values.keep).catch((error) => {
  console.error(explain(error));
  end(1);
});
