// npm run bench -- [--json] [--rounds N]: our speed and memory beside the PyTorch reference, on this machine.
// Both sides load the same weights and the same batch, so loss and gradient norm must agree; they take turns.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Contestant, takeTurns } from "./bench/contestant.mjs";
import { root, run } from "./child.mjs";
import { nativeProgram } from "./native-programs.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    rounds: { type: "string", default: "7" },
    layers: { type: "string", default: "2" },
    seconds: { type: "string", default: "60" },
    "vae-seconds": { type: "string", default: "4" },
  },
});
const python = "/usr/bin/python3";
const threads = "2";
const rounds = Number(options.rounds);
const reference = join(root, "tools/bench/reference_worker.py");
const stepWorker = join(root, "tools/bench/step-worker.mjs");
const vaeWorker = join(root, "tools/bench/vae-worker.mjs");

/** @param {string} text */
const say = (text) => {
  process.stderr.write(`${text}\n`);
};

/**
 * @param {readonly string[]} args
 * @param {Record<string, string>} [env]
 */
async function askReference(args, env = {}) {
  const { code, stdout } = await run(python, [reference, ...args, "--threads", threads], {
    capture: "stdout",
    env,
  });
  if (code !== 0) throw new Error(`reference_worker.py ${args[0] ?? ""} ended with exit code ${code}`);
  return stdout;
}

/** @returns {Promise<string | undefined>} why there is nothing to compare with */
async function referenceMissing() {
  try {
    const { code } = await run(python, ["-c", "import torch"], { capture: "both" });
    return code === 0
      ? undefined
      : `${python} cannot import torch: apt-get install -y python3-torch libopenblas0-pthread`;
  } catch {
    return `${python} is missing: apt-get install -y python3-torch libopenblas0-pthread`;
  }
}

/** OpenBLAS guesses its kernels from the CPU's name and is often wrong; the fastest for this machine is measured. */
async function bestCoreType() {
  const rates = [];
  for (const coreType of ["", "Haswell", "SkylakeX", "Cooperlake", "Zen"]) {
    const env = coreType === "" ? {} : { OPENBLAS_CORETYPE: coreType };
    const answer = /** @type {{ gflops: number, torch: string }} */ (
      JSON.parse(await askReference(["rate"], env))
    );
    rates.push({ coreType, env, ...answer });
  }
  return rates.reduce((best, rate) => (rate.gflops > best.gflops ? rate : best));
}

/**
 * @typedef {object} GemmReport
 * @property {string} isa
 * @property {{ name: string, best: number, ratio_best?: number }[]} shapes GFLOP/s
 */

/**
 * Our matrix products, beside oneDNN's where the programs were built with it.
 *
 * @param {string} filter part of the shapes' names
 * @param {number} runs
 */
async function gemmReport(filter, runs) {
  const args = ["gemm", "--threads", threads, "--filter", filter, "--runs", String(runs)];
  const { code, stdout } = await run(nativeProgram("core_bench"), args, { capture: "stdout" });
  if (code !== 0) throw new Error(`core_bench gemm ended with exit code ${code}`);
  return /** @type {GemmReport} */ (JSON.parse(stdout));
}

/** The products a training step consists of. */
async function gemmFigures() {
  const [linear, mlp] = [await gemmReport("linear", rounds), await gemmReport("mlp", rounds)];
  const shapes = [...linear.shapes, ...mlp.shapes];
  const ratios = shapes.flatMap(({ ratio_best: ratio }) => (ratio === undefined ? [] : [ratio]));
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return {
    ratio: ratios.length === 0 ? null : mean,
    worstRatio: ratios.length === 0 ? null : Math.min(...ratios),
    isa: linear.isa,
    ...(ratios.length === 0
      ? { missing: "built without oneDNN: apt-get install -y libdnnl-dev, then npm run setup" }
      : {}),
    shapes,
  };
}

/** The rate of one product, measured between the steps it is compared with. */
class GemmContestant {
  gflops = 0;

  async ready() {
    // A process for each run.
  }

  async run() {
    const { shapes } = await gemmReport("linear 2048x2048, x W^T", 1);
    this.gflops = Math.max(this.gflops, ...shapes.map(({ best }) => best));
  }

