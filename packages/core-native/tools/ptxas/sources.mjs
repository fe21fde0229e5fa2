// Which files decide what ptxas makes of the kernels, and a hash of each that comments do not change.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder that `#include "..."` of the core is relative to. */
export const sourceFolder = fileURLToPath(new URL("../../src/", import.meta.url));
/** Where the tables and the hashes are kept. */
export const reportFolder = fileURLToPath(new URL("../../../../bench/ptxas/", import.meta.url));
export const architectures = /** @type {const} */ ([80, 86, 89, 90, 120]);

export const kernelFolder = "ops/cuda";

/**
 * What a file is compiled for.
 *
 * @param {string} file relative to the source folder
 * @returns {readonly { architecture: number, name: string }[]} the number, and what the compiler calls it
 */
export function architecturesOf(file) {
  // Instructions that compute capability 9.0 alone has, under a name of their own.
  if (file.includes("/hopper/")) return [{ architecture: 90, name: "90a" }];
  return architectures.map((architecture) => ({ architecture, name: String(architecture) }));
}
// Host code that kernel files include: it changes often and no kernel with it.
const hostOnly = new Set([
  "autograd/program.h",
  "tensor/tensor.h",
  "tensor/error.h",
  "ops/kernels.h",
  "ops/kernels.inc",
]);
const deviceCode = /__global__|__device__|_HOST_DEVICE|ACE_ALWAYS_INLINE|constexpr int/;

/** @returns {string[]} the CUDA files, relative to the source folder */
export function kernelFiles() {
  return readdirSync(join(sourceFolder, kernelFolder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".cu"))
    .map((name) => `${kernelFolder}/${name}`)
    .sort();
}

/** @param {string} path */
const read = (path) => readFileSync(join(sourceFolder, path), "utf8");

/**
 * @param {readonly string[]} [files]
 * @returns {string[]} the CUDA files and every header that their device code may come from
 */
export function deviceSources(files = kernelFiles()) {
  const found = new Set(files);
  for (const path of found) {
    for (const [, included] of read(path).matchAll(/^#include "([^"]+)"/gm)) {
      if (included === undefined || hostOnly.has(included)) continue;
      // The emulator's headers (simt/...) lie elsewhere and are no part of what nvcc sees.
      if (existsSync(join(sourceFolder, included))) found.add(included);
    }
  }
  return [...found].filter((path) => deviceCode.test(read(path))).sort();
}

/** @param {string} text */
const hash = (text) =>
  createHash("sha256")
    .update(text.replace(/\/\/.*$/gm, "").replace(/\s+/g, " "))
    .digest("hex");

/**
 * @param {readonly string[]} [files]
 * @returns {string} one line a file of deviceSources(files): its hash and its path
 */
export function sourceHashes(files = kernelFiles()) {
  return deviceSources(files)
    .map((path) => `${hash(read(path))}  ${path}\n`)
    .join("");
}
