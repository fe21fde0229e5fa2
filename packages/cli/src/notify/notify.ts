import { AceError } from "@acewright/core-native";
import { InvalidArgumentError, Option } from "commander";
import type { Command } from "commander";
import { failureOf } from "../failure.js";
import type { Output } from "../output.js";
import { takesSetting } from "../settings/apply.js";
import { showNotice } from "./desktop.js";
import { addressVariable, noticeWays, type NoticeWay } from "./ways.js";
import { postNotice, type Notice } from "./webhook.js";

/**
 * That the ways asked for can be gone, before hours of work.
 *
 * @throws {AceError} ERR_CONFIG for a webhook without an address.
 */
export function checkNoticeWays(ways: readonly NoticeWay[], environment = process.env): void {
  if (!ways.includes("webhook") || (environment[addressVariable] ?? "") !== "") return;
  throw new AceError(
    "ERR_CONFIG",
    `--notify webhook: set ${addressVariable} to the address; it is read from the environment alone, because it may hold a secret`,
  );
}

/** Tells by every way; one that fails is said and changes nothing else. */
export async function notify(ways: readonly NoticeWay[], notice: Notice, output: Output): Promise<void> {
  const told = ways.map(async (way) => {
    try {
      if (way === "webhook") await postNotice(process.env[addressVariable] ?? "", notice);
      else if (way === "desktop") await showNotice(`acewright: ${notice.status}`, notice.text);
      else if (output.draws) output.terminal.err("\u0007");
    } catch (error) {
      output.warn(failureOf(error).message);
    }
  });
  await Promise.all(told);
}

/** Gives a command `--notify`. */
export function noticeOption(command: Command): Command {
  const option = new Option(
    "--notify <way>",
    `be told when it ends, well or not: ${noticeWays.join(", ")} (repeatable), or none; a webhook's address is taken from ${addressVariable}`,
  ).argParser((text, before: NoticeWay[] | undefined) =>
    text === "none" ? [] : [...(before ?? []), noticeWay(text)],
  );
  return command.addOption(takesSetting(option, "notify"));
}

function noticeWay(text: string): NoticeWay {
  const way = noticeWays.find((known) => known === text);
  if (way === undefined) throw new InvalidArgumentError(`expected one of ${noticeWays.join(", ")}, none.`);
  return way;
}

/** Does the work and tells how it ended. */
export async function withNotice<T extends Pick<Notice, "status" | "text">>(
  ways: readonly NoticeWay[],
  { run, output }: { readonly run: string; readonly output: Output },
  work: () => Promise<T>,
): Promise<T> {
  checkNoticeWays(ways);
  try {
    const ended = await work();
    await notify(ways, { run, status: ended.status, text: ended.text }, output);
    return ended;
  } catch (error) {
    await notify(ways, { run, status: "failed", text: `${run}: ${failureOf(error).message}` }, output);
    throw error;
  }
}
