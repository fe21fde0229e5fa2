import { errorWords, parsed } from "./error-words.js";
import { askedWaitS } from "./retry-after.js";
import { ServiceFailure } from "./service-failure.js";

/** Statuses that a later try may not meet again. */
const passing = new Set([408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529]);

/** A status that is no success, with what the service says of it and how to mend it. `text` holds no key. */
export function refusedStatus(
  where: string,
  status: number,
  headers: Headers,
  text: string,
  keyVariable: string | undefined,
): ServiceFailure {
  const body = parsed(text);
  const words = errorWords(text);
  const said = `${where} answered ${status}${words === "" ? "" : `: ${words}`}`;
  const key = keyVariable ?? "the key";
  if (status === 401 || status === 403) return runEnds(`${said}; check ${key}`);
  if (status === 402 || /insufficient_quota|quota_exceeded|billing/i.test(codeOf(body)))
    return runEnds(`${said}; check the account's credit and limits`);
  if (status === 404 || status === 405) return runEnds(`${said}; check the base URL and the model`);
  // Google answers a bad key with 400.
  if (status === 400 && /API_KEY_INVALID|API key not valid/i.test(text))
    return runEnds(`${said}; check ${key}`);
  if (status === 413)
    return new ServiceFailure(`${said}; the song is too large for it, lower --max-upload-mb`, {
      scope: "song",
      retry: false,
    });
  const retry = passing.has(status);
  return new ServiceFailure(said, {
    scope: "song",
    retry,
    waitS: retry ? askedWaitS(headers, body, Date.now()) : undefined,
  });
}

function runEnds(message: string): ServiceFailure {
  return new ServiceFailure(message, { scope: "run", retry: false });
}

function codeOf(body: unknown): string {
  const error =
    (body as { error?: unknown; detail?: unknown } | undefined)?.error ??
    (body as { detail?: unknown } | undefined)?.detail;
  if (typeof error !== "object" || error === null) return "";
  const { code, type, status } = error as Record<string, unknown>;
  return [code, type, status].filter((word) => typeof word === "string").join(" ");
}

/** Codes of a host that is not there at all: no other song will find it. */
const absent = new Set(["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"]);

/** No answer: no connection, a cut one, or none in time. The cause is named by its code only, as its text may hold headers. */
export function unreachable(where: string, error: unknown, timedOutS: number | undefined): ServiceFailure {
  if (timedOutS !== undefined)
    return new ServiceFailure(`${where} gave no answer within ${timedOutS} s`, {
      scope: "song",
      retry: true,
    });
  const cause = (error as { cause?: { code?: unknown; errors?: { code?: unknown }[] } } | undefined)?.cause;
  const code = [cause?.code, cause?.errors?.[0]?.code, (error as { code?: unknown } | undefined)?.code].find(
    (word): word is string => typeof word === "string",
  );
  if (code !== undefined && absent.has(code))
    return new ServiceFailure(`${where} cannot be reached (${code}); check the base URL and the network`, {
      scope: "run",
      retry: true,
    });
  if (code !== undefined && /CERT|TLS|SSL/.test(code))
    return runEnds(`${where} shows a certificate that is not trusted (${code}); nothing was sent`);
  return new ServiceFailure(`${where} cut the connection (${code ?? "no reason given"})`, {
    scope: "song",
    retry: true,
  });
}

/** An answer that is none; the next one may be better. */
export function malformed(where: string, what: string): ServiceFailure {
  return new ServiceFailure(`${where} ${what}`, { scope: "song", retry: true });
}
