import { AceError } from "@acewright/core-native";
import { tryAgain } from "@acewright/dataset";

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
  await tryAgain(() => post(url, body), {
    attempts,
    pauseMs,
    mayPass: (error) => error instanceof NotTaken && error.mayPass,
  });
}

class NotTaken extends AceError {
  constructor(
    url: URL,
    words: string,
    readonly mayPass: boolean,
  ) {
    super("ERR_SERVICE", `${url.host} did not take the notice: ${words}`);
  }
}

async function post(url: URL, body: string): Promise<void> {
  const { status, problem } = await answerTo(url, body);
  if (problem !== undefined) throw new NotTaken(url, problem, true);
  if (status >= 200 && status < 300) return;
  throw new NotTaken(url, `status ${status}`, status === 429 || status >= 500);
}

/** The answer's status, or why there is none. */
async function answerTo(url: URL, body: string): Promise<{ status: number; problem?: string }> {
  try {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      redirect: "manual",
      signal: AbortSignal.timeout(patienceMs),
    });
    await answer.body?.cancel();
    return { status: answer.status };
  } catch (cause) {
    const { name, cause: deeper } = cause as Error;
    const code = (deeper as NodeJS.ErrnoException | undefined)?.code;
    return { status: 0, problem: name === "TimeoutError" ? "no answer in time" : (code ?? "no connection") };
  }
}
