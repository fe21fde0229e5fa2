import { AceError } from "@acewright/core-native";
import { opcodeName } from "./pickle-opcodes.js";

/** A name that the pickle would import; only names of an allow-list get this far, and none is ever called. */
export class PickleGlobal {
  constructor(readonly name: string) {}
}

/** What a pickle of plain data may hold. Tuples and lists are arrays, dicts are Maps. */
export type PickleValue<Built> =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleGlobal
  | Built
  | PickleValue<Built>[]
  | Map<PickleValue<Built>, PickleValue<Built>>;

/** What the reader's owner makes of the few names it allows. */
export interface PickleRules<Built> {
  /** `module name` of a global, true if it may appear. */
  allows(global: string): boolean;
  /** Stands for calling an allowed global. */
  reduce(global: string, args: readonly PickleValue<Built>[]): PickleValue<Built>;
  /** Stands for a persistent id. */
  persistent(id: PickleValue<Built>): PickleValue<Built>;
}

const mark = Symbol("mark");
/** A byte of a pickle can make an empty dict of a hundred; a file of tensors has some hundred values. */
const mostValues = 1_000_000;

/**
 * A reader of pickles that cannot run anything: a stack machine over plain data, in which a global is a word on a list
 * and a call is a `switch` of ours. Every opcode and every global beyond that is refused by name.
 *
 * @throws {AceError} ERR_FILE, its message beginning with `where`.
 */
export function readPickle<Built>(
  where: string,
  bytes: Uint8Array,
  rules: PickleRules<Built>,
): PickleValue<Built> {
  return new PickleMachine(where, bytes, rules).run();
}

class PickleMachine<Built> {
  readonly #where: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: PickleRules<Built>;
  readonly #stack: (PickleValue<Built> | typeof mark)[] = [];
  readonly #memo = new Map<number, PickleValue<Built>>();
  #at = 0;
  #values = 0;

  constructor(where: string, bytes: Uint8Array, rules: PickleRules<Built>) {
    this.#where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
  }

  run(): PickleValue<Built> {
    for (;;) {
      const code = this.#u8();
      if (code === 0x2e) return this.#pop(); // STOP
      this.#step(code);
    }
  }

