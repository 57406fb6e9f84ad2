import { Construct, type IConstruct } from 'constructs';

/**
 * Charts of which one at a time is applied: the steps of a rollout, or variants of a system. They may hold the same objects,
 * which is a mistake everywhere else. Each chart below it gets a folder of its own, named `<id>-<id of the chart>`.
 *
 * @example
 * const steps = new Alternatives(app, 'aleph');
 * new Chart(steps, '80-20', { namespace: 'staging' });
 */
export class Alternatives extends Construct {
  /**
   * Whether two constructs can be applied together: they do not stand under two children of one `Alternatives`.
   * @internal
   */
  public static _together(a: IConstruct, b: IConstruct): boolean {
    const [left, right] = [a.node.scopes, b.node.scopes];
    const fork = left.findIndex((scope, depth) => scope !== right[depth]);
    return !(left[fork - 1] instanceof Alternatives) || right[fork] === undefined;
  }
}
