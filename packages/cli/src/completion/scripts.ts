import type { CompletionNode } from "./tree.js";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The script of a shell. Names of commands and flags hold letters, digits and hyphens only: none needs quoting. */
export function completionScript(shell: Shell, tree: readonly CompletionNode[]): string {
  if (shell === "fish") return fish(tree);
  // zsh runs bash's completions; one script less to keep right.
  return shell === "zsh" ? `autoload -U +X bashcompinit && bashcompinit\n${bash(tree)}` : bash(tree);
}

function bash(tree: readonly CompletionNode[]): string {
  const words = ({ commands, choices, flags }: CompletionNode): string =>
    [...commands, ...choices, ...flags].join(" ");
  const cases = tree.map((node) => `    "${node.path}") words="${words(node)}" ;;`);
  const known = tree.filter(({ path }) => path !== "").map(({ path }) => `"${path}"`);
  return `_acewright() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" next words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${path:+$path }\${COMP_WORDS[i]}"
    case "$next" in
      ${known.join("|")}) path="$next" ;;
      *) break ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _acewright acewright
`;
}

function fish(tree: readonly CompletionNode[]): string {
  const lines = tree.flatMap(({ path, commands, choices, flags }) => {
    const when = `-n '__acewright_at "${path}"'`;
    return [
      ...(commands.length === 0 ? [] : [`complete -c acewright -f ${when} -a '${commands.join(" ")}'`]),
      ...(choices.length === 0 ? [] : [`complete -c acewright -f ${when} -a '${choices.join(" ")}'`]),
      ...flags.map((flag) => `complete -c acewright ${when} ${fishFlag(flag)}`),
    ];
  });
  const known = tree.filter(({ path }) => path !== "").map(({ path }) => `'${path}'`);
  return `function __acewright_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    set -l next (string trim "$at $word")
    contains -- "$next" ${known.join(" ")}; or break
    set at $next
  end
  test "$at" = "$argv[1]"
end
${lines.join("\n")}
`;
}

function fishFlag(flag: string): string {
  return flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
}
