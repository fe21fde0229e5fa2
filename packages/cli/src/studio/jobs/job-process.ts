/**
 * The process of one job: a command line like any other, that writes down how it ended. Whoever started it may be gone by then.
 *
 * `node job-process.js FOLDER WORDS...`
 */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { runFromShell } from "../../shell.js";
import { progressVariable } from "../../terminal.js";
import { jobFiles } from "./job-record.js";

const [node = "", script = "", folder = "", ...words] = process.argv;
const { ended, stop } = jobFiles(folder);
process.argv = [node, script, ...words];
process.on("exit", (code) => {
  const made = `${ended}.tmp`;
  writeFileSync(made, JSON.stringify({ code, endedAt: new Date().toISOString() }));
  renameSync(made, ended);
});
// A file instead of a signal: on Windows a signal is the end, and nothing would be saved.
setInterval(() => {
  if (!existsSync(stop)) return;
  rmSync(stop, { force: true });
  process.emit("SIGINT");
}, 200).unref();
process.env[progressVariable] = "1";
await runFromShell();
