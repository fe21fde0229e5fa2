import { configDefaults, defineConfig } from "vitest/config";

// Long matrices (*.full.test.ts) run under `npm run test:full`.
const full = process.env["ACEWRIGHT_TEST_FULL"] === "1";
const exclude = [...configDefaults.exclude, ...(full ? [] : ["**/*.full.test.ts"])];

/** One project a room. Forks, because a native addon that dies must not take the other tests along. */
const project = (name: string, root: string) => ({
  test: { name, root, include: ["test/**/*.test.ts"], exclude, pool: "forks" as const, testTimeout: 60_000 },
});

export default defineConfig({
  test: {
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
