import { resolve } from "node:path";
import { AceError } from "@acewright/core-native";
import { Option } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { takesSetting } from "../settings/apply.js";
import type { Diagnosis } from "../doctor/diagnosis.js";
import { diskDiagnosis, ffmpegDiagnosis, memoryDiagnosis, nodeDiagnosis } from "../doctor/machine.js";
import { modelDiagnoses } from "../doctor/models.js";
import { nativeDiagnoses } from "../doctor/native.js";

export function doctorCommand(context: Context): Command {
  const command = leafCommand({
    name: "doctor",
    summary: "look at this machine: what works, what is missing, how to mend it",
    examples: ["doctor", "doctor --model checkpoints --json"],
  }).addOption(
    takesSetting(
      new Option(
        "-m, --model <dir>",
        "also check a folder of checkpoints; default: the setting models, else checkpoints",
      ),
      "models",
    ),
  );
  return command.action(async (options: { model?: string }) => {
    const output = outputOf(command, context);
    const found: Diagnosis[] = [
      nodeDiagnosis(),
      ...(await nativeDiagnoses()),
      await ffmpegDiagnosis(),
      memoryDiagnosis(),
      await diskDiagnosis(process.cwd()),
      ...modelDiagnoses(resolve(options.model ?? "checkpoints"), options.model !== undefined),
    ];
    const problems = found.filter(({ state }) => state === "problem");
    const paint = { ok: output.colors.green, note: output.colors.yellow, problem: output.colors.red };
    output.result({ ok: problems.length === 0, found }, () =>
      found
        .map(({ name, state, detail, mend }) => {
          const line = `${paint[state](state.padEnd(7))}  ${name.padEnd(13)}  ${detail}`;
          return mend === undefined ? line : `${line}\n${" ".repeat(9)}${" ".repeat(15)}to mend: ${mend}`;
        })
        .join("\n"),
    );
    if (problems.length > 0) {
      throw new AceError("ERR_DEVICE", `not ready: ${problems.map(({ name }) => name).join(", ")}`);
    }
  });
}
