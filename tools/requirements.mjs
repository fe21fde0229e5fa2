import { run } from "./child.mjs";

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string | undefined>} what it printed, undefined where it is absent or failed
 */
async function output(command, args) {
  try {
    const { code, stdout } = await run(command, args, { capture: "both" });
    return code === 0 ? stdout : undefined;
  } catch {
    return undefined; // not on PATH
  }
}

/**
 * @param {string} text
 * @returns {readonly [number, number] | undefined} major and minor of the first version in the text
 */
export function parseVersion(text) {
  const match = /(\d+)\.(\d+)/.exec(text);
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}

/**
 * @param {readonly [number, number]} have
 * @param {readonly [number, number]} need
 */
export const atLeast = (have, need) => have[0] > need[0] || (have[0] === need[0] && have[1] >= need[1]);

const isRoot = process.getuid?.() === 0;

/** @param {string} packages */
const apt = (packages) => `${isRoot ? "" : "sudo "}apt-get install -y ${packages}`;

/** @returns {string | undefined} */
function nodeMissing() {
  const have = parseVersion(process.versions.node);
  if (have !== undefined && atLeast(have, [20, 19])) return undefined;
  return `Node 20.19 or newer is needed, this is ${process.versions.node}: ${apt("nodejs npm")}, or https://nodejs.org`;
}

/** @returns {Promise<string | undefined>} */
async function compilerMissing() {
  if (process.platform === "win32") {
    if ((await output("cl", ["/?"])) !== undefined) return undefined;
    return "Visual Studio's C++ compiler is needed and cl is not on PATH: install the C++ workload of Visual Studio 2022, then work in its x64 Native Tools prompt";
  }
  const named = process.env["CXX"];
  const candidates = named === undefined ? ["c++", "g++", "clang++"] : [named];
  for (const compiler of candidates) {
    // gcc 10 and clang 10 know -std=c++20; <span> tells a library that has it.
    const found = await output(compiler, [
      "-std=c++20",
      "-fsyntax-only",
      "-x",
      "c++",
      "-include",
      "span",
      "/dev/null",
    ]);
    if (found !== undefined) return undefined;
  }
  return `A C++20 compiler is needed (tried ${candidates.join(", ")}): ${apt("g++")}`;
}

/** @returns {Promise<string | undefined>} */
async function cmakeMissing() {
  const text = await output("cmake", ["--version"]);
  const have = text === undefined ? undefined : parseVersion(text);
  if (have !== undefined && atLeast(have, [3, 22])) return undefined;
  const came = have === undefined ? "none was found" : `found ${have.join(".")}`;
  return `CMake 3.22 or newer is needed, ${came}: ${apt("cmake")}`;
}

/** @returns {Promise<string | undefined>} */
async function ninjaMissing() {
  return (await output("ninja", ["--version"])) === undefined
    ? `Ninja is needed: ${apt("ninja-build")}`
    : undefined;
}

/**
 * What the build needs and this machine lacks, one line each with the command that mends it.
 *
 * @returns {Promise<string[]>}
 */
export async function missingRequirements() {
  const answers = [nodeMissing(), await compilerMissing(), await cmakeMissing(), await ninjaMissing()];
  return answers.filter((line) => line !== undefined);
}
