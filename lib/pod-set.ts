import type { Lazy } from 'cdk8s';

/** Pods that carry the same labels. */
export interface PodSet {
  /** Behind the names of the objects that select these pods alone: empty, or `-primary`. */
  readonly suffix: string;
  /** The labels, as they are known at synth. */
  readonly labels: Lazy;
}

/** An app whose pods are selected. */
interface Selectable {
  readonly serviceName: string;
  _eachPodSet(create: (pods: PodSet) => void): void;
}

/** An object that holds for an app, or for all pods of a namespace. */
export interface Selecting {
  /** The id of the object. */
  readonly id: string;
  readonly name: string;
  readonly selector?: { readonly matchLabels: Lazy };
}

/** Creates what holds for the pods of an app, for each of their sets; without an app, once for all pods. */
export function createFor(app: Selectable | undefined, create: (selecting: Selecting) => void): void {
  if (app === undefined) {
    create({ id: 'Resource', name: 'default' });
    return;
  }
  app._eachPodSet(({ suffix, labels }) =>
    create({ id: `Resource${suffix}`, name: app.serviceName + suffix, selector: { matchLabels: labels } }),
  );
}

/** Selects the pods of several sets, whose labels have the same keys. */
export function selectorOf([labels, ...others]: readonly Record<string, string>[]): Record<string, unknown> {
  return others.length === 0
    ? { matchLabels: labels }
    : {
        matchExpressions: Object.keys(labels).map((key) => ({
          key,
          operator: 'In',
          values: [labels, ...others].map((set) => set[key]),
        })),
      };
}
