// Compiles every CUDA file for all released architectures and writes what each kernel takes: registers, spills, shared
// memory, barriers. Needs nvcc and no GPU. Files that are as they were keep their rows.
//   node packages/core-native/tools/ptxas-report.mjs [--jobs N] [--all]
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { kernelsIn, readTable, spills, table } from "./ptxas/output.mjs";
import {
  architectures,
  architecturesOf,
  deviceSources,
  kernelFiles,
  kernelFolder,
  reportFolder,
  sourceFolder,
  sourceHashes,
} from "./ptxas/sources.mjs";

const { values: options } = parseArgs({
  options: {
    jobs: { type: "string", default: String(availableParallelism()) },
    all: { type: "boolean", default: false },
  },
});
const installed = "/usr/local/cuda/bin/nvcc";
const nvcc = process.env["CUDACXX"] ?? (existsSync(installed) ? installed : "nvcc");

/**
 * @param {readonly string[]} args
 * @returns {Promise<string>} stdout and stderr together
 */
function ask(args) {
  const child = spawn(nvcc, args, { cwd: sourceFolder, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (/** @type {string} */ part) => (text += part));
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) done(text);
      else reject(new Error(`${nvcc} ${args.join(" ")} ended with exit code ${String(code)}:\n${text}`));
    });
  });
}

// The flags of the library's own build (CMakeLists.txt), all architectures in one call.
const defined = ["-DNDEBUG", "-DACE_WITH_CUDA=1", "-DACE_CUDA_HOPPER=1"];
const flags = ["--fatbin", "-O3", "-std=c++17", ...defined, "-I.", "-Xptxas", "-v"];
/** @param {string} file */
const targets = (file) =>
  architecturesOf(file).flatMap(({ name }) => ["-gencode", `arch=compute_${name},code=sm_${name}`]);

const version = /release \S+ (V\S+)/.exec(await ask(["--version"]))?.[1] ?? "of an unknown version";
const folder = mkdtempSync(join(tmpdir(), "acewright-ptxas-"));

/** @param {number} sm */
function keptTable(sm) {
  const path = join(reportFolder, `sm_${sm}.txt`);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/** @returns {Set<string>} CUDA files whose rows are still right */
function unchangedFiles() {
  const path = join(reportFolder, "sources.sha256");
  const current = architectures.every((sm) => keptTable(sm).startsWith(`# nvcc ${version},`));
  if (options.all || !current || !existsSync(path)) return new Set();
  const kept = new Set(readFileSync(path, "utf8").split("\n"));
  const same = (/** @type {string} */ file) =>
    sourceHashes([file])
      .split("\n")
      .every((line) => kept.has(line));
  return new Set(kernelFiles().filter((file) => deviceSources([file]).length === 0 || same(file)));
}

const unchanged = unchangedFiles();
const kernels = architectures.flatMap((sm) =>
  readTable(keptTable(sm), sm).filter(({ file }) => unchanged.has(`${kernelFolder}/${file}`)),
);
const done = [...unchanged];
const waiting = kernelFiles().filter((file) => !unchanged.has(file));
const hashes = sourceHashes(); // before compiling: a file that is edited meanwhile is compiled again next time

/** Writes what is known so far, so that a run that is cut off need not begin anew. */
function save() {
  mkdirSync(reportFolder, { recursive: true });
  for (const sm of architectures) {
    const own = kernels.filter(({ architecture }) => architecture === sm);
    writeFileSync(join(reportFolder, `sm_${sm}.txt`), table(own, `nvcc ${version}, sm_${sm}`));
  }
  const wanted = deviceSources(done);
  const lines = hashes.split("\n").filter((line) => wanted.includes(line.split("  ")[1] ?? ""));
  writeFileSync(join(reportFolder, "sources.sha256"), lines.map((line) => `${line}\n`).join(""));
}

async function worker() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const started = performance.now();
    const output = await ask([
      ...flags,
      ...targets(file),
      file,
      "-o",
      join(folder, `${basename(file)}.fatbin`),
    ]);
    const found = kernelsIn(output, file.slice(kernelFolder.length + 1));
    kernels.push(...found);
    done.push(file);
    save();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${file}: ${found.length / architecturesOf(file).length} kernels, ${seconds} s`);
  }
}
try {
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
} finally {
  rmSync(folder, { recursive: true });
}
save();
for (const kernel of kernels)
  if (spills(kernel) > 0)
    console.log(`sm_${kernel.architecture}: ${kernel.file}: ${kernel.name} leaves its registers`);
