// npm run golden -- DIR [--device cpu|cuda] [--json]: every case under a folder laid out like tools/reference/golden.
// The native core runs its cases itself (core_golden); the onnxruntime networks' cases come from @acewright/dataset.
import { existsSync, readdirSync, statSync } from "node:fs";
import { parseArgs } from "node:util";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { fail, run } from "./child.mjs";
import { nativeProgram } from "./native-programs.mjs";

/**
 * @typedef {object} GoldenCase
 * @property {string} name path of the case's file below the folder, without `.safetensors`
 * @property {boolean} passed
 * @property {boolean} [todo] not expected to pass yet
 * @property {Readonly<Record<string, number | null>>} errors by tensor; null: it had no use, which fails the case
 * @property {number} consumed tensors that were inputs
 * @property {number} compared tensors that were compared
 * @property {readonly string[]} [problems] why it failed
 */
/** @typedef {{ cases: GoldenCase[], worst: number }} GoldenReport */

/** @param {GoldenCase["errors"]} errors */
const numbers = (errors) => Object.values(errors).filter((error) => error !== null);

/** @param {readonly GoldenCase[]} cases */
function worstError(cases) {
  const counted = cases.filter(({ passed, todo }) => passed || todo !== true);
  return Math.max(0, ...counted.flatMap(({ errors }) => numbers(errors)));
}

/**
 * Files that no case speaks of: a case stands for a file of its name, for a model in a folder of its name, or, called
 * `case`, for everything beside it.
 *
 * @param {string} folder
 * @param {readonly GoldenCase[]} cases
 * @returns {GoldenCase[]}
 */
function uncovered(folder, cases) {
  const names = new Set(cases.map(({ name }) => name));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".safetensors"),
  );
  const lonely = files
    .map((path) => path.replaceAll("\\", "/").replace(/\.safetensors$/, ""))
    .filter((path) => {
      const inside = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
      return !names.has(path) && !names.has(inside) && !names.has(`${inside}/case`);
    });
  const problems = ["no case reads this file"];
  return lonely.map((name) => ({ name, passed: false, errors: {}, consumed: 0, compared: 0, problems }));
}

/**
 * @param {string} folder
 * @param {string} device
 * @returns {Promise<GoldenReport>}
 */
export async function goldenReport(folder, device) {
  const native = await run(nativeProgram("core_golden"), [folder, "--json", "--device", device], {
    capture: "stdout",
  });
  /** @type {GoldenReport} */
  let report;
  try {
    report = JSON.parse(native.stdout);
  } catch {
    throw new Error(`core_golden ended with exit code ${native.code} and no JSON object`);
  }
  const { runOnnxGoldenCases } = await import("@acewright/dataset");
  const cases = [...report.cases, ...(await runOnnxGoldenCases(folder))];
  cases.push(...uncovered(folder, cases));
  return { cases, worst: worstError(cases) };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { device: { type: "string", default: "cpu" }, json: { type: "boolean", default: false } },
  });
  const [dir] = positionals;
  if (dir === undefined) fail("golden: a folder is needed: npm run golden -- tools/reference/golden", 2);
  const folder = resolve(process.env["INIT_CWD"] ?? ".", dir);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) fail(`golden: ${folder} is not a folder`, 2);
  const report = await goldenReport(folder, values.device);
  if (values.json) console.log(JSON.stringify(report));
  else {
    for (const { name, passed, todo, errors, consumed, compared, problems = [] } of report.cases) {
      const verdict = passed ? "passed" : todo === true ? "todo  " : "FAILED";
      const worst = Math.max(0, ...numbers(errors)).toExponential(1);
      console.log(`${verdict}  ${name.padEnd(40)} worst ${worst}  ${consumed} inputs, ${compared} compared`);
      for (const problem of passed ? [] : problems) console.log(`        ${problem}`);
    }
    console.log(`worst error ${report.worst.toExponential(1)}`);
  }
  process.exitCode =
    report.cases.length > 0 && report.cases.every((c) => c.passed || c.todo === true) ? 0 : 1;
}
