import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * @typedef {object} Outcome
 * @property {number} code exit code; 128 + n when a signal ended it
 * @property {string} stdout empty where the output went straight to the terminal
 * @property {string} stderr
 */

/**
 * Runs a program in the repository's root and waits for it.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, capture?: "none" | "stdout" | "both", cwd?: string }} [options]
 *   `stdout` collects stdout and lets stderr through; `both` collects both.
 * @returns {Promise<Outcome>}
 */
export function run(command, args, options = {}) {
  const capture = options.capture ?? "none";
  const child = spawn(command, args, {
    cwd: options.cwd ?? root,
    // On Windows npm is a script, which only a shell starts; its words here are our own.
    shell: process.platform === "win32" && command === "npm",
    env: { ...process.env, ...options.env },
    stdio: ["inherit", capture === "none" ? "inherit" : "pipe", capture === "both" ? "pipe" : "inherit"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (/** @type {string} */ text) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (/** @type {string} */ text) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({ code: code ?? 128 + (signal === "SIGINT" ? 2 : 1), stdout, stderr });
    });
  });
}

/**
 * Ends the process with one line on stderr.
 *
 * @param {string} message
 * @param {number} [code]
 * @returns {never}
 */
export function fail(message, code = 1) {
  console.error(message);
  process.exit(code);
}
