import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { downloadModel, sourceOf, type DownloadOptions } from "../../src/models/download-model.js";
import { checkPins, pinName } from "../../src/models/pinned-hashes.js";
import { serveHub, type HubServer } from "./hub-server.js";

const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251));
let hub: HubServer;
let output: string;

beforeEach(async () => {
  output = mkdtempSync(join(tmpdir(), "acewright-models-"));
  hub = await serveHub({
    "config.json": Buffer.from('{"model_type":"acestep"}'),
    "model.safetensors": weights,
    "modeling.py": Buffer.from("import os"),
    "sub/tokenizer.json": Buffer.alloc(5000, "x"),
  });
});
afterEach(() => {
  hub.close();
  rmSync(output, { recursive: true });
});

const download = (changes: Partial<DownloadOptions> = {}, name = "org/repo", environment = {}) =>
  downloadModel(name, {
    output,
    pauseMs: 1,
    environment: { HF_ENDPOINT: hub.endpoint, HF_TOKEN: "hf_secret", ...environment },
    ...changes,
  });
const at = (...parts: string[]) => join(output, "repo", ...parts);

test("brings what is of use, without code, and pins the server's hashes", async () => {
  const seen: number[] = [];
  const report = await download({ onProgress: ({ doneBytes }) => seen.push(doneBytes) });
  expect(report.brought.toSorted()).toEqual(["config.json", "model.safetensors", "sub/tokenizer.json"]);
  expect(readFileSync(at("model.safetensors")).equals(weights)).toBe(true);
  expect(readdirSync(at()).toSorted()).toEqual([pinName, "config.json", "model.safetensors", "sub"]);
  expect(seen.at(-1)).toBe(report.bytes);
  expect(await checkPins(at())).toEqual([]);
  const again = await download();
  expect([again.brought, again.kept.length, again.bytes]).toEqual([[], 3, 0]);
});

test("what an earlier run brought is told apart from what comes now", async () => {
  const resume = async () => {
    mkdirSync(at(), { recursive: true });
    rmSync(at("model.safetensors"), { force: true });
    writeFileSync(at("model.safetensors.part"), weights.subarray(0, 100_000));
    const seen: { now: number; earlierBytes: number }[] = [];
    await download({
      onProgress: ({ doneBytes, earlierBytes }) => seen.push({ now: doneBytes - earlierBytes, earlierBytes }),
    });
    return seen;
  };
  const resumed = await resume();
  const begun = resumed.findIndex(({ earlierBytes }) => earlierBytes > 0);
  const [before, at0] = [resumed[begun - 1]?.now ?? 0, resumed[begun]];
  expect(at0).toEqual({ now: before, earlierBytes: 100_000 });
  expect(resumed.at(-1)?.earlierBytes).toBe(100_000);
  // A server that knows no ranges sends all of it again.
  hub.mischief = (_request, response, { path, content }) => {
    if (path !== "model.safetensors") return false;
    response.writeHead(200, { "content-length": content.length });
    response.end(content);
    return true;
  };
  expect((await resume()).at(-1)?.earlierBytes).toBe(0);
});

test("a folder of a repository becomes a folder of its own", async () => {
  await download({}, "org/repo:sub");
  expect(readdirSync(join(output, "sub")).toSorted()).toEqual([pinName, "tokenizer.json"]);
});

