const size = 624;
const middle = 397;

/**
 * The Mersenne Twister MT19937 as CPython's `random` seeds and uses it, so that choices the official trainer makes
 * by `random.seed(n)` come out the same. Source: Matsumoto and Nishimura 1998; CPython `random.seed`, `shuffle`.
 */
export class PythonRandom {
  readonly #state = new Uint32Array(size);
  #next = size;

  /** `seed` is a whole number from 0 to 2^32 - 1. */
  constructor(seed: number) {
    this.#seedByArray([seed >>> 0]);
  }

  /** `random.getrandbits(bits)` for 1 to 32 bits. */
  getRandBits(bits: number): number {
    return this.#word() >>> (32 - bits);
  }

  /** `random.shuffle(list)`, in place. */
  shuffle(list: unknown[]): void {
    for (let last = list.length - 1; last > 0; last--) {
      const other = this.#below(last + 1);
      [list[last], list[other]] = [list[other], list[last]];
    }
  }

  /** Rejection sampling on as many bits as `limit` has. */
  #below(limit: number): number {
    const bits = 32 - Math.clz32(limit);
    let drawn = this.getRandBits(bits);
    while (drawn >= limit) drawn = this.getRandBits(bits);
    return drawn;
  }

  #at(index: number): number {
    return this.#state[index] as number;
  }

  #seedByArray(key: readonly number[]): void {
    const state = this.#state;
    state[0] = 19650218;
    for (let i = 1; i < size; i++) state[i] = Math.imul(1812433253, scrambled(this.#at(i - 1))) + i;
    let i = 1;
    let j = 0;
    for (let k = Math.max(size, key.length); k > 0; k--) {
      state[i] = (this.#at(i) ^ Math.imul(scrambled(this.#at(i - 1)), 1664525)) + (key[j] ?? 0) + j;
      j = (j + 1) % key.length;
      i = this.#wrapped(i + 1);
    }
    for (let k = size - 1; k > 0; k--) {
      state[i] = (this.#at(i) ^ Math.imul(scrambled(this.#at(i - 1)), 1566083941)) - i;
      i = this.#wrapped(i + 1);
    }
    state[0] = 0x80000000;
  }

  /** Past the end the first word takes the last one's value and the walk goes on at 1. */
  #wrapped(index: number): number {
    if (index < size) return index;
    this.#state[0] = this.#at(size - 1);
    return 1;
  }

  #word(): number {
    if (this.#next === size) this.#twist();
    let word = this.#at(this.#next++);
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    word ^= word >>> 18;
    return word >>> 0;
  }

  #twist(): void {
    for (let i = 0; i < size; i++) {
      const joined = (this.#at(i) & 0x80000000) | (this.#at((i + 1) % size) & 0x7fffffff);
      const far = this.#at((i + middle) % size);
      this.#state[i] = far ^ (joined >>> 1) ^ ((joined & 1) === 0 ? 0 : 0x9908b0df);
    }
    this.#next = 0;
  }
}

function scrambled(word: number): number {
  return word ^ (word >>> 30);
}
