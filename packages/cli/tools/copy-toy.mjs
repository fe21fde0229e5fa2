// npm pack: the toy checkpoint and its songs go into the package; in git they stand once, in tools/reference/toy.
import { cpSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../../../tools/reference/toy/", import.meta.url));
const target = fileURLToPath(new URL("../toy/", import.meta.url));
rmSync(target, { recursive: true, force: true });
for (const folder of ["checkpoints", "adapt"]) cpSync(source + folder, target + folder, { recursive: true });
