// npm pack: every package carries the licence and the notice; in git they stand once, in the root.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
for (const name of ["LICENSE", "NOTICE"]) copyFileSync(join(root, name), join(process.cwd(), name));
