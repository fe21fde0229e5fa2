// Type-checks what no package build compiles: tests, tools, this repository's own scripts.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { root, run } from "./child.mjs";

const rooms = readdirSync(join(root, "packages")).flatMap((name) => [
  `packages/${name}/test`,
  `packages/${name}/tools`,
]);
let failures = 0;
for (const project of ["tools", ...rooms]) {
  if (!existsSync(join(root, project, "tsconfig.json"))) continue;
  const { code } = await run(process.execPath, [
    "node_modules/typescript/bin/tsc",
    "-p",
    project,
    "--noEmit",
  ]);
  if (code !== 0) failures += 1;
}
process.exitCode = failures === 0 ? 0 : 1;
