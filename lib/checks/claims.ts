import { Alternatives } from '../alternatives';
import type { Rendered } from '../model/rendered';

/** Who has what. Two objects may have the same when their charts are never applied together. */
export class Claims {
  private readonly owners = new Map<string, Rendered[]>();

  /** Notes that an object has this; gives the first other one that has it too. */
  public add(what: string, object: Rendered): Rendered | undefined {
    const owners = this.owners.get(what);
    if (owners === undefined) {
      this.owners.set(what, [object]);
      return undefined;
    }
    owners.push(object);
    return owners.find((other) => other !== object && Alternatives._together(other.construct, object.construct));
  }
}
