/**
 * Seconds a service asks to be left alone for: `Retry-After` as seconds or as a date, `retry-after-ms`, or Google's
 * `retryDelay` in the body.
 *
 * @param nowMs the time a date is compared with, milliseconds since 1970
 */
export function askedWaitS(headers: Headers, body: unknown, nowMs: number): number | undefined {
  const milliseconds = numberOf(headers.get("retry-after-ms"));
  if (milliseconds !== undefined) return milliseconds / 1000;
  const written = headers.get("retry-after");
  const seconds = numberOf(written);
  if (seconds !== undefined) return seconds;
  const date = written === null ? Number.NaN : Date.parse(written);
  if (Number.isFinite(date)) return Math.max(0, (date - nowMs) / 1000);
  return retryDelayS(body);
}

function numberOf(text: string | null): number | undefined {
  return text !== null && /^\s*\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : undefined;
}

/** google.rpc.RetryInfo: `error.details[].retryDelay` as "12.5s". */
function retryDelayS(body: unknown): number | undefined {
  const details = (body as { error?: { details?: unknown } } | undefined)?.error?.details;
  if (!Array.isArray(details)) return undefined;
  for (const detail of details as ({ retryDelay?: unknown } | null)[]) {
    const delay = detail?.retryDelay;
    const [, seconds] = typeof delay === "string" ? (/^(\d+(?:\.\d+)?)s$/.exec(delay) ?? []) : [];
    if (seconds !== undefined) return Number(seconds);
  }
  return undefined;
}
