import { setTimeout as sleep } from "node:timers/promises";
import { AceError } from "@acewright/core-native";

/** What a person is told who is not looking. */
export interface Notice {
  readonly status: "finished" | "interrupted" | "failed";
  /** One line. */
  readonly text: string;
  readonly run: string;
}

const attempts = 3;
const patienceMs = 10_000;

/**
 * Posts a notice as JSON: `text` and `content` hold the line, as chat services read it, beside `status` and `run`. Redirects
 * are not followed: the address may hold a secret, which is why it stands in the environment and in no message.
 *
 * @throws {AceError} ERR_CONFIG for an address that is none; ERR_SERVICE where it cannot be delivered.
 */
export async function postNotice(address: string, notice: Notice, pauseMs = 1000): Promise<void> {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new AceError("ERR_CONFIG", "ACEWRIGHT_NOTIFY_URL: expected an http or https address");
  }
  const body = JSON.stringify({ ...notice, content: notice.text });
  for (let attempt = 1; ; attempt++) {
    const problem = await post(url, body);
    if (problem === undefined) return;
    if (attempt === attempts || !problem.again) {
      throw new AceError("ERR_SERVICE", `${url.host} did not take the notice: ${problem.words}`);
    }
    await sleep(pauseMs * 2 ** (attempt - 1));
  }
}

async function post(url: URL, body: string): Promise<{ words: string; again: boolean } | undefined> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(patienceMs),
    });
    await answer.body?.cancel();
    if (answer.ok) return undefined;
    return { words: `status ${answer.status}`, again: answer.status === 429 || answer.status >= 500 };
  } catch (cause) {
    const { name, cause: deeper } = cause as Error;
    const code = (deeper as NodeJS.ErrnoException | undefined)?.code;
    return { words: name === "TimeoutError" ? "no answer in time" : (code ?? "no connection"), again: true };
  }
}
