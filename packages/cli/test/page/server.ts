import { vi } from "vitest";
import { until } from "../until.js";

/** What the page's server answers in a test, by path, and what was sent to it. */
export interface FakeServer {
  answers: Record<string, unknown>;
  readonly sent: { readonly path: string; readonly body: Record<string, unknown> }[];
  /** The body sent there last. */
  last(path: string): Record<string, unknown> | undefined;
}

/** Stands in for `fetch`; a path without an answer is refused. */
export function fakeServer(answers: Record<string, unknown>): FakeServer {
  const server: FakeServer = {
    answers,
    sent: [],
    last: (path) => server.sent.filter((one) => one.path === path).at(-1)?.body,
  };
  vi.stubGlobal("fetch", (url: string, init?: RequestInit) => {
    const path = url.replace(/^\/api\//, "").split("?")[0] ?? "";
    if (init?.method === "POST")
      server.sent.push({ path, body: JSON.parse(init.body as string) as Record<string, unknown> });
    const answer = server.answers[path];
    const text = JSON.stringify(answer ?? { error: { code: "X", message: `no ${path}`, advice: "" } });
    return Promise.resolve(new Response(text, { status: answer === undefined ? 400 : 200 }));
  });
  return server;
}

/** Where the page is drawn. */
export function place(): HTMLElement {
  const found = document.getElementById("studio");
  if (found === null) throw new Error("no place");
  return found;
}

/** Waits until the page says something. */
export async function shows(words: string | RegExp): Promise<void> {
  await until(() => {
    if (!new RegExp(words).test(place().textContent)) throw new Error(`not shown: ${String(words)}`);
  }, 5000);
}

export function input(id: string): HTMLInputElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no ${id}`);
  return found as HTMLInputElement;
}

export function type(id: string, text: string): void {
  input(id).value = text;
  input(id).dispatchEvent(new Event("input", { bubbles: true }));
}

export function choose(list: HTMLSelectElement | HTMLInputElement | null, value: string): void {
  if (list === null) throw new Error("no list");
  list.value = value;
  list.dispatchEvent(new Event("change", { bubbles: true }));
}

export function button(words: string): HTMLButtonElement {
  const found = [...place().querySelectorAll("button")].find(({ textContent }) => textContent === words);
  if (found === undefined) throw new Error(`no button ${words}`);
  return found;
}
