import { Command } from "commander";
import type { Context } from "../command.js";
import { checkCommand } from "./adapter/check.js";
import { extractCommand } from "./adapter/extract.js";
import { inspectCommand } from "./adapter/inspect.js";
import { mergeCommand } from "./adapter/merge.js";
import { resizeCommand } from "./adapter/resize.js";

export function adapterCommand(context: Context): Command {
  return new Command("adapter")
    .description("look at adapters, merge and resize them, make one from two models")
    .addCommand(inspectCommand(context))
    .addCommand(checkCommand(context))
    .addCommand(mergeCommand(context))
    .addCommand(resizeCommand(context))
    .addCommand(extractCommand(context));
}
