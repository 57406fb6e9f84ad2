import type { Manifest } from '../cluster/api';
import type { Mesh } from '../cluster/mesh';
import type { Caller } from './load';

/** One claim about the mesh, and how to find out whether it is true. */
export interface Scenario {
  readonly name: string;
  readonly expected: string;
  /** Returns the words of `expected`, or what it found in their place. */
  readonly measure: () => Promise<string | Judgement>;
}

/** For what no exact words can be expected of, such as a share of random requests. */
export interface Judgement {
  readonly text: string;
  readonly holds: boolean;
}

/** A change to the YAML on its way that the named scenario must notice. */
export interface Mutant {
  readonly name: string;
  readonly noticedBy: string;
  /** Changes copies of the objects in place. */
  readonly change: (objects: Manifest[]) => void;
}

/** What is applied at one time, and what is claimed of it. */
export interface State {
  readonly name: string;
  readonly objects: () => Manifest[];
  readonly scenarios: (mesh: Mesh) => Promise<Scenario[]>;
  readonly mutants?: readonly Mutant[];
  /** Messages of `istioctl analyze` that are meant to be there, by code, each with its reason. */
  readonly acceptedMessages?: Readonly<Record<string, string>>;
}

/** What is particular to one system; what is true of every system is in `every-system.ts`. */
export interface System extends State {
  /** What is applied in place of the first state, one after the other: each is moved to from the one before. */
  readonly alternatives?: readonly State[];
  /** Requests of which none may fail while the system moves. */
  readonly load?: (mesh: Mesh) => Promise<Caller[]>;
  /** What the system relies on and somebody else owns. */
  readonly surroundings?: (mesh: Mesh) => Promise<Manifest[]>;
}

export interface Outcome {
  readonly name: string;
  readonly expected: string;
  readonly measured: string;
  readonly holds: boolean;
}

export async function observe({ name, expected, measure }: Scenario): Promise<Outcome> {
  try {
    const result = await measure();
    const { text, holds } = typeof result === 'string' ? { text: result, holds: result === expected } : result;
    return { name, expected, measured: text, holds };
  } catch (error) {
    return { name, expected, measured: explain(error), holds: false };
  }
}

export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause ? `${error.message} (${explain(error.cause)})` : error.message;
}
