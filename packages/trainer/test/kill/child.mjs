// The process the kill test kills: trains into argv[2] and says on stdout where it stands.
// Vite loads the TypeScript sources, so that what runs is what is tested.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const { module } = await runnerImport(fileURLToPath(new URL("./kill-child.ts", import.meta.url)), {
  root: fileURLToPath(new URL("../..", import.meta.url)),
  logLevel: "error",
});
await module.trainUntilKilled(process.argv[2], JSON.parse(process.argv[3]));
