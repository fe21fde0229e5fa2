import { cpSync, mkdtempSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { openStudio, type Studio } from "../../dist/studio/open-studio.js";

/** The toy checkpoint and its songs. */
export const toy = fileURLToPath(new URL("../../../../tools/reference/toy/", import.meta.url));

/** A studio that a browser has opened by its link. */
export interface Browser {
  readonly studio: Studio;
  /** `http://127.0.0.1:PORT`. */
  readonly origin: string;
  readonly folder: string;
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  readonly get: (path: string) => Promise<unknown>;
  readonly post: (path: string, body?: unknown) => Promise<{ status: number; body: unknown }>;
}

/** An empty folder of this test. */
export function newFolder(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), "acewright-studio-")));
}

/** A folder with the toy songs in `songs`. */
export function folderWithSongs(): string {
  const folder = newFolder();
  cpSync(join(toy, "adapt"), join(folder, "songs"), { recursive: true });
  return folder;
}

export async function openBrowser(folder: string, allowRoots: readonly string[] = []): Promise<Browser> {
  const studio = await openStudio({ folder, models: join(toy, "checkpoints"), allowRoots, port: 0 });
  onTestFinished(async () => {
    await studio.close();
  });
  const { origin } = new URL(studio.url);
  const opened = await fetch(studio.url, { redirect: "manual" });
  const cookie = (opened.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const send = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(origin + path, { ...init, headers: { cookie, ...(init.headers as Record<string, string>) } });
  return {
    studio,
    origin,
    folder,
    fetch: send,
    get: async (path) => (await (await send(`/api/${path}`)).json()) as unknown,
    post: async (path, body = {}) => {
      const response = await send(`/api/${path}`, {
        method: "POST",
        headers: { origin, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      return { status: response.status, body: await response.json() };
    },
  };
}
