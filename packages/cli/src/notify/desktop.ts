import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { AceError } from "@acewright/core-native";

const execute = promisify(execFile);

/** The program that shows a notice on this system, with its words; texts are given as arguments, never as code. */
export function desktopCommand(
  platform: NodeJS.Platform,
  title: string,
  text: string,
):
  | { readonly program: string; readonly args: readonly string[]; readonly env?: Record<string, string> }
  | undefined {
  switch (platform) {
    case "darwin":
      return {
        program: "osascript",
        args: [
          "-e",
          "on run argv",
          "-e",
          "display notification (item 2 of argv) with title (item 1 of argv)",
          "-e",
          "end run",
          title,
          text,
        ],
      };
    case "win32":
      return {
        program: "powershell",
        args: [
          "-NoProfile",
          "-Command",
          "(New-Object -ComObject WScript.Shell).Popup($env:ACEWRIGHT_NOTICE, 10, $env:ACEWRIGHT_TITLE, 64) | Out-Null",
        ],
        env: { ACEWRIGHT_TITLE: title, ACEWRIGHT_NOTICE: text },
      };
    case "linux":
    case "freebsd":
    case "openbsd":
    case "netbsd":
      return { program: "notify-send", args: ["--app-name=acewright", "--", title, text] };
    case "aix":
    case "android":
    case "haiku":
    case "sunos":
    case "cygwin":
      return undefined;
  }
}

/**
 * Shows a notice on the desktop.
 *
 * @throws {AceError} ERR_SERVICE where this system has no way to, or the program fails.
 */
export async function showNotice(title: string, text: string): Promise<void> {
  const command = desktopCommand(process.platform, title, text);
  if (command === undefined)
    throw new AceError("ERR_SERVICE", `no way is known to show a notice on ${process.platform}`);
  const { program, args, env } = command;
  try {
    await execute(program, [...args], { timeout: 15_000, env: { ...process.env, ...env } });
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new AceError(
      "ERR_SERVICE",
      missing
        ? `${program} is not installed, which shows notices here`
        : `${program} could not show the notice`,
      { cause },
    );
  }
}