test("goes on where a connection was cut, again and again", async () => {
  let cuts = 0;
  hub.mischief = (_request, response, { path, content, from }) => {
    if (path !== "model.safetensors" || cuts === 4) return false;
    cuts += 1;
    response.writeHead(from === 0 ? 200 : 206, {
      "content-length": content.length - from,
      ...(from > 0 && { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` }),
    });
    response.write(content.subarray(from, from + 50_000), () => setTimeout(() => response.socket?.end(), 50));
    return true;
  };
  await download();
  expect(readFileSync(at("model.safetensors")).equals(weights)).toBe(true);
  const ranges = hub.log.filter(({ path }) => path.endsWith("model.safetensors")).map(({ range }) => range);
  expect(ranges.length).toBe(5);
  // What was under way when the connection broke may be lost; what came is gone on with.
  expect(ranges.slice(1).some((range) => /^bytes=[1-9]/.test(range ?? ""))).toBe(true);
});

test("an interrupted download is gone on with by the next, also from a server that knows no parts", async () => {
  const abort = new AbortController();
  hub.mischief = (_request, response, { path, content }) => {
    if (path !== "model.safetensors") return false;
    response.writeHead(200, { "content-length": content.length });
    response.write(content.subarray(0, 100_000), () =>
      setTimeout(() => {
        abort.abort();
      }, 100),
    );
    return true;
  };
  await expect(download({ signal: abort.signal })).rejects.toThrow(/abort/i);
  expect(readFileSync(at("model.safetensors.part")).length).toBe(100_000);
  expect(existsSync(at("model.safetensors"))).toBe(false);
  hub.mischief = (_request, response, { path, content }) => {
    if (path !== "model.safetensors") return false;
    response.writeHead(200, { "content-length": content.length }).end(content);
    return true;
  };
  await download();
  expect(readFileSync(at("model.safetensors")).equals(weights)).toBe(true);
});

test("an old part of another content is noticed by the hash and fetched anew", async () => {
  mkdirSync(at(), { recursive: true });
  writeFileSync(at("model.safetensors.part"), Buffer.alloc(200_000, 1));
  await download();
  expect(readFileSync(at("model.safetensors")).equals(weights)).toBe(true);
});

test("a server that sends something else than it lists is refused, and nothing is kept", async () => {
  hub.mischief = (_request, response, { path, content }) => {
    if (path !== "model.safetensors") return false;
    response.writeHead(200).end(Buffer.alloc(content.length, 7));
    return true;
  };
  await expect(download()).rejects.toThrow(
    /model\.safetensors: what the server sends is not what it lists \(sha256/,
  );
  expect(readdirSync(at()).filter((name) => name.startsWith("model"))).toEqual([]);
});

test("a body longer than was listed is cut off", async () => {
  hub.mischief = (_request, response, { path }) => {
    if (path !== "config.json") return false;
    response.writeHead(200);
    const more = (): void => {
      if (!response.destroyed) response.write(Buffer.alloc(65_536), more);
    };
    more();
    return true;
  };
  await expect(download()).rejects.toThrow(/config\.json: is longer than the 24 bytes the server lists/);
});

test("a file that changed on the server since it was pinned is refused", async () => {
  await download();
  hub.files.set("config.json", Buffer.from('{"model_type":"evil"}'));
  await expect(download()).rejects.toThrow(/config\.json: the server has another file now/);
});

test("a file of the user's in the way is neither taken nor overwritten", async () => {
  mkdirSync(at(), { recursive: true });
  writeFileSync(at("config.json"), "mine");
  await expect(download()).rejects.toThrow(
    /config\.json: is there and is another file than config\.json on the server/,
  );
  expect(readFileSync(at("config.json"), "utf8")).toBe("mine");
});

test("a pinned file that changed here is told by the check", async () => {
  await download();
  writeFileSync(at("sub/tokenizer.json"), Buffer.alloc(5000, "y"));
  rmSync(at("config.json"));
  expect((await checkPins(at()))?.toSorted()).toEqual([
    "config.json is missing",
    "sub/tokenizer.json has changed since it came from org/repo",
  ]);
  expect(await checkPins(output)).toBeUndefined();
});

test.each([
  "../escape.json",
  "a/../../escape.json",
  "/etc/x.json",
  "C:\\x.json",
  "a\\b.json",
  "nul.json",
  "trailing .json/x.json.",
  "x\u0000.json",
])("a hostile name is refused before anything is fetched: %j", async (name) => {
  hub.listed = (path) => (path === "config.json" ? name : path);
  await expect(download()).rejects.toThrow(/names a file that does not stay in its folder/);
  expect(existsSync(at())).toBe(false);
});

test("names that differ in case alone are refused", async () => {
  hub.listed = (path) => (path === "config.json" ? "MODEL.safetensors" : path);
  await expect(download()).rejects.toThrow(/differ in case alone/);
});

test("no token goes to a mirror, unless the user says so, nor where a redirect leads", async () => {
  const tokens: boolean[] = [];
  const elsewhere = createServer((request, response) => {
    tokens.push(request.headers.authorization !== undefined);
    response.end(weights);
  });
  await new Promise<void>((done) => elsewhere.listen(0, "127.0.0.1", done));
  try {
    hub.mischief = (_request, response, { path }) => {
      if (path !== "model.safetensors") return false;
      const { port } = elsewhere.address() as AddressInfo;
      response.writeHead(302, { location: `http://127.0.0.1:${port}/cdn?signed=1` }).end();
      return true;
    };
    await download();
    expect(hub.log.some(({ token }) => token)).toBe(false);
    rmSync(at(), { recursive: true });
    await download({ sendTokenToMirror: true });
    expect(hub.log.some(({ token }) => token)).toBe(true);
    expect(tokens).toEqual([false, false]);
  } finally {
    elsewhere.close();
  }
});

test.each([
  [401, /refuses access \(401\); set HF_TOKEN/],
  [404, /does not know/],
  [418, /answers 418/],
])("an answer of %i is told in one line, at once and without the token", async (status, message) => {
  let asked = 0;
  hub.mischief = (_request, response, { path }) => {
    if (path !== "config.json") return false;
    asked += 1;
    response.writeHead(status).end("hf_secret");
    return true;
  };
  const error = await download().then(
    () => new Error("it was taken"),
    (cause: unknown) => cause as Error,
  );
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain("hf_secret");
  expect(asked).toBe(1);
});

test("a busy server is asked again, and given up in the end", async () => {
  let asked = 0;
  hub.mischief = (_request, response, { path }) => {
    if (path !== "config.json") return false;
    asked += 1;
    if (asked > 3) return false;
    response.writeHead(503).end();
    return true;
  };
  await download();
  expect(asked).toBe(4);
  rmSync(at(), { recursive: true });
  hub.mischief = (_request, response) => {
    response.writeHead(429).end();
    return true;
  };
  await expect(download()).rejects.toThrow(/answers 429; try again later/);
});

test("a server that is not there is told", async () => {
  const gone = await serveHub({});
  gone.close();
  await expect(download({}, "org/repo", { HF_ENDPOINT: gone.endpoint })).rejects.toThrow(
    /127\.0\.0\.1:\d+: cannot be reached \(ECONNREFUSED\)/,
  );
  await expect(download({}, "org/repo", { HF_ENDPOINT: "hub" })).rejects.toThrow(/HF_ENDPOINT: expected/);
});

test("names: official ones whole or in part, others as org/repo", () => {
  expect(sourceOf("vae")).toMatchObject({ repo: "ACE-Step/Ace-Step1.5", folder: "vae" });
  expect(sourceOf("shift3").repo).toBe("ACE-Step/acestep-v15-turbo-shift3");
  expect(sourceOf("me/mine:a/b")).toEqual({ name: "b", repo: "me/mine", folder: "a/b" });
  expect(() => sourceOf("turbo")).toThrow(/it could be acestep-v15-turbo, acestep-v15-xl-turbo/);
  expect(() => sourceOf("zzz")).toThrow(/is no model; `acewright models list` names them/);
  expect(() => sourceOf("me/mine:../b")).toThrow(/is no model/);
});
