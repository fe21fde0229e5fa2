/** A state no text leads to. */
export const dead = -1;

/** What a state does with every byte: the next state, or {@link dead}. */
export type Row = Int32Array;

/**
 * A deterministic machine over bytes, for texts of a fixed form. States are built from the end to the beginning: each
 * piece is given the state that follows it.
 */
export class ByteMachine {
  readonly #rows: Row[] = [];
  readonly #marks = new Map<number, { mark: number; next: number }>();
  readonly #closing = new Map<number, number>();

  /** A new state without a way out. */
  state(): number {
    return this.#rows.push(new Int32Array(256).fill(dead)) - 1;
  }

  /** Where a byte leads. */
  next(state: number, byte: number): number {
    return this.#rows[state]?.[byte] ?? dead;
  }

  /** Lets bytes lead from one state to another. */
  connect(from: number, bytes: Iterable<number>, to: number): void {
    const row = this.#rows[from] as Row;
    for (const byte of bytes) row[byte] = to;
  }

  /** Lets a state do what another does, where it has no way of its own. */
  inherit(state: number, other: number): void {
    const [row, from] = [this.#rows[state] as Row, this.#rows[other] as Row];
    for (let byte = 0; byte < 256; byte++) if (row[byte] === dead) row[byte] = from[byte] as number;
  }

  /** A text as it stands. @returns its first state. */
  literal(text: string, next: number): number {
    return this.oneOf([text], next);
  }

  /** One of some texts, of which none may begin another. @returns their first state. */
  oneOf(texts: readonly string[], next: number): number {
    const start = this.state();
    for (const text of texts) {
      const bytes = Buffer.from(text);
      let state = start;
      for (const [i, byte] of bytes.entries()) {
        const known = this.next(state, byte);
        const target = i === bytes.length - 1 ? next : known === dead ? this.state() : known;
        this.connect(state, [byte], target);
        state = target;
      }
    }
    return start;
  }

  /** A state that only one token, named by its id, leaves. */
  mark(id: number, next: number): number {
    const state = this.state();
    this.#marks.set(state, { mark: id, next });
    return state;
  }

  /** The token a state waits for, and where it leads. */
  markAt(state: number): { mark: number; next: number } | undefined {
    return this.#marks.get(state);
  }

  /** Says which state to go on from when a free text has become too long. */
  closeBy(state: number, closing: number): void {
    this.#closing.set(state, closing);
  }

  /** Undefined where a text cannot be too long. */
  closingOf(state: number): number | undefined {
    return this.#closing.get(state);
  }

  /** Where a whole token leads, its bytes given as character codes. */
  walk(state: number, bytes: string): number {
    let at = state;
    for (let i = 0; i < bytes.length && at !== dead; i++) at = this.next(at, bytes.charCodeAt(i));
    return at;
  }
}
