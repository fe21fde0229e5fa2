// node --expose-gc bench/loop.mjs [--steps N] [--sessions N]: what a training step costs outside the native core, whether
// memory grows with the steps, and how long the event loop is held up. Prints JSON. The toy model and songs of four frames
// make a step so small that what is around it shows; checkpoints, log and TensorBoard are written as in any run.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readModelConfig } from "../packages/core-native/dist/index.js";
import { native } from "../packages/trainer/dist/native.js";
import { nodeFiles } from "../packages/trainer/dist/run/files.js";
import { trainWith } from "../packages/trainer/dist/train/train.js";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "10000" },
    sessions: { type: "string", default: "4" },
    seconds: { type: "string", default: "10" },
  },
});
const model = fileURLToPath(new URL("../tools/reference/toy/checkpoints/acestep-v15-toy", import.meta.url));
const { encoderHiddenSize: width, fingerprint } = readModelConfig(model);
const frames = 4;
const collect = globalThis.gc;
if (collect === undefined) throw new Error("start it with node --expose-gc");

/** Songs too short to be any work. */
const songs = {
  hash: "0".repeat(64),
  encoderHiddenSize: width,
  trigger: "",
  madeWith: { name: "acestep-v15-toy", fingerprint },
  songs: [0, 1, 2, 3].map((i) => ({ id: `song-${i}`, frames, conditionTokens: [4] })),
  read: () =>
    Promise.resolve({
      latents: new Float32Array(frames * 64).fill(0.1),
      conditions: [new Float32Array(4 * width).fill(0.1)],
      contextLatents: new Float32Array(frames * 128).fill(0.1),
    }),
};

/** @param {string} output @param {number} steps */
const config = (output, steps) => ({
  tensors: "songs",
  model,
  output,
  adapter: /** @type {const} */ ({ kind: "lora", rank: 1, targetModules: ["q_proj"], layers: "0" }),
  buckets: { decoderTokens: 1, conditionTokens: 1 },
  device: "cpu",
  threads: 1,
  maxSteps: steps,
  epochs: steps,
  gradientAccumulation: 1,
  saveEverySteps: 1000,
  saveEveryEpochs: 1_000_000,
  keepCheckpoints: 2,
});

/** @param {(event: import("../packages/trainer/dist/index.js").TrainEvent) => void | Promise<void>} look @param {string} output @param {number} steps @param {AbortSignal} [signal] */
async function train(look, output, steps, signal) {
  const parts = {
    native,
    openSamples: () => Promise.resolve(songs),
    files: nodeFiles,
    openSongMaker: () => {
      throw new Error("no samples are asked for");
    },
  };
  for await (const event of trainWith(parts, config(output, steps), signal ? { signal } : {}))
    await look(event);
}

/** @param {Float64Array | number[]} numbers @param {number} share */
function quantile(numbers, share) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

/** @param {number} value */
const round = (value) => Number(value.toPrecision(4));

/**
 * Wall time from one step's result to the next's, less what the native call says it took; or what the process grows by, for
 * which garbage is collected by hand, which holds the loop up and so has a run of its own.
 *
 * @param {boolean} collects
 */
async function steps(collects) {
  const count = Number(values.steps);
  // Made at once, so that the bench's own figures are not what grows.
  const outside = new Float64Array(count);
  const inside = new Float64Array(count);
  let outsideCount = 0;
  let insideCount = 0;
  const memory = [];
  let before = NaN;
  const open = native.openDevice.bind(native);
  // The only place that sees each native call's own time; it costs two readings of the clock.
  native.openDevice = (name, threads) =>
    timed(open(name, threads), (ms) => {
      const now = performance.now();
      if (!Number.isNaN(before)) outside[outsideCount++] = now - before - ms;
      inside[insideCount++] = ms;
      before = now;
    });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const cpuBefore = mainThreadMs();
  const folder = mkdtempSync(join(tmpdir(), "acewright-loop-"));
  try {
    await train(
      async (event) => {
        if (event.type === "started") delay.enable();
        if (!collects || event.type !== "step" || event.step % 1000 !== 500) return;
        // The first collection finds the arrays that the second one frees.
        collect?.();
        await sleep(20);
        collect?.();
        const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
        memory.push({ step: event.step, rss, heapUsed, arrayBuffers });
        before = NaN; // A collection by hand belongs to no step.
      },
      join(folder, "run"),
      count,
    );
  } finally {
    delay.disable();
    native.openDevice = open;
    rmSync(folder, { recursive: true });
  }
  if (collects) return { steps: count, growthKiB: growth(memory), wanted: 0 };
  return {
    steps: count,
    mainThreadCpuMsPerStep:
      cpuBefore === undefined ? undefined : round(((mainThreadMs() ?? NaN) - cpuBefore) / count),
    nativeMsPerStep: round(quantile(inside.subarray(0, insideCount), 0.5)),
    outsideMsPerStep: spread(outside.subarray(0, outsideCount)),
    wantedMs: 0.2,
    eventLoopDelayMs: { p99: round(delay.percentile(99) / 1e6), max: round(delay.max / 1e6), wanted: 5 },
  };
}

