import type { ApiError } from "../../../src/studio/api.js";

/** A refusal of the server, in its own words. */
export class Refused extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly advice: string,
  ) {
    super(message);
  }
}

type Query = Readonly<Record<string, string | number>>;

/** Where something is fetched from; also for players and pictures. */
export function address(path: string, query: Query = {}): string {
  const words = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
  return `/api/${path}${words.size === 0 ? "" : `?${words.toString()}`}`;
}

/** @throws {Refused} */
export async function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  return await answerOf<Answer>(await fetch(address(path, query), signal === undefined ? {} : { signal }));
}

/** @throws {Refused} */
export async function post<Answer>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<Answer> {
  const response = await fetch(address(path), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  return await answerOf<Answer>(response);
}

async function answerOf<Answer>(response: Response): Promise<Answer> {
  const text = await response.text();
  if (response.ok) return JSON.parse(text) as Answer;
  let said: ApiError | undefined;
  try {
    said = JSON.parse(text) as ApiError;
  } catch {
    // A refusal before the routes are words alone.
  }
  const { code, message, advice } = said?.error ?? { code: "HTTP", message: text, advice: "" };
  throw new Refused(code, message, advice);
}
