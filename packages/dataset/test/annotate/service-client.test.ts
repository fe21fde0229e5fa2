import { AceError } from "@acewright/core-native";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/annotate/http/secret.js";
import { ServiceClient, type ServiceRequest } from "../../src/annotate/http/service-client.js";
import { askedWaitS } from "../../src/annotate/http/retry-after.js";
import { ServiceFailure } from "../../src/annotate/http/service-failure.js";
import { loopback, type Handler, type Loopback, type Reply } from "./loopback.js";
import { hasty, testKey } from "./songs.js";

const never = new AbortController().signal;

function clientOf(
  server: Loopback,
  options: Partial<ConstructorParameters<typeof ServiceClient>[0]> = {},
): ServiceClient {
  return new ServiceClient({
    ...hasty,
    name: "Test",
    baseUrl: `${server.url}/v1`,
    secret: Secret.fromEnvironment({ TEST_KEY: testKey }, "TEST_KEY"),
    keyHeader: (key) => ({ authorization: `Bearer ${key}` }),
    retries: 2,
    ...options,
  });
}

async function ask(server: Loopback, options = {}, request: Partial<ServiceRequest> = {}): Promise<string> {
  const client = clientOf(server, options);
  const whole: ServiceRequest = {
    method: "POST",
    path: "ask",
    body: "{}",
    accept: "json",
    signal: never,
    ...request,
  };
  return client.send(whole, ({ text }) => text);
}

async function failure(
  handle: Handler,
  options = {},
  request = {},
): Promise<{ error: ServiceFailure; asked: number }> {
  await using server = await loopback(handle);
  const error: unknown = await ask(server, options, request).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ServiceFailure);
  expect((error as ServiceFailure).message).not.toContain(testKey);
  expect((error as ServiceFailure).message).not.toMatch(/\n/);
  return { error: error as ServiceFailure, asked: server.arrived.length };
}

/** The given replies, then success. */
const then =
  (...replies: Reply[]): Handler =>
  (_, number) =>
    replies[number - 1] ?? { body: { ok: true } };

describe("failures that pass are tried again", () => {
  test.each<[string, Reply]>([
    ["a 500", { status: 500 }],
    ["a 503 with words", { status: 503, body: "busy", headers: { "content-type": "text/plain" } }],
    ["a cut connection", { cut: "before" }],
    [
      "an answer that is cut off",
      { body: { ok: "x".repeat(1000) }, headers: { "content-length": "1011" }, cut: "within" },
    ],
    ["another content type", { body: "<html>", headers: { "content-type": "text/html" } }],
  ])("%s", async (_, reply) => {
    await using server = await loopback(then(reply));
    expect(JSON.parse(await ask(server))).toEqual({ ok: true });
    expect(server.arrived.length).toBe(2);
  });

  test("a slow answer, after the time that was allowed", async () => {
    await using server = await loopback(then({ delayMs: 700 }));
    expect(await ask(server, { timeoutS: 0.25 })).toContain("ok");
    expect(server.arrived.length).toBe(2);
  });

  test("but not more often than was said, and the last reason is told", async () => {
    const { error, asked } = await failure(() => ({ status: 500, body: { error: { message: "boom" } } }));
    expect(asked).toBe(3);
    expect(error.message).toMatch(/^Test \(127\.0\.0\.1:\d+\) answered 500: boom \(3 tries\)$/);
    expect(error.scope).toBe("song");
  });
});

