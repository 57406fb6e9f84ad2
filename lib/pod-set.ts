import type { Lazy } from 'cdk8s';
import type { Construct } from 'constructs';
import { type ErrorCode, MeshError } from './errors';
import { requireNamespace } from './mesh-service';

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
  readonly namespace: string;
  _eachPodSet(create: (pods: PodSet) => void): void;
}

/** An object that holds for an app, or for all pods of a namespace. */
export interface Selecting {
  /** The id of the object. */
  readonly id: string;
  readonly name: string;
  readonly selector?: { readonly matchLabels: Lazy };
}

/**
 * The namespace of what holds for the pods of an app: theirs, since Istio looks for their settings nowhere else. Without an app, the one
 * that is said, or else the chart's.
 */
export function namespaceOf(
  construct: Construct,
  code: ErrorCode,
  app: Selectable | undefined,
  said: string | undefined,
): string {
  if (app !== undefined && said !== undefined && said !== app.namespace) {
    throw new MeshError(
      code,
      `namespace is '${said}', and the pods of app '${app.serviceName}' are in '${app.namespace}', where alone Istio looks for what is said of them; leave namespace out`,
      construct,
    );
  }
  return requireNamespace(construct, said ?? app?.namespace);
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
