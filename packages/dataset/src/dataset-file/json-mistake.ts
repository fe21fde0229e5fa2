/** The first place at which text stops being JSON. `line` and `column` count from 1. */
export interface JsonMistake {
  line: number;
  column: number;
  /** What stands there instead of what, such as `expected "," or "}", found "b"`. */
  what: string;
}

/** Deeper nesting is no dataset but an attempt to exhaust the stack. */
const mostLevels = 100;

/** Undefined for sound JSON. `JSON.parse` does not always say where it failed; this does. */
export function findJsonMistake(text: string): JsonMistake | undefined {
  if (isSound(text)) return undefined;
  const scan = new Scan(text);
  try {
    scan.value(0);
    scan.space();
    if (scan.at < text.length) scan.fail("expected the end of the file");
    return undefined;
  } catch (stop) {
    if (!(stop instanceof Stop)) throw stop;
    const before = text.slice(0, stop.at).split("\n");
    return { line: before.length, column: (before.at(-1) ?? "").length + 1, what: stop.what };
  }
}

/** The usual case, ten times as fast as the scan that knows places. */
function isSound(text: string): boolean {
  try {
    return !isDeeper(JSON.parse(text), mostLevels);
  } catch {
    return false;
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (levels < 0) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((child) => isDeeper(child, levels - 1));
}

/** Unwinds the scan; never leaves this file. */
class Stop {
  constructor(
    readonly at: number,
    readonly what: string,
  ) {}
}

class Scan {
  at = 0;

  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  fail(expected: string): never {
    const found = this.#text[this.at];
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- a signal between two functions of this file
    throw new Stop(
      this.at,
      `${expected}, found ${found === undefined ? "the end of the file" : JSON.stringify(found)}`,
    );
  }

  space(): void {
    this.#take(/[ \t\n\r]*/y);
  }

  value(level: number): void {
    if (level > mostLevels) this.fail(`expected at most ${mostLevels} levels of brackets`);
    this.space();
    const first = this.#text[this.at];
    if (first === "{")
      this.#list("}", () => {
        this.#pair(level);
      });
    else if (first === "[")
      this.#list("]", () => {
        this.value(level + 1);
      });
    else if (first === '"') this.#string();
    else if (this.#take(/(?:true|false|null)\b/y)) return;
    else if (this.#take(/-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])/y)) return;
    else if (/^-?(?:NaN|Infinity)/.test(this.#text.slice(this.at, this.at + 9))) {
      this.fail("expected a number (NaN and Infinity are no JSON)");
    } else this.fail("expected a value");
  }

  #list(close: string, item: () => void): void {
    this.at++;
    this.space();
    if (this.#skip(close)) return;
    for (;;) {
      item();
      this.space();
      if (this.#skip(close)) return;
      if (!this.#skip(",")) this.fail(`expected "," or "${close}"`);
    }
  }

  #pair(level: number): void {
    this.space();
    if (this.#text[this.at] !== '"') this.fail("expected a key in double quotes");
    this.#string();
    this.space();
    if (!this.#skip(":")) this.fail('expected ":"');
    this.value(level + 1);
  }

  #string(): void {
    const start = this.at++;
    for (;;) {
      this.#take(/[^"\\\u0000-\u001f]*/y);
      if (this.#skip('"')) return;
      if (this.#take(/\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y)) continue;
      if (this.#text[this.at] === "\\") this.fail("expected an escape such as \\n or \\u0041");
      if (this.at >= this.#text.length) {
        this.at = start;
        this.fail("expected a string that is closed");
      }
      this.fail("expected \\n, \\t or another escape instead of a bare control character");
    }
  }

  #skip(character: string): boolean {
    if (this.#text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const length = pattern.exec(this.#text)?.[0].length;
    this.at += length ?? 0;
    return length !== undefined;
  }
}
