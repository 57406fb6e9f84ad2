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
  /** What is written of the document so far. */
  private text = '';

  /**
   * @param options `aliases: false` says that no document holds the same object twice, and saves the search for it
   */
  constructor(private readonly options: { readonly aliases: boolean } = { aliases: true }) {}

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
    this.text = '';
    try {
      if (!isMap(document) || Object.keys(document).length === 0) {
        throw NOT_PLAIN;
      }
      this.map(document, 0, '');
      return `${this.text}\n`;
    } catch (error) {
      if (error !== NOT_PLAIN) {
        throw error;
      }
      return Yaml.stringify(document);
    }
  }

  /**
   * @param depth of the keys
   * @param lead what stands before the first key in place of a line break and blanks
   */
  private map(map: Record<string, unknown>, depth: number, lead: string): void {
    this.see(map);
    const start = this.text.length;
    let before = lead;
    for (const key in map) {
      const value = map[key];
      if (value === null || value === undefined) {
        throw NOT_PLAIN;
      }
      this.text += before;
      this.text += this.key(key);
      this.value(value, depth + 1, lineBreak(depth + 1));
      before = lineBreak(depth);
    }
    if (this.text.length === start) {
      this.text += ' {}';
    }
  }

  private list(list: readonly unknown[], depth: number, lead: string): void {
    this.see(list);
    let before = lead;
    for (const item of list) {
      this.text += before;
      this.text += '-';
      this.value(item, depth + 1, ' ');
      before = lineBreak(depth);
    }
    if (list.length === 0) {
      this.text += ' []';
    }
  }

  private value(value: unknown, depth: number, lead: string): void {
    switch (typeof value) {
      case 'string':
        this.text += ' ';
        this.text += this.string(value, depth);
        return;
      case 'boolean':
        this.text += ` ${value}`;
        return;
      case 'number':
        this.text += ` ${number(value)}`;
        return;
    }
    if (value === null || value === undefined) {
      this.text += ' null';
    } else if (Array.isArray(value)) {
      this.list(value, depth, lead);
    } else if (isMap(value)) {
      this.map(value, depth, lead);
    } else if (value instanceof MarkedValue) {
      this.text += ` ${this.string(value.value, depth)} # ${value.comment}`;
    } else {
      throw NOT_PLAIN;
    }
  }

  private string(value: string, depth: number): string {
    if (PLAIN.test(value)) {
      return value;
    }
    if (value.includes('\n')) {
      return BLOCK.test(value) && !SPECIAL.test(value) ? block(value, lineBreak(depth)) : nested(value, depth);
    }
    let text = this.scalars.get(value);
    if (text === undefined) {
      text = nested(value, 1);
      this.scalars.set(value, text);
    }
    return text;
  }

  /** A key with its colon. */
  private key(key: string): string {
    let text = this.keys.get(key);
    if (text === undefined) {
      text = `${PLAIN.test(key) && key.length <= 1024 ? key : quotedKey(key)}:`;
      this.keys.set(key, text);
    }
    return text;
  }

  /** The library writes an object that it meets again as an alias. */
  private see(object: object): void {
    if (!this.options.aliases) {
      return;
    }
    if (this.seen.has(object)) {
      throw NOT_PLAIN;
    }
    this.seen.add(object);
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

const LINE_BREAKS: string[] = [];

/** A line break, and two blanks for each step of depth. */
function lineBreak(depth: number): string {
  LINE_BREAKS[depth] ??= `\n${'  '.repeat(depth)}`;
  return LINE_BREAKS[depth];
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