/** @param {readonly { step: number, rss: number, heapUsed: number, arrayBuffers: number }[]} memory */
function growth(memory) {
  // Until half of the steps compiled code and its statistics are what grows.
  const [first, last] = [memory[memory.length >> 1], memory.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const grown = (/** @type {"rss" | "heapUsed" | "arrayBuffers"} */ key) =>
    Math.round((last[key] - first[key]) / 1024);
  return {
    from: first.step,
    to: last.step,
    rss: grown("rss"),
    heap: grown("heapUsed"),
    arrays: grown("arrayBuffers"),
  };
}

/** Processor time of the thread that runs JavaScript, which other programs' load does not lengthen; undefined but on Linux. */
function mainThreadMs() {
  const file = `/proc/self/task/${process.pid}/schedstat`;
  return existsSync(file) ? Number(readFileSync(file, "utf8").split(" ")[0]) / 1e6 : undefined;
}

/** The longest the loop is held up by the machine alone: nothing trains, the loop only turns. */
async function machineDelayMs() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const end = performance.now() + 1000 * Number(values.seconds);
  while (performance.now() < end) await new Promise((turn) => setImmediate(turn));
  delay.disable();
  return { p99: round(delay.percentile(99) / 1e6), max: round(delay.max / 1e6) };
}

/** @param {Float64Array} numbers */
const spread = (numbers) => ({
  median: round(quantile(numbers, 0.5)),
  mean: round(numbers.reduce((sum, value) => sum + value, 0) / numbers.length),
  p99: round(quantile(numbers, 0.99)),
});

/** @template T @param {T} device @param {(ms: number) => void} tell @returns {T} */
function timed(device, tell) {
  const through = (
    /** @type {any} */ target,
    /** @type {string} */ method,
    /** @type {(made: any) => any} */ change,
  ) => {
    const real = target[method].bind(target);
    target[method] = async (/** @type {unknown[]} */ ...args) => change(await real(...args));
    return target;
  };
  return through(device, "openDecoder", (decoder) =>
    through(decoder, "createAdapter", (adapter) =>
      through(adapter, "openSession", (session) =>
        through(session, "step", (result) => {
          tell(result.milliseconds);
          return result;
        }),
      ),
    ),
  );
}

/** How long reading a file of 1 MiB takes, beside so many sessions that train. */
async function reading(sessions) {
  const folder = mkdtempSync(join(tmpdir(), "acewright-loop-"));
  const file = join(folder, "file");
  writeFileSync(file, new Uint8Array(1 << 20));
  const stop = new AbortController();
  let steps = 0;
  const runs = Array.from({ length: sessions }, (_, i) =>
    train(
      (event) => (steps += event.type === "step" ? 1 : 0),
      join(folder, `run-${i}`),
      1_000_000,
      stop.signal,
    ),
  );
  await sleep(1500);
  /** @type {number[]} */
  const took = [];
  const end = performance.now() + 1000 * Number(values.seconds);
  while (performance.now() < end) {
    const start = performance.now();
    await readFile(file);
    took.push(performance.now() - start);
    await sleep(5);
  }
  stop.abort();
  await Promise.all(runs);
  rmSync(folder, { recursive: true });
  return {
    sessions,
    steps,
    reads: took.length,
    medianMs: round(quantile(took, 0.5)),
    p99Ms: round(quantile(took, 0.99)),
    maxMs: round(Math.max(...took)),
  };
}

const machine = {
  cpu: cpus()[0]?.model,
  cores: cpus().length,
  load: loadavg()[0],
  node: process.versions.node,
};
const commit = readFileSync(
  fileURLToPath(new URL("../packages/trainer/package.json", import.meta.url)),
  "utf8",
);
const result = {
  ...machine,
  version: JSON.parse(commit).version,
  eventLoopDelayAloneMs: await machineDelayMs(),
  overhead: await steps(false),
  memory: await steps(true),
  readFile: { wantedMs: 20, alone: await reading(0), training: await reading(Number(values.sessions)) },
};
console.log(JSON.stringify(result, null, 2));
