import { redoChange, undoChange } from "@acewright/dataset";
import type { Command } from "commander";
import { leafCommand, outputOf, type Context } from "../../command.js";

/** `dataset undo`: the file as it was before its last change. */
export function undoCommand(context: Context): Command {
  const command = leafCommand({
    name: "undo",
    summary: "put back what a dataset held before its last change",
    examples: ["dataset undo dataset.json", "dataset undo dataset.json --redo"],
    notes:
      "The last five contents are kept beside the file as .bak, .bak.2 and so on; what an undo takes away as .undone.",
  })
    .argument("<file>", "dataset.json")
    .option("--redo", "take the last undo back");
  return command.action((file: string, { redo = false }: { redo?: boolean }) => {
    const output = outputOf(command, context);
    if (redo) {
      output.result({ path: redoChange(file) }, () => `the undo of ${file} is taken back`);
      return;
    }
    const undone = undoChange(file);
    output.result(
      undone,
      () => `${file} is as it was before its last change; ${undone.left} more can be undone`,
    );
  });
}
