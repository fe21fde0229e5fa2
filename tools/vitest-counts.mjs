import { writeFileSync } from "node:fs";

/** @typedef {{ name: string, reason: string }} Remark */
/** @typedef {{ passed: number, failed: Remark[], skipped: Remark[] }} Counts */

/** A vitest reporter that writes what a summary over several runners needs: counts, and why a test was skipped. */
export default class CountsReporter {
  /** @param {{ outputFile: string }} options */
  constructor(options) {
    this.outputFile = options.outputFile;
  }

  /**
   * @param {readonly import("vitest/node").TestModule[]} modules
   * @param {readonly { message?: string }[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    /** @type {Counts} */
    const counts = { passed: 0, failed: [], skipped: [] };
    for (const error of unhandledErrors) {
      counts.failed.push({ name: "outside of any test", reason: error.message ?? "unknown error" });
    }
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      const moduleErrors = module.errors();
      if (moduleErrors.length > 0 || tests.length === 0) {
        const reason = moduleErrors[0]?.message ?? "the file holds no test";
        counts.failed.push({ name: module.relativeModuleId, reason });
      }
      for (const test of tests) {
        const name = `${module.relativeModuleId}: ${test.fullName}`;
        const result = test.result();
        if (result.state === "passed") counts.passed += 1;
        else if (result.state === "failed") {
          counts.failed.push({ name, reason: result.errors[0]?.message ?? "unknown error" });
        } else if (result.state === "skipped" && result.note !== undefined) {
          counts.skipped.push({ name, reason: result.note });
        } else {
          // Skipped in silence, or never started: neither may pass for a run that is green.
          counts.failed.push({ name, reason: 'did not run and gave no reason (use ctx.skip("reason"))' });
        }
      }
    }
    writeFileSync(this.outputFile, JSON.stringify(counts));
  }
}
