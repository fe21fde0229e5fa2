import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { desktopCommand } from "../../src/notify/desktop.js";
import { checkNoticeWays } from "../../src/notify/notify.js";
import { postNotice, type Notice } from "../../src/notify/webhook.js";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A real server; gives its address with a secret in it. */
async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => {
      handler(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/s3cret`;
}

const notice: Notice = { status: "finished", text: "runs/first: finished at step 60", run: "runs/first" };

test("a notice is one JSON object that chat services can read", async () => {
  const bodies: unknown[] = [];
  const url = await serve((request, response, body) => {
    expect(request.headers["content-type"]).toBe("application/json");
    bodies.push(JSON.parse(body));
    response.writeHead(204).end();
  });
  await postNotice(url, notice, 1);
  expect(bodies).toEqual([{ ...notice, content: notice.text }]);
});

test("a busy server is asked again", async () => {
  let asked = 0;
  const url = await serve((_request, response) => {
    asked += 1;
    response.writeHead(asked < 3 ? 503 : 200).end();
  });
  await postNotice(url, notice, 1);
  expect(asked).toBe(3);
});

test.each<[string, number, Handler]>([
  ["status 503", 3, (_request, response) => response.writeHead(503).end()],
  ["status 404", 1, (_request, response) => response.writeHead(404).end()],
  [
    "status 302",
    1,
    (_request, response) => response.writeHead(302, { location: "http://127.0.0.1:1/elsewhere" }).end(),
  ],
  ["UND_ERR_SOCKET", 3, (request) => request.socket.destroy()],
])("%s is told without the secret after %i attempts", async (words, attempts, handler) => {
  let asked = 0;
  const url = await serve((...all) => {
    asked += 1;
    handler(...all);
  });
  const error = await postNotice(url, notice, 1).catch((cause: unknown) => cause as Error);
  expect(String(error)).toContain(words);
  expect(String(error)).not.toContain("s3cret");
  expect(asked).toBe(attempts);
});

test("an address that is none is refused without repeating it", async () => {
  for (const address of ["", "s3cret", "file:///s3cret"]) {
    const error = await postNotice(address, notice).catch((cause: unknown) => cause as Error);
    expect(String(error)).toMatch(/ACEWRIGHT_NOTIFY_URL: expected an http/);
    expect(String(error)).not.toContain("s3cret");
  }
});

test("a webhook without an address is refused before the work", () => {
  expect(() => {
    checkNoticeWays(["bell", "webhook"], {});
  }).toThrow(/set ACEWRIGHT_NOTIFY_URL/);
  checkNoticeWays(["bell", "desktop"], {});
  checkNoticeWays(["webhook"], { ACEWRIGHT_NOTIFY_URL: "http://127.0.0.1/x" });
});

test("texts reach the desktop as arguments or environment, never as code", () => {
  const hostile = '"; rm -rf / #';
  const linux = desktopCommand("linux", "title", hostile);
  expect(linux?.args.slice(-3)).toEqual(["--", "title", hostile]);
  const mac = desktopCommand("darwin", "title", hostile);
  expect(mac?.args.at(-1)).toBe(hostile);
  expect(mac?.args.filter((_, i) => mac.args[i - 1] === "-e").join("\n")).not.toContain("rm");
  const windows = desktopCommand("win32", "title", hostile);
  expect(windows?.args.join(" ")).not.toContain("rm -rf");
  expect(windows?.env).toEqual({ ACEWRIGHT_TITLE: "title", ACEWRIGHT_NOTICE: hostile });
});
