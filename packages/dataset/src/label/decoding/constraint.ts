import type { TokenVocabulary } from "../model/token-vocabulary.js";
import { dead } from "./byte-machine.js";
import type { TextForm } from "./text-form.js";

/** What may come next in a text that is being written. */
export interface Constraint {
  /** Ids that may come next; undefined: any. */
  allowed(): Uint32Array | undefined;
  /** Takes the token that was chosen. */
  advance(id: number): void;
  /** Nothing may come next. */
  readonly isDone: boolean;
}

/** The ids that each state of a form allows, worked out when it is first met; shared by all songs of one form. */
export class FormConstraints {
  readonly #vocabulary: TokenVocabulary;
  readonly #form: TextForm;
  readonly #allowed = new Map<number, Uint32Array>();

  constructor(vocabulary: TokenVocabulary, form: TextForm) {
    this.#vocabulary = vocabulary;
    this.#form = form;
  }

  /**
   * A new text of this form.
   *
   * @param freeTokens tokens that a part of free wording may have before it is led to its end.
   * @param withFreeText free text without audio codes may follow the form, until the model ends it.
   */
  begin(withFreeText: boolean, freeTokens: number): Constraint {
    return new FormConstraint(this, this.#vocabulary, this.#form, withFreeText, freeTokens);
  }

  /** Tokens that lead from a state to one that is not dead. */
  allowedIn(state: number): Uint32Array {
    const known = this.#allowed.get(state);
    if (known !== undefined) return known;
    const mark = this.#form.machine.markAt(state);
    const ids = mark === undefined ? this.#walkVocabulary(state) : Uint32Array.of(mark.mark);
    this.#allowed.set(state, ids);
    return ids;
  }

  /** One walk over the sorted texts: what they share with the one before is not walked again. */
  #walkVocabulary(from: number): Uint32Array {
    const { textIds, texts, shared } = this.#vocabulary;
    const { machine } = this.#form;
    const found: number[] = [];
    /** States after 0, 1, … bytes of the last text that was walked. */
    const states = [from];
    let alive = 0;
    for (let i = 0; i < texts.length; i++) {
      // The last text died after `alive` bytes: one that shares more than those dies too.
      const sharedBytes = shared[i] as number;
      if (sharedBytes > alive) continue;
      const text = texts[i] as string;
      let length = sharedBytes;
      while (length < text.length) {
        const next = machine.next(states[length] as number, text.charCodeAt(length));
        if (next === dead) break;
        states[++length] = next;
      }
      alive = length;
      if (length === text.length) found.push(textIds[i] as number);
    }
    return Uint32Array.from(found);
  }
}

class FormConstraint implements Constraint {
  readonly #constraints: FormConstraints;
  readonly #vocabulary: TokenVocabulary;
  readonly #form: TextForm;
  readonly #withFreeText: boolean;
  readonly #freeTokens: number;
  #state: number;
  #free = 0;

  constructor(
    constraints: FormConstraints,
    vocabulary: TokenVocabulary,
    form: TextForm,
    withFreeText: boolean,
    freeTokens: number,
  ) {
    this.#constraints = constraints;
    this.#vocabulary = vocabulary;
    this.#form = form;
    this.#withFreeText = withFreeText;
    this.#freeTokens = freeTokens;
    this.#state = form.start;
  }

  get isDone(): boolean {
    return this.#state === this.#form.end && !this.#withFreeText;
  }

  allowed(): Uint32Array {
    const isFree = this.#state === this.#form.end;
    return isFree ? this.#vocabulary.freeTextIds : this.#constraints.allowedIn(this.#state);
  }

  advance(id: number): void {
    const { machine, end } = this.#form;
    if (this.#state === end) return;
    const mark = machine.markAt(this.#state);
    this.#state = mark?.next ?? machine.walk(this.#state, this.#vocabulary.bytesOf(id) as string);
    const closing = machine.closingOf(this.#state);
    this.#free = closing === undefined ? 0 : this.#free + 1;
    if (closing !== undefined && this.#free >= this.#freeTokens) this.#state = closing;
  }
}

/** Whatever the model says. */
export const unconstrained: Constraint = {
  allowed: () => undefined,
  advance: () => undefined,
  isDone: false,
};
