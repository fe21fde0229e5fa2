// npm test: sets up, then every test there is. The last line is `N passed, N failed, N skipped`.
// --full adds the long matrices (*.full.test.ts; ACEWRIGHT_TEST_FULL=1 in the environment of all runners).
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { root, run } from "./child.mjs";
import { nativeProgram } from "./native-programs.mjs";
import { setUp } from "./setup.mjs";

/** @typedef {import("./vitest-counts.mjs").Counts} Counts */
/** @typedef {(text: string) => void} Say what a part prints, kept until it has ended */

const full = process.argv.includes("--full");
const env = full ? { ACEWRIGHT_TEST_FULL: "1" } : {};
// core_simt holds all tests of core_tests; the others have run there.
const emulated = ["--filter", ": CUDA", "--filter", ": SIMT"];
const bin = (/** @type {string} */ path) => join(root, "node_modules", path);

/** @returns {Counts} */
const none = () => ({ passed: 0, failed: [], skipped: [] });

/**
 * A check that only says yes or no counts as one test.
 *
 * @param {Say} said
 * @param {string} name
 * @param {string} script
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
async function check(said, name, script, args) {
  const { code, stdout, stderr } = await run(process.execPath, [script, ...args], { capture: "both" });
  said(stdout + stderr);
  return code === 0
    ? { ...none(), passed: 1 }
    : { ...none(), failed: [{ name, reason: `exit code ${code}` }] };
}

/**
 * @param {Say} said
 * @param {string} program of the native core, whose last line counts its tests
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
async function nativeTests(said, program, args = []) {
  const { code, stdout, stderr } = await run(nativeProgram(program), args, { capture: "both", env });
  said(stderr + stdout);
  const lines = stdout.trimEnd().split("\n");
  const last = lines.at(-1) ?? "";
  /** @type {{ passed: number, failed: number, skipped: number }} */
  const counts = JSON.parse(last);
  const reasons = lines.filter((line) => /^skip(ped)?\b/i.test(line));
  const remarks = (/** @type {number} */ n, /** @type {string} */ reason) =>
    Array.from({ length: n }, () => ({ name: program, reason }));
  const failed = remarks(counts.failed, `see the output of ${program} above`);
  if (code !== 0 && counts.failed === 0) failed.push({ name: program, reason: `exit code ${code}` });
  const skipped = remarks(counts.skipped, `see the output of ${program} above`);
  reasons.slice(0, skipped.length).forEach((reason, i) => (skipped[i] = { name: program, reason }));
  return { passed: counts.passed, failed, skipped };
}

/** @returns {Promise<Counts>} */
async function typescriptTests() {
  const folder = mkdtempSync(join(tmpdir(), "acewright-test-"));
  const file = join(folder, "counts.json");
  try {
    const { code } = await run(process.execPath, [bin("vitest/vitest.mjs"), "run"], {
      env: { ...env, ACEWRIGHT_TEST_COUNTS: file },
    });
    if (!existsSync(file)) throw new Error(`vitest ended with exit code ${code} before it counted anything`);
    /** @type {Counts} */
    const counts = JSON.parse(readFileSync(file, "utf8"));
    if (code !== 0 && counts.failed.length === 0)
      counts.failed.push({ name: "vitest", reason: `exit code ${code}` });
    return counts;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const golden = "tools/reference/golden";

/**
 * @param {string} title
 * @param {string} program
 * @param {readonly string[]} args
 * @returns {Promise<Counts>}
 */
async function goldenCases(title, program, args) {
  const { stdout } = await run(program, args, { capture: "stdout" });
  /** @type {import("./golden.mjs").GoldenReport} */
  const report = JSON.parse(stdout);
  const counts = none();
  for (const { name, passed, todo, problems = [] } of report.cases) {
    if (todo === true && !passed)
      counts.skipped.push({ name: `${title} ${name}`, reason: "later issue (todo)" });
    else if (passed) counts.passed += 1;
    else counts.failed.push({ name: `${title} ${name}`, reason: problems.join("; ") });
  }
  return counts;
}

// The whole model through the emulated kernels takes minutes: some of each kind here, all of them in the full run.
const emulatedGolden = /** @type {const} */ ({
  f32: ["tiny/decoder_odd", "tiny/loss", "tiny_xl/condition", "tiny/tokenizer", "tiny_xl/adapter_lokr_auto"],
  bf16: ["tiny_xl/decoder_odd", "tiny/sampler", "tiny/adapter_lora_attn_mlp", "tiny/adapter_dora"],
});

/**
 * @param {"f32" | "bf16"} dtype
 * @returns {Promise<Counts>}
 */
function emulatedGoldenCases(dtype) {
  const some = full ? [] : emulatedGolden[dtype].flatMap((name) => ["--filter", name]);
  const args = [golden, "--device", "cuda", "--dtype", dtype, "--json", ...some];
  return goldenCases(`golden on CUDA, ${dtype},`, nativeProgram("golden_simt"), args);
}

/** @typedef {readonly [name: string, run: (said: Say) => Promise<Counts>]} Part */

// Each of these keeps one core busy: as many at a time as there are cores, the longest first.
/** @type {readonly Part[]} */
const parts = [
  ["CUDA kernels in the emulator", (said) => nativeTests(said, "core_simt", emulated)],
  ["lint", (said) => check(said, "eslint", bin("eslint/bin/eslint.js"), ["."])],
  ["types of tests and tools", (said) => check(said, "tsc", "tools/check-types.mjs", [])],
  [
    "format",
    (said) =>
      check(said, "prettier", bin("prettier/bin/prettier.cjs"), ["--check", "--log-level", "warn", "."]),
  ],
  ["golden on emulated CUDA, bf16", () => emulatedGoldenCases("bf16")],
  ["golden on emulated CUDA, float32", () => emulatedGoldenCases("f32")],
  ["native core", (said) => nativeTests(said, "core_tests")],
  ["golden", () => goldenCases("golden", process.execPath, ["tools/golden.mjs", golden, "--json"])],
];

const total = none();

/** @param {Part} part */
async function take([name, part]) {
  let said = "";
  try {
    const counts = await part((text) => (said += text));
    if (counts.passed + counts.failed.length + counts.skipped.length === 0)
      throw new Error("produced no count");
    total.passed += counts.passed;
    total.failed.push(...counts.failed);
    total.skipped.push(...counts.skipped);
  } catch (error) {
    // A part that cannot say what it counted has failed; the others still run.
    total.failed.push({ name, reason: error instanceof Error ? error.message : String(error) });
  }
  process.stdout.write(said);
  console.log(`== ${name}: done`);
}

await setUp();
const waiting = [...parts];
const atATime = Math.min(availableParallelism(), 4); // what an emulated kernel or a linter takes of memory
console.log(`== ${parts.map(([name]) => name).join(", ")}: ${atATime} at a time`);
await Promise.all(
  Array.from({ length: atATime }, async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) await take(part);
  }),
);
// Shares the cores out among its own workers, and shows how far it is.
console.log("== TypeScript");
await take(["TypeScript", typescriptTests]);
console.log("");
for (const { name, reason } of total.skipped) console.log(`skipped: ${name}: ${reason}`);
for (const { name, reason } of total.failed)
  console.log(`failed: ${name}: ${reason.split("\n", 1)[0] ?? ""}`);
process.exitCode = total.failed.length === 0 ? 0 : 1;
console.log(`${total.passed} passed, ${total.failed.length} failed, ${total.skipped.length} skipped`);
