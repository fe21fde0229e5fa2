import { request } from "node:http";
import { expect, test } from "vitest";
import { newFolder, openBrowser } from "./open.js";

/** `fetch` sets the host itself. */
function statusFor(url: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("only who came by the link is let in; a wrong token is nobody's", async () => {
  const { studio, origin, fetch: known } = await openBrowser(newFolder());
  expect((await fetch(origin)).status).toBe(401);
  expect((await fetch(`${origin}/api/workspace`)).status).toBe(401);
  expect((await fetch(`${origin}/page/main.js`)).status).toBe(401);
  expect((await fetch(`${studio.url}x`, { redirect: "manual" })).status).toBe(401);
  expect((await fetch(`${origin}/open`, { redirect: "manual" })).status).toBe(401);
  const opened = await fetch(studio.url, { redirect: "manual" });
  expect(opened.status).toBe(303);
  expect(opened.headers.get("location")).toBe("/");
  expect(opened.headers.get("set-cookie")).toMatch(/HttpOnly; SameSite=Strict/);
  expect((await known("/")).status).toBe(200);
});

test("a name that was rebound to this machine is refused, whatever it knows", async () => {
  const { studio, origin } = await openBrowser(newFolder());
  const port = new URL(origin).port;
  for (const host of [
    "evil.example",
    `evil.example:${port}`,
    "127.0.0.1.evil.example",
    "localhost.evil.example:80",
  ])
    expect(await statusFor(studio.url, { host }), host).toBe(403);
  for (const host of [`localhost:${port}`, "127.0.0.1:9999", "[::1]:1"])
    expect(await statusFor(studio.url, { host }), host).toBe(303);
});

test("a request that writes comes from the page itself", async () => {
  const { origin, fetch: known } = await openBrowser(newFolder());
  const write = async (headers: Record<string, string>): Promise<number> =>
    (await known("/api/jobs/none/stop", { method: "POST", headers })).status;
  expect(await write({ origin })).toBe(400);
  expect(await write({})).toBe(403);
  expect(await write({ origin: "http://evil.example" })).toBe(403);
  expect(await write({ origin: origin.replace("http:", "https:") })).toBe(403);
  expect(await write({ origin: "null" })).toBe(403);
});

test("the page runs its own scripts alone, and nothing may frame it", async () => {
  const { fetch: known } = await openBrowser(newFolder());
  const page = await known("/");
  const policy = page.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  const map = /<script type="importmap">(.*?)<\/script>/s.exec(await page.text())?.[1] ?? "";
  expect((await known("/api/jobs")).headers.get("cache-control")).toBe("no-store");
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(map)));
  expect(policy).toContain(`'sha256-${Buffer.from(bytes).toString("base64")}'`);
});

test("everything the page imports is served, and nothing beside it", async () => {
  const { fetch: known } = await openBrowser(newFolder());
  const seen = new Set<string>();
  const page = await (await known("/")).text();
  const { imports } = JSON.parse(/<script type="importmap">(.*?)<\/script>/s.exec(page)?.[1] ?? "") as {
    imports: Record<string, string>;
  };
  const visit = async (path: string): Promise<void> => {
    if (seen.has(path)) return;
    seen.add(path);
    const answer = await known(path);
    expect(answer.status, path).toBe(200);
    expect(answer.headers.get("content-type"), path).toMatch(/^text\/javascript/);
    const source = await answer.text();
    for (const [, name = ""] of source.matchAll(/(?:from|import)\s*\(?\s*"([\w@./-]+)"/g)) {
      await visit(
        name.startsWith(".")
          ? new URL(name, `http://x${path}`).pathname
          : (imports[name] ?? `missing ${name}`),
      );
    }
  };
  await visit("/page/main.js");
  expect(seen.size).toBeGreaterThan(10);
  for (const [, style = ""] of page.matchAll(/href="([^"]+)"/g))
    expect((await known(style)).status, style).toBe(200);
  for (const path of [
    "/page/../studio/guard.js",
    "/page/%2e%2e/studio/guard.js",
    "/page/..%2fstudio%2fguard.js",
    "/page/main.js.map",
    "/page/.tsbuildinfo",
    "/static/index.html",
    "/static/..%2f..%2fpackage.json",
    "/lib/commander.js",
  ])
    expect((await known(path)).status, path).toBe(404);
});
