import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { root } from "../child.mjs";

/**
 * @typedef {object} Run one run of a contestant
 * @property {number} ms
 * @property {number} peakBytes of the process so far
 * @property {number} [loss]
 * @property {number} [gradNorm]
 * @property {number} [flops]
 * @property {number} [meanNorm]
 * @property {number} [stdNorm]
 */

/** Threads that just worked may spin for a while; the next contestant should not pay for it. */
const settleMs = 300;

/** A worker process that does one run when asked: loaded once, so that two of them can take turns. */
export class Contestant {
  /**
   * @param {string} name
   * @param {string} command
   * @param {readonly string[]} args
   * @param {Record<string, string>} [env]
   */
  constructor(name, command, args, env = {}) {
    this.name = name;
    /** @type {Run[]} */
    this.runs = [];
    this.child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** @returns {Promise<unknown>} the next thing it says */
  async #next() {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error(`${this.name} ended without an answer; its reason stands above`);
    return /** @type {unknown} */ (JSON.parse(value));
  }

  /** @returns {Promise<{ baseBytes: number, torch?: string }>} bytes it had before it loaded anything */
  async ready() {
    const greeting = /** @type {{ baseBytes: number, torch?: string }} */ (await this.#next());
    this.baseBytes = greeting.baseBytes;
    return greeting;
  }

  /** Works once; kept in `runs` unless it only warms up. */
  async run({ warmUp = false } = {}) {
    await sleep(settleMs);
    this.child.stdin.write("run\n");
    const run = /** @type {Run} */ (await this.#next());
    if (!warmUp) this.runs.push(run);
  }

  async close() {
    this.child.stdin.end();
    await new Promise((resolve) => this.child.once("close", resolve));
  }

  /** The fastest run: what is left of it on a busy machine. */
  get best() {
    return this.runs.reduce((best, run) => (run.ms < best.ms ? run : best));
  }

  get peakBytes() {
    return Math.max(...this.runs.map(({ peakBytes }) => peakBytes));
  }
}

/**
 * @typedef {object} Competitor
 * @property {() => Promise<unknown>} ready
 * @property {(options?: { warmUp?: boolean }) => Promise<void>} run
 * @property {() => Promise<void>} close
 */

/**
 * Lets contestants take turns, so that whatever else the machine does meets all of them.
 *
 * @param {readonly Competitor[]} contestants
 * @param {number} rounds
 */
export async function takeTurns(contestants, rounds) {
  for (const contestant of contestants) await contestant.ready();
  for (const contestant of contestants) await contestant.run({ warmUp: true });
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) await contestant.run();
  }
  for (const contestant of contestants) await contestant.close();
}
