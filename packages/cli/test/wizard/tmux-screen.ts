import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** Why no test can be made in a real terminal here, or undefined. */
export function noTmux(): string | undefined {
  if (process.platform === "win32") return "tmux is not for Windows";
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "tmux is not installed (apt-get install tmux)";
  }
}

/** A key of a keyboard, as tmux names it. */
const named = /^(Enter|Escape|Up|Down|Tab|C-[a-z])$/;

/** A shell in a terminal of its own. */
export class TmuxScreen {
  private readonly server = `acewright-test-${process.pid}`;

  constructor(cwd: string, env: Readonly<Record<string, string>>, size = { columns: 150, rows: 400 }) {
    const set = Object.entries(env).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const place = ["-x", String(size.columns), "-y", String(size.rows), "-c", cwd];
    this.tmux("-f", "/dev/null", "new-session", "-d", ...place, ...set, "sh");
  }

  /** Types texts and presses named keys (`Enter`, `C-c`), one after the other. */
  press(...keys: readonly string[]): void {
    for (const key of keys) this.tmux("send-keys", ...(named.test(key) ? [] : ["-l"]), "--", key);
  }

  /** What is seen, without the empty lines at its end. */
  text(): string {
    return this.tmux("capture-pane", "-p", "-J").trimEnd();
  }

  /** Waits until the screen shows a text. */
  async saw(text: string, limitMs = 20_000): Promise<void> {
    const end = performance.now() + limitMs;
    while (!this.text().includes(text)) {
      if (performance.now() > end)
        throw new Error(`the screen does not show ${JSON.stringify(text)}:\n${this.text()}`);
      await sleep(25);
    }
  }

  /** What is seen once nothing moves any more. */
  async settled(): Promise<string> {
    for (let before = this.text(); ;) {
      await sleep(60);
      const now = this.text();
      if (now === before) return now;
      before = now;
    }
  }

  /** Waits for an open question. */
  asks(question: string): Promise<void> {
    return this.saw(`◆  ${question}`);
  }

  close(): void {
    this.tmux("kill-server");
  }

  private tmux(...args: readonly string[]): string {
    return execFileSync("tmux", ["-u", "-L", this.server, ...args], { encoding: "utf8" });
  }
}

/** A screen without what differs from machine to machine and from time to time. */
export function normalised(screen: string, folder: string): string {
  const lines = screen
    .replaceAll(folder, "<folder>")
    .split("\n")
    // The note about a missing GPU, and the curve of a loss.
    .filter((line) => !/^device auto is |[┤┼]/.test(line))
    .map((line) => line.trimEnd());
  return `${lines
    .join("\n")
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "<time>")
    .replace(/\d+(\.\d)? s\)/g, "<s>)")
    .replace(/\d+(\.\d+)? [KMGT]iB/g, "<size>")
    .replace(/(encoders run on ).*/g, "$1<device>")
    .replace(/(of memory, ).*/g, "$1<device>")
    .replace(/(device {2,}).*/g, "$1<device>")
    .replace(/(verdict +|recompute auto is )\S.*(\n\W* {20,}\S.*)*/g, "$1<verdict>")
    .replace(/\n{3,}/g, "\n\n")}\n`;
}
