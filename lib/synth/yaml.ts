import { Yaml } from 'cdk8s';
import { MarkedValue } from '../marked-value';

/**
 * Strings that every version of YAML reads as a string without quotes: they begin with a letter, a slash or the like, have no blank but
 * single ones inside, and are neither a word that YAML 1.1 reads as true, false or null nor an exponent (`e5`).
 */
const PLAIN =
  /^(?!(?:y|n|yes|no|on|off|true|false|null)$|-*e[-+]?\d)(?:-{0,2}[a-z]|[/^$(\\])(?:[!-9;-~]|:(?=[!-~])| (?=[!"$-~]))*$/i;

/** Text of several lines that becomes a literal block without an indentation indicator: no blank first, at most one line break last. */
const BLOCK = /^\S(?:.*\S)?\n?$/s;

/** Control characters other than tab and line break, and surrogates. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to find
const SPECIAL = /[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]/;

/** Thrown, and caught again, where a document holds something that only the library can write. */
const NOT_PLAIN = new Error('not plain data');

/**
 * Writes documents as YAML: to the byte what `Yaml.stringify` of cdk8s gives, many times faster.
 *
 * Plain data is written here. A string that needs quotes is left to the library, once per string; a document with anything else in it
 * (null in a map, the same object twice, a class) is left to the library as a whole. Only {@link MarkedValue} has no counterpart there.
 */
export class YamlWriter {
  private readonly scalars = new Map<string, string>();
  private readonly keys = new Map<string, string>();
  private readonly seen = new Set<object>();

  /**
   * Writes one file.
   *
   * @param documents the documents, in order; none gives the empty text
   */
  public stringify(documents: readonly unknown[]): string {
    return documents.map((document) => this.document(document)).join('---\n');
  }

  private document(document: unknown): string {
    this.seen.clear();
    try {
      if (!isMap(document) || Object.keys(document).length === 0) {
        throw NOT_PLAIN;
      }
      return `${this.map(document, '\n', '')}\n`;
    } catch (error) {
      if (error !== NOT_PLAIN) {
        throw error;
      }
      return Yaml.stringify(document);
    }
  }

  /**
   * @param indent a line break and the blanks before each key
   * @param lead what stands before the first key in place of `indent`
   */
  private map(map: Record<string, unknown>, indent: string, lead: string): string {
    this.see(map);
    let text = '';
    for (const key of Object.keys(map)) {
      const value = map[key];
      if (value === null || value === undefined) {
        throw NOT_PLAIN;
      }
      text += `${text === '' ? lead : indent}${this.key(key)}:${this.value(value, `${indent}  `, `${indent}  `)}`;
    }
    return text === '' ? ' {}' : text;
  }

  private list(list: readonly unknown[], indent: string, lead: string): string {
    this.see(list);
    let text = '';
    for (const item of list) {
      text += `${text === '' ? lead : indent}-${this.value(item, `${indent}  `, ' ')}`;
    }
    return text === '' ? ' []' : text;
  }

  private value(value: unknown, indent: string, lead: string): string {
    switch (typeof value) {
      case 'string':
        return ` ${this.string(value, indent)}`;
      case 'boolean':
        return ` ${value}`;
      case 'number':
        return ` ${number(value)}`;
    }
    if (value === null || value === undefined) {
      return ' null';
    }
    if (Array.isArray(value)) {
      return this.list(value, indent, lead);
    }
    if (isMap(value)) {
      return this.map(value, indent, lead);
    }
    if (value instanceof MarkedValue) {
      return ` ${this.string(value.value, indent)} # ${value.comment}`;
    }
    throw NOT_PLAIN;
  }

  private string(value: string, indent: string): string {
    if (PLAIN.test(value)) {
      return value;
    }
    if (value.includes('\n')) {
      return BLOCK.test(value) && !SPECIAL.test(value) ? block(value, indent) : nested(value, (indent.length - 1) / 2);
    }
    let text = this.scalars.get(value);
    if (text === undefined) {
      text = nested(value, 1);
      this.scalars.set(value, text);
    }
    return text;
  }

  private key(key: string): string {
    if (PLAIN.test(key) && key.length <= 1024) {
      return key;
    }
    let text = this.keys.get(key);
    if (text === undefined) {
      text = quotedKey(key);
      this.keys.set(key, text);
    }
    return text;
  }

  /** The library writes an object that it meets again as an alias. */
  private see(object: object): void {
    if (this.seen.has(object)) {
      throw NOT_PLAIN;
    }
    this.seen.add(object);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function number(value: number): string {
  if (Number.isFinite(value)) {
    return Object.is(value, -0) ? '-0' : String(value);
  }
  return Number.isNaN(value) ? '.nan' : value < 0 ? '-.inf' : '.inf';
}

function block(value: string, indent: string): string {
  const clipped = value.endsWith('\n');
  const lines = clipped ? value.slice(0, -1) : value;
  return `${clipped ? '|' : '|-'}${indent}${lines.replace(/\n+/g, (breaks) => breaks + indent.slice(1))}`;
}

/** A string as the library writes it inside this many lists. */
function nested(value: string, depth: number): string {
  let document: unknown = value;
  for (let i = 0; i < depth; i++) {
    document = [document];
  }
  return Yaml.stringify(document).slice(2 * depth, -1);
}

/** A key as the library writes it. The top of a document has rules of its own for keys that look like a document marker. */
function quotedKey(key: string): string {
  const text = Yaml.stringify([{ [key]: 0 }]);
  if (/^(?:---|\.\.\.|%)/m.test(key) || !text.endsWith(': 0\n') || text.indexOf('\n') !== text.length - 1) {
    throw NOT_PLAIN;
  }
  return text.slice('- '.length, -': 0\n'.length);
}
