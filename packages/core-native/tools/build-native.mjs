// Builds the addon and the stand-alone programs with cmake-js (which needs no download: headers come from
// node-api-headers) and says how many CUDA files were compiled. CMake and Ninja make it incremental.
//
//   node tools/build-native.mjs            for work here: build/, CUDA for one architecture
//   node tools/build-native.mjs --release  for a package: build/release/, the addon alone, CUDA for every one that is served
//
// ACEWRIGHT_CUDA_ARCHITECTURES="80;90" names others.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const isRelease = process.argv.includes("--release");
const buildFolder = join(packageFolder, "build", ...(isRelease ? ["release"] : []));
const served = "80;86;89;90;120";
const cacheFile = join(buildFolder, "CMakeCache.txt");
const cmakeJs = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");

/** @returns {string | undefined} path of the CUDA compiler */
function findNvcc() {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/local/cuda/bin"];
  const named = process.env["CUDACXX"];
  const candidates = [
    ...(named === undefined ? [] : [named]),
    ...folders.map((folder) => join(folder, process.platform === "win32" ? "nvcc.exe" : "nvcc")),
  ];
  // A path that exists and cannot run (another machine's link) is no compiler.
  return candidates.find((path) => existsSync(path) && spawnSync(path, ["--version"]).status === 0);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<void>}
 */
function run(command, args, env) {
  const child = spawn(command, args, {
    cwd: packageFolder,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) done();
      else reject(new Error(`${command} ${args.join(" ")} ended with exit code ${String(code)}`));
    });
  });
}

/** CMake remembers that there was no CUDA compiler; forget that when there is one now. */
function forgetMissingCuda() {
  if (!existsSync(cacheFile)) return;
  if (!/^CMAKE_CUDA_COMPILER:[A-Z]+=.*NOTFOUND$/m.test(readFileSync(cacheFile, "utf8"))) return;
  rmSync(cacheFile);
  rmSync(join(buildFolder, "CMakeFiles"), { recursive: true, force: true });
}

/** @returns {number} CUDA sources whose object file, made by nvcc and not for the emulator, exists in the build tree */
function countCudaObjects() {
  const commands = /** @type {{ file: string, command: string }[]} */ (
    JSON.parse(readFileSync(join(buildFolder, "compile_commands.json"), "utf8"))
  );
  const compiled = commands.filter(({ file, command }) => {
    const object = / -o (\S+)/.exec(command)?.[1]; // a field of its own only from CMake 3.26 on
    const byNvcc = file.endsWith(".cu") && !command.includes("-DACE_SIMT=1");
    return byNvcc && object !== undefined && existsSync(resolve(buildFolder, object));
  });
  return new Set(compiled.map(({ file }) => file)).size;
}

/**
 * Two builds in one folder would spoil each other: waits until no other process builds, then takes the folder.
 *
 * @returns {Promise<() => void>} gives it back
 */
async function takeBuildFolder() {
  const lock = join(buildFolder, "build.lock");
  mkdirSync(buildFolder, { recursive: true });
  for (let told = false; ; told = true) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return () => {
        rmSync(lock, { force: true });
      };
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = Number(readFileSync(lock, "utf8"));
    if (!isAlive(owner)) rmSync(lock, { force: true });
    else {
      if (!told) console.log(`build-native: waiting for the build of process ${owner}`);
      await sleep(500);
    }
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

const giveBack = await takeBuildFolder();
const nvcc = findNvcc();
/** @type {Record<string, string>} */
const env = nvcc === undefined ? {} : { CUDACXX: nvcc };
if (nvcc !== undefined) forgetMissingCuda();
const jobs = String(availableParallelism());
try {
  const architectures = process.env["ACEWRIGHT_CUDA_ARCHITECTURES"] ?? (isRelease ? served : undefined);
  const configure = ["configure", "--log-level", "warn", "-G", "Ninja", "-O", buildFolder];
  configure.push(`--CDACE_PROGRAMS=${isRelease ? "OFF" : "ON"}`, "--CDCMAKE_EXPORT_COMPILE_COMMANDS=ON");
  if (architectures !== undefined) configure.push(`--CDACE_CUDA_ARCHITECTURES=${architectures}`);
  await run(process.execPath, [cmakeJs, ...configure], env);
  const target = isRelease ? ["--target", "acewright_core"] : [];
  await run("cmake", ["--build", buildFolder, "--parallel", jobs, ...target], env);
} catch (error) {
  giveBack();
  console.error(`build-native: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
giveBack();

const cudaFiles = countCudaObjects();
if (cudaFiles > 0) console.log(`CUDA: compiled ${cudaFiles} files`);
else
  console.log(
    `CUDA: NOT COMPILED (${nvcc === undefined ? "no nvcc on this machine" : `although ${nvcc} is here`})`,
  );
if (nvcc !== undefined && cudaFiles === 0) process.exit(1);