describe("a service that asks for a wait is left alone for it", () => {
  test.each<[string, () => Record<string, string>]>([
    ["in seconds", () => ({ "retry-after": "1" })],
    ["as a date", () => ({ "retry-after": new Date(Date.now() + 1900).toUTCString() })],
    ["in milliseconds", () => ({ "retry-after-ms": "900" })],
  ])("%s", async (_, headers) => {
    await using server = await loopback((_, number) =>
      number === 1 ? { status: 429, headers: headers() } : { body: { ok: true } },
    );
    const start = performance.now();
    await ask(server);
    // A date has whole seconds, so between 0.9 and 1.9 s are left of it.
    expect(performance.now() - start).toBeGreaterThan(800);
    expect(server.arrived.length).toBe(2);
  });

  test("by all who ask it", async () => {
    await using server = await loopback((_, number) =>
      number === 1 ? { status: 429, headers: { "retry-after": "0.6" } } : { body: { ok: true } },
    );
    const client = clientOf(server);
    const request = { method: "GET", path: "ask", accept: "json", signal: never } as const;
    const first = client.send(request, () => undefined);
    while (server.arrived.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    await client.send(request, () => undefined);
    expect(performance.now() - start).toBeGreaterThan(350);
    await first;
  });

  test("unless the wait is longer than the user allows: then the run ends", async () => {
    const { error, asked } = await failure(() => ({ status: 429, headers: { "retry-after": "3600" } }));
    expect(asked).toBe(1);
    expect(error.scope).toBe("run");
    expect(error.message).toMatch(/asks to wait 3600 s, more than 2 s/);
  });

  test("headers and bodies are read as the services write them", () => {
    const now = Date.parse("2030-01-01T00:00:00Z");
    const wait = (headers: Record<string, string>, body?: unknown) =>
      askedWaitS(new Headers(headers), body, now);
    expect(wait({ "retry-after": "7" })).toBe(7);
    expect(wait({ "retry-after": "Tue, 01 Jan 2030 00:00:30 GMT" })).toBe(30);
    expect(wait({ "retry-after": "Mon, 31 Dec 2029 00:00:00 GMT" })).toBe(0);
    expect(wait({ "retry-after": "soon" })).toBeUndefined();
    expect(wait({}, { error: { details: [{ x: 1 }, { retryDelay: "12.5s" }] } })).toBe(12.5);
    expect(wait({}, { error: { details: "x" } })).toBeUndefined();
  });
});

describe("what no other try mends is told at once", () => {
  test.each<[number, unknown, ServiceFailure["scope"], RegExp]>([
    [
      401,
      { error: { message: `Incorrect API key provided: ${testKey}` } },
      "run",
      /401: Incorrect API key provided: \[key\]; check TEST_KEY/,
    ],
    [403, { detail: { message: "no access" } }, "run", /403: no access; check TEST_KEY/],
    [
      404,
      { error: { message: "no such model" } },
      "run",
      /404: no such model; check the base URL and the model/,
    ],
    [
      429,
      { error: { code: "insufficient_quota", message: "pay" } },
      "run",
      /429: pay; check the account's credit/,
    ],
    [400, { error: { message: "API key not valid. Please pass a valid API key." } }, "run", /check TEST_KEY/],
    [400, { error: { message: "bad audio" } }, "song", /400: bad audio$/],
    [413, { error: "too big" }, "song", /413: too big; the song is too large for it, lower --max-upload-mb/],
    [422, { detail: [{ msg: "field required" }] }, "song", /422: field required/],
  ])("%i %j", async (status, body, scope, message) => {
    const { error, asked } = await failure(() => ({ status, body }));
    expect(asked).toBe(1);
    expect(error.scope).toBe(scope);
    expect(error.message).toMatch(message);
  });

  test("a huge body is not read to its end", async () => {
    const { error, asked } = await failure(() => ({ body: Buffer.alloc(17 * 2 ** 20, 0x20) }));
    expect(error.message).toMatch(/sent more than 16777216 bytes; not read/);
    expect(asked).toBe(1);
  });

  test("nor is a small one that unpacks to a huge one", async () => {
    const body = gzipSync(Buffer.alloc(64 * 2 ** 20));
    expect(body.length).toBeLessThan(2 ** 20);
    const { error } = await failure(() => ({ body, headers: { "content-encoding": "gzip" } }));
    expect(error.message).toMatch(/sent more than 16777216 bytes; not read/);
  });

  test("a server that is not there ends the run", async () => {
    const server = await loopback(() => ({}));
    await server[Symbol.asyncDispose]();
    await expect(ask(server)).rejects.toMatchObject({
      scope: "run",
      message: expect.stringMatching(/cannot be reached \(ECONNREFUSED\)/) as string,
    });
  });

  test("control characters of an error do not reach the terminal", async () => {
    const { error } = await failure(() => ({ status: 400, body: { error: "\u001b[2Jgone\r\n\u0007bell" } }));
    expect(error.message).toMatch(/400: \[2Jgone bell$/);
  });
});

describe("redirects", () => {
  test("within the origin are followed with method, body and key", async () => {
    await using server = await loopback(({ url }) =>
      url === "/v1/ask" ? { status: 307, headers: { location: "/v2/ask" } } : { body: { ok: true } },
    );
    expect(await ask(server)).toContain("ok");
    expect(server.arrived.map(({ url, body }) => [url, body.toString()])).toEqual([
      ["/v1/ask", "{}"],
      ["/v2/ask", "{}"],
    ]);
  });

  test.each([301, 302, 303, 307, 308])("to another origin are not followed (%i)", async (status) => {
    await using other = await loopback(() => ({ body: { ok: true } }));
    const { error } = await failure(() => ({
      status,
      headers: { location: `${other.url}/steal?k=${testKey}` },
    }));
    expect(error.scope).toBe("run");
    expect(error.message).toContain(`redirects to ${other.url}`);
    expect(other.arrived).toEqual([]);
  });

  test("that would turn a POST into a GET, or lead in a circle, are refused", async () => {
    expect((await failure(() => ({ status: 302, headers: { location: "/b" } }))).error.message).toMatch(
      /redirects to \/b/,
    );
    const circle = await failure(() => ({ status: 307, headers: { location: "/v1/ask" } }));
    expect(circle.error.message).toMatch(/in a circle/);
  });

  test("a whole URL of another origin is not asked", async () => {
    await using other = await loopback(() => ({ body: {} }));
    const { error, asked } = await failure(() => ({}), {}, { path: `${other.url}/x` });
    expect(error.message).toMatch(/which is not asked/);
    expect([asked, other.arrived.length]).toEqual([0, 0]);
  });
});

test("an abort ends a wait and a request at once, with its reason", async () => {
  for (const reply of [{ delayMs: 3000 }, { status: 429, headers: { "retry-after": "2" } }]) {
    await using server = await loopback(() => reply);
    const stop = new AbortController();
    const start = performance.now();
    const asked = ask(server, {}, { signal: stop.signal });
    setTimeout(() => {
      stop.abort(new Error("stop"));
    }, 100);
    await expect(asked).rejects.toThrow("stop");
    expect(performance.now() - start).toBeLessThan(1500);
  }
});

test("the key goes into its header, and out of every answer, escaped or not", async () => {
  await using server = await loopback(({ headers }) => ({
    body: `{"a":${JSON.stringify(headers.authorization)},"b":"${testKey.replaceAll("/", "\\/")}","c":"${encodeURIComponent(testKey)}"}`,
  }));
  const text = await ask(server);
  expect(server.arrived[0]?.headers.authorization).toBe(`Bearer ${testKey}`);
  expect(JSON.parse(text)).toEqual({ a: "Bearer [key]", b: "[key]", c: "[key]" });
  expect(await ask(server, {}, { withKey: false })).not.toContain("Bearer");
});

test.each(["ftp://x", "nonsense", "http://user:pass@host/v1", "http://host/v1?key=1"])(
  "the base URL %s is refused and not repeated",
  (baseUrl) => {
    expect(() => new ServiceClient({ ...hasty, name: "Test", baseUrl, retries: 0 })).toThrow(AceError);
    expect(() => new ServiceClient({ ...hasty, name: "Test", baseUrl, retries: 0 })).not.toThrow("pass@");
  },
);

test("a key shows itself nowhere by accident", () => {
  const secret = Secret.fromEnvironment({ K: ` ${testKey}\n` }, "K");
  expect(secret?.reveal()).toBe(testKey);
  expect(`${String(secret)} ${JSON.stringify({ secret })}`).not.toContain(testKey);
  expect(Secret.fromEnvironment({ K: " " }, "K")).toBeUndefined();
  expect(() => Secret.fromEnvironment({ K: "two words" }, "K")).toThrow(/^K: is no key/);
});