  async close() {
    // Nothing stays open.
  }
}

/** @param {Contestant} contestant */
function figures({ name, runs, best, peakBytes, baseBytes }) {
  const times = runs.map(({ ms }) => ms).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  const { loss, gradNorm } = runs[0] ?? {};
  return {
    name,
    minMs: best.ms,
    medianMs: median,
    peakBytes,
    baseBytes,
    firstLoss: loss,
    firstGradNorm: gradNorm,
  };
}

/**
 * @param {string} folder
 * @param {Record<string, string>} env
 */
async function cpuStep(folder, env) {
  await askReference(["make", folder, "--layers", options.layers, "--seconds", options.seconds]);
  const [torch, lora, lokr] = [
    new Contestant("PyTorch, LoRA", python, [reference, "step", folder, "--threads", threads], env),
    new Contestant("Acewright, LoRA", process.execPath, [stepWorker, folder, "--threads", threads]),
    new Contestant("Acewright, LoKr", process.execPath, [
      stepWorker,
      folder,
      "--adapter",
      "lokr",
      "--threads",
      threads,
    ]),
  ];
  const gemm = new GemmContestant();
  await takeTurns([torch, lora, lokr, gemm], rounds);
  const flops = lora.best.flops ?? 0;
  return {
    ratio: torch.best.ms / lora.best.ms,
    memoryRatio: lora.peakBytes / torch.peakBytes,
    lokrOverLora: lokr.best.ms / lora.best.ms,
    gemmShare: flops / (lora.best.ms * 1e6) / gemm.gflops,
    gflopsOfGemm: gemm.gflops,
    gflopsOfStep: flops / (lora.best.ms * 1e6),
    layers: Number(options.layers),
    seconds: Number(options.seconds),
    conditionTokens: 769,
    contestants: [torch, lora, lokr].map(figures),
  };
}

/**
 * @param {string} folder
 * @param {Record<string, string>} env
 */
async function vaeEncode(folder, env) {
  await askReference(["make-vae", folder, "--seconds", options["vae-seconds"]]);
  const torch = new Contestant("PyTorch", python, [reference, "vae", folder, "--threads", threads], env);
  const ours = new Contestant("Acewright", process.execPath, [vaeWorker, folder, "--threads", threads]);
  await takeTurns([torch, ours], rounds);
  const drift = Math.abs((ours.best.meanNorm ?? 0) / (torch.best.meanNorm ?? 1) - 1);
  return {
    ratio: torch.best.ms / ours.best.ms,
    seconds: Number(options["vae-seconds"]),
    meanNormDrift: drift,
    contestants: [torch, ours].map(figures),
  };
}

function machine() {
  const model = cpus()[0]?.model ?? "unknown";
  const memory = /MemTotal:\s+(\d+)/.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return {
    cpu: model.trim(),
    cores: cpus().length,
    memoryKiB: Number(memory),
    node: process.versions.node,
    threads: 2,
  };
}

const folder = mkdtempSync(join(tmpdir(), "acewright-bench-"));
try {
  const { stdout } = await run("git", ["rev-parse", "--short", "HEAD"], { capture: "both" });
  say("matrix products ...");
  const gemm = await gemmFigures();
  /** @type {Record<string, unknown>} */
  const report = { machine: machine(), commit: stdout.trim(), gemm };
  const missing = await referenceMissing();
  if (missing !== undefined) {
    report["missing"] = missing;
    say(`nothing to compare with: ${missing}`);
  } else {
    const { coreType, env, gflops, torch } = await bestCoreType();
    report["reference"] = { torch, openblasCoreType: coreType || "its own choice", gflops };
    say(
      `training step, ${rounds} rounds (torch ${torch}, OPENBLAS_CORETYPE=${coreType}, ${gflops.toFixed(0)} GFLOP/s) ...`,
    );
    report["cpuStep"] = await cpuStep(folder, env);
    say("autoencoder ...");
    report["vaeEncode"] = await vaeEncode(folder, env);
  }
  console.log(JSON.stringify(report, null, options.json ? undefined : 2));
} finally {
  rmSync(folder, { recursive: true });
}
