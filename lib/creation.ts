import type { IConstruct } from 'constructs';

// V8 formats a stack only when it is read, so remembering one costs little; eight frames reach from a constructor to the user's line.
const FRAMES = 8;
const created = new WeakMap<IConstruct, Error>();

/** Remembers where the user creates a construct, so that a mistake found at synth can name that line. */
export function rememberCreation(construct: IConstruct): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  created.set(construct, new Error('created here'));
  Error.stackTraceLimit = limit;
}

/** Where the construct, or the nearest one around it, was created. */
export function creationOf(construct: IConstruct): Error | undefined {
  return construct.node.scopes
    .reverse()
    .map((scope) => created.get(scope))
    .find((site) => site !== undefined);
}

/** The key of a construct's metadata under which a DestinationRule names a subset whose pods somebody else runs. */
export const FOREIGN_SUBSET = 'cdk8s-istio:foreign-subset';
