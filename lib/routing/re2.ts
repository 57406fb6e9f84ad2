import type { RE2JS } from 're2js';

// Loaded at the first regular expression: most apps have none, and they need not pay for it.
function re2(): typeof RE2JS {
  return require('re2js').RE2JS;
}

/** What is wrong with an expression; `undefined` when nothing is. */
export function mistakeInRe2(regex: string): string | undefined {
  try {
    re2().compile(regex);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, '');
  }
}

export function matchesRe2(regex: string, value: string): boolean {
  return re2().matches(regex, value);
}

/** How many groups an expression has that a substitution can name. */
export function countGroups(regex: string): number {
  return re2().compile(regex).groupCount();
}

/** The text as a regular expression that matches nothing else. */
export function escapeRe2(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
