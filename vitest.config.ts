import { tmpdir } from "node:os";
import { join } from "node:path";
import { configDefaults, defineConfig } from "vitest/config";

// Long matrices (*.full.test.ts) run under `npm run test:full`.
const full = process.env["ACEWRIGHT_TEST_FULL"] === "1";
// tools/test.mjs sums the counts of several runners and wants to know why a test was skipped.
const countsFile = process.env["ACEWRIGHT_TEST_COUNTS"];
const exclude = [...configDefaults.exclude, ...(full ? [] : ["**/*.full.test.ts"])];

/** Whoever runs the tests has settings of his own; the commands under test find none. */
const env = { XDG_CONFIG_HOME: join(tmpdir(), "acewright-tests-without-settings") };

/** One project a room. Forks, because a native addon that dies must not take the other tests along. */
const project = (name: string, root: string) => ({
  test: {
    env,
    name,
    root,
    include: ["test/**/*.test.ts"],
    exclude,
    pool: "forks" as const,
    testTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    reporters: [
      "default",
      ...(countsFile === undefined
        ? []
        : [["./tools/vitest-counts.mjs", { outputFile: countsFile }] as const]),
    ],
    // The machine is shared with native threads: two files at a time are as fast as more.
    maxWorkers: 2,
    projects: [
      project("core-native", "packages/core-native"),
      project("dataset", "packages/dataset"),
      project("trainer", "packages/trainer"),
      project("cli", "packages/cli"),
      project("tools", "tools"),
    ],
  },
});