  #step(code: number): void {
    switch (code) {
      case 0x80: // PROTO
        if (this.#u8() > 3) throw this.#refuse("it is of a protocol above 3");
        return;
      case 0x4e: {
        // NONE
        this.#push(null);
        return;
      }
      case 0x88: {
        // NEWTRUE
        this.#push(true);
        return;
      }
      case 0x89: {
        // NEWFALSE
        this.#push(false);
        return;
      }
      case 0x4a: {
        // BININT
        this.#push(this.#view.getInt32(this.#take(4), true));
        return;
      }
      case 0x4b: {
        // BININT1
        this.#push(this.#u8());
        return;
      }
      case 0x4d: {
        // BININT2
        this.#push(this.#view.getUint16(this.#take(2), true));
        return;
      }
      case 0x8a: {
        // LONG1
        this.#push(this.#long(this.#u8()));
        return;
      }
      case 0x47: {
        // BINFLOAT
        this.#push(this.#view.getFloat64(this.#take(8), false));
        return;
      }
      case 0x58: {
        // BINUNICODE
        this.#push(this.#text(this.#view.getUint32(this.#take(4), true)));
        return;
      }
      case 0x29: // EMPTY_TUPLE
      case 0x5d: {
        // EMPTY_LIST
        this.#push([]);
        return;
      }
      case 0x7d: {
        // EMPTY_DICT
        this.#push(new Map());
        return;
      }
      case 0x28: // MARK
        this.#stack.push(mark);
        return;
      case 0x74: {
        // TUPLE
        this.#push(this.#toMark());
        return;
      }
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        this.#push(Array.from({ length: code - 0x84 }, () => this.#pop()).reverse());
        return;
      }
      case 0x61: {
        // APPEND
        this.#append([this.#pop()]);
        return;
      }
      case 0x65: {
        // APPENDS
        this.#append(this.#toMark());
        return;
      }
      case 0x73: {
        // SETITEM
        this.#setItems([this.#pop(), this.#pop()].reverse());
        return;
      }
      case 0x75: {
        // SETITEMS
        this.#setItems(this.#toMark());
        return;
      }
      case 0x71: {
        // BINPUT
        this.#remember(this.#u8());
        return;
      }
      case 0x72: {
        // LONG_BINPUT
        this.#remember(this.#view.getUint32(this.#take(4), true));
        return;
      }
      case 0x68: {
        // BINGET
        this.#recall(this.#u8());
        return;
      }
      case 0x6a: {
        // LONG_BINGET
        this.#recall(this.#view.getUint32(this.#take(4), true));
        return;
      }
      case 0x63: {
        // GLOBAL
        this.#push(this.#global());
        return;
      }
      case 0x51: {
        // BINPERSID
        this.#push(this.#rules.persistent(this.#pop()));
        return;
      }
      case 0x52: {
        // REDUCE
        this.#reduce();
        return;
      }
      default:
        throw this.#refuse(
          `the opcode ${opcodeName(code)} at byte ${this.#at - 1} is not allowed: a file of tensors has no need of it`,
        );
    }
  }

  #global(): PickleGlobal {
    const name = `${this.#line()}.${this.#line()}`;
    if (!this.#rules.allows(name)) {
      throw this.#refuse(
        `it asks for ${JSON.stringify(name)}, which a file of tensors has no need of; nothing was run`,
      );
    }
    return new PickleGlobal(name);
  }

  #reduce(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PickleGlobal) || !Array.isArray(args))
      throw this.#refuse("it calls what is not a function");
    this.#push(this.#rules.reduce(callee.name, args));
  }

  #append(items: readonly PickleValue<Built>[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw this.#refuse("it appends to what is not a list");
    for (const item of items) list.push(item);
  }

  #setItems(pairs: readonly PickleValue<Built>[]): void {
    const dict = this.#top();
    if (!(dict instanceof Map) || pairs.length % 2 !== 0)
      throw this.#refuse("it sets items of what is not a dict");
    for (let i = 0; i < pairs.length; i += 2) {
      dict.set(pairs[i] as PickleValue<Built>, pairs[i + 1] as PickleValue<Built>);
    }
  }

  #remember(index: number): void {
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.#refuse(`it recalls entry ${index}, which was never stored`);
    this.#push(value);
  }

  #long(length: number): number | bigint {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i] as number);
    const signed = BigInt.asIntN(8 * length, value);
    const isExact = signed >= Number.MIN_SAFE_INTEGER && signed <= Number.MAX_SAFE_INTEGER;
    return isExact ? Number(signed) : signed;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) throw this.#refuse("it ends in the middle of a name");
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  #text(length: number): string {
    const at = this.#take(length);
    return new TextDecoder().decode(this.#bytes.subarray(at, at + length));
  }

  #u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  /** Position of the next `length` bytes, which are then behind. */
  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) throw this.#refuse("it ends too early");
    this.#at += length;
    return at;
  }

  #push(value: PickleValue<Built>): void {
    if (++this.#values > mostValues) throw this.#refuse(`it makes more than ${mostValues} values`);
    this.#stack.push(value);
  }

  #pop(): PickleValue<Built> {
    const value = this.#stack.pop();
    if (value === undefined || value === mark) throw this.#refuse("it takes more than there is");
    return value;
  }

  #top(): PickleValue<Built> {
    const value = this.#stack.at(-1);
    if (value === undefined || value === mark) throw this.#refuse("it takes more than there is");
    return value;
  }

  #toMark(): PickleValue<Built>[] {
    const start = this.#stack.lastIndexOf(mark);
    if (start === -1) throw this.#refuse("it closes what was never opened");
    return this.#stack.splice(start).slice(1) as PickleValue<Built>[];
  }

  #refuse(what: string): AceError {
    return new AceError("ERR_FILE", `${this.#where}: its pickle was refused: ${what}`);
  }
}
