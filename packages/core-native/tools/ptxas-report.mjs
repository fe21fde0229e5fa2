// Compiles every CUDA file for all released architectures and writes what each kernel takes: registers, spills, shared
// memory, barriers. Needs nvcc and no GPU.
//   node packages/core-native/tools/ptxas-report.mjs [--jobs N]
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { kernelsIn, table } from "./ptxas/output.mjs";
import { architectures, kernelFiles, reportFolder, sourceFolder, sourceHashes } from "./ptxas/sources.mjs";

const { values: options } = parseArgs({
  options: { jobs: { type: "string", default: String(availableParallelism()) } },
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
const flags = ["--fatbin", "-O3", "-DNDEBUG", "-std=c++17", "-DACE_WITH_CUDA=1", "-I.", "-Xptxas", "-v"];
for (const sm of architectures) flags.push("-gencode", `arch=compute_${sm},code=sm_${sm}`);

const hashes = sourceHashes(); // before compiling: a file that is edited meanwhile makes the report stale
const version = /release \S+ (V\S+)/.exec(await ask(["--version"]))?.[1] ?? "of an unknown version";
const folder = mkdtempSync(join(tmpdir(), "acewright-ptxas-"));
/** @type {import("./ptxas/output.mjs").Kernel[]} */
const kernels = [];
const waiting = kernelFiles();
async function worker() {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const started = performance.now();
    const found = kernelsIn(
      await ask([...flags, file, "-o", join(folder, `${basename(file)}.fatbin`)]),
      basename(file),
    );
    kernels.push(...found);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${file}: ${found.length / architectures.length} kernels, ${seconds} s`);
  }
}
try {
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
} finally {
  rmSync(folder, { recursive: true });
}
mkdirSync(reportFolder, { recursive: true });
for (const sm of architectures) {
  const own = kernels.filter(({ architecture }) => architecture === sm);
  writeFileSync(join(reportFolder, `sm_${sm}.txt`), table(own, `nvcc ${version}, sm_${sm}`));
  for (const { name, spillStores, spillLoads, stack } of own)
    if (spillStores + spillLoads + stack > 0)
      console.log(`sm_${sm}: ${name} spills ${spillStores} bytes out, ${spillLoads} in; stack ${stack}`);
}
writeFileSync(join(reportFolder, "sources.sha256"), hashes);
