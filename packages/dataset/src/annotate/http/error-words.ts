const mostCharacters = 300;

/** What an error body says, in one short line; empty where it says nothing. */
export function errorWords(text: string): string {
  return oneLine(detailOf(parsed(text)) ?? (/^\s*</.test(text) ? "" : text));
}

/** The body as JSON; undefined where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Each service writes its reason at another place: `error.message`, `detail.message`, `detail`, `message`, `error`. */
function detailOf(body: unknown): string | undefined {
  if (typeof body === "string") return body;
  if (Array.isArray(body)) return detailOf(body[0]);
  if (typeof body !== "object" || body === null) return undefined;
  const { error, detail, message, msg } = body as Record<string, unknown>;
  return [error, detail, message, msg].map(detailOf).find((words) => words !== undefined && words !== "");
}

/** Control characters would write on the user's terminal. */
export function oneLine(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, " ").trim();
  return line.length > mostCharacters ? `${line.slice(0, mostCharacters - 1)}…` : line;
}
