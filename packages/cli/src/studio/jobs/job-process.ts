/**
 * The process of one job: a command line like any other, that writes down how it ended. Whoever started it may be gone by then.
 *
 * `node job-process.js ENDED WORDS...`
 */
import { renameSync, writeFileSync } from "node:fs";
import { runFromShell } from "../../shell.js";
import { progressVariable } from "../../terminal.js";

const [node = "", script = "", ended = "", ...words] = process.argv;
process.argv = [node, script, ...words];
process.on("exit", (code) => {
  const made = `${ended}.tmp`;
  writeFileSync(made, JSON.stringify({ code, endedAt: new Date().toISOString() }));
  renameSync(made, ended);
});
process.env[progressVariable] = "1";
await runFromShell();
