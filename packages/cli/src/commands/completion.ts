import { Argument } from "commander";
import type { Command } from "commander";
import { leafCommand, outputOf } from "../command.js";
import type { Context } from "../command.js";
import { completionScript, shells } from "../completion/scripts.js";
import type { Shell } from "../completion/scripts.js";
import { completionTree } from "../completion/tree.js";

/** @param program the whole command tree; read when the command runs, so that it is complete. */
export function completionCommand(context: Context, program: Command): Command {
  return leafCommand({
    name: "completion",
    summary: "print a script that lets a shell complete commands and flags",
    examples: ["completion bash", "completion zsh", "completion fish"],
    notes: `To switch it on:
  bash  eval "$(acewright completion bash)"         in ~/.bashrc
  zsh   eval "$(acewright completion zsh)"          in ~/.zshrc, after compinit
  fish  acewright completion fish | source          in ~/.config/fish/config.fish`,
  })
    .addArgument(new Argument("<shell>", "whose script").choices(shells))
    .action((shell: Shell, _options: object, command: Command) => {
      const script = completionScript(shell, completionTree(program));
      outputOf(command, context).result({ shell, script }, () => script.trimEnd());
    });
}
