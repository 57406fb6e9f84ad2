/**
 * An empty object, for keys that are known at run time alone: what `{}` is, and stays fast in an app of any size.
 *
 * V8 keeps the shapes of objects in a tree, and lets at most 1,536 ways lead on from one shape. constructs keeps children in a `{}` by
 * their ids, so after as many ids each key that is put into another `{}` is a slow one. These objects begin with a shape of their own.
 */
export function plainObject(): Record<string, unknown> {
  return new Plain();
}

function PlainObject() {}
PlainObject.prototype = Object.prototype;
const Plain = PlainObject as unknown as new () => Record<string, unknown>;
