import { AceError } from "@acewright/core-native";
import { decodeAudio, setDecodeConcurrency } from "@acewright/dataset";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DecodePool } from "../../src/audio/decode-pool.js";
import { writeWav } from "../../src/audio/write-wav.js";
import { seededRandom, sine } from "./sounds.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url));
const builtWorker = new URL("../../dist/audio/decode-worker.js", import.meta.url);
const request = (path: string) => ({ path, sampleRateHz: 48000, maxDurationS: undefined });

let folder: string;
/** A minute of noise at 44.1 kHz: about a second of work. */
let longSong: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-pool-"));
  longSong = join(folder, "long.wav");
  const random = seededRandom(3);
  writeWav(longSong, [Float32Array.from({ length: 60 * 44100 }, () => random() - 0.5)], 44100, "pcm16");
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A worker that answers by `body`, for what real files cannot be made to do. */
function fakeWorker(name: string, body: string): URL {
  const path = join(folder, `${name}.mjs`);
  writeFileSync(path, `import { parentPort, workerData } from "node:worker_threads";\n${body}`);
  return pathToFileURL(path);
}

describe("decodeAudio", () => {
  it("gives the same through a thread as without one", async () => {
    const audio = await decodeAudio(fixture("sweep-16.flac"), { sampleRateHz: 44100 });
    expect(audio.channels[0].length).toBe(26460);
    expect(audio.sampleRateHz).toBe(44100);
  });

  it("refuses with an AceError that crossed the thread whole", async () => {
    const error: unknown = await decodeAudio(join(folder, "absent.flac")).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AceError);
    expect(error).toMatchObject({ code: "ERR_FILE", cause: "missing" });
  });

  it("refuses options that are out of range", async () => {
    await expect(decodeAudio(longSong, { sampleRateHz: 0 })).rejects.toMatchObject({ code: "ERR_CONFIG" });
    await expect(decodeAudio(longSong, { sampleRateHz: 44100.5 })).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
    await expect(decodeAudio(longSong, { maxDurationS: 0 })).rejects.toMatchObject({ code: "ERR_CONFIG" });
    await expect(decodeAudio(longSong, { maxDurationS: Number.NaN })).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
    expect(() => {
      setDecodeConcurrency(0);
    }).toThrow(/at least 1/);
  });

  it("never holds up the event loop", async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await decodeAudio(longSong);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });

  it("lets the process end while its idle threads are still there", () => {
    const door = new URL("../../dist/index.js", import.meta.url).href;
    const script = `const { decodeAudio } = await import(${JSON.stringify(door)});
      console.log((await decodeAudio(${JSON.stringify(fixture("sweep.opus"))})).durationS);`;
    const started = performance.now();
    const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 30_000,
    });
    expect(child.stdout.trim()).toBe("0.6");
    expect(child.status).toBe(0);
    expect(performance.now() - started).toBeLessThan(15_000);
  });
});

describe("a decode pool", () => {
  it("runs no more files at once than allowed", async () => {
    const workerUrl = fakeWorker(
      "slow",
      `parentPort.on("message", ({ path }) => setTimeout(() => parentPort.postMessage({ result: { path, channels: [] } }), 50));`,
    );
    const pool = new DecodePool({ concurrency: 2, workerUrl, idleS: 0.05 });
    const finished: string[] = [];
    let most = 0;
    await Promise.all(
      ["a", "b", "c", "d", "e"].map(async (path) => {
        const audio = (await pool.run(request(path))) as unknown as { path: string };
        most = Math.max(most, pool.threads);
        finished.push(audio.path);
      }),
    );
    expect(most).toBe(2);
    expect(finished.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    await sleep(500);
    expect(pool.threads).toBe(0);
  });

  it("takes files in the order they came", async () => {
    const workerUrl = fakeWorker(
      "echo",
      `parentPort.on("message", () => parentPort.postMessage({ result: { channels: [] } }));`,
    );
    const pool = new DecodePool({ concurrency: 1, workerUrl, idleS: 0.05 });
    const order: string[] = [];
    await Promise.all(
      ["a", "b", "c", "d"].map((path) => pool.run(request(path)).then(() => order.push(path))),
    );
    expect(order).toEqual(["a", "b", "c", "d"]);
  });

  it("stops a running file and drops a waiting one on abort, and goes on with the others", async () => {
    const pool = new DecodePool({ concurrency: 1, workerUrl: builtWorker, idleS: 0.05 });
    const running = new AbortController();
    const waiting = new AbortController();
    const first = pool.run(request(longSong), running.signal);
    const second = pool.run(request(longSong), waiting.signal);
    const third = pool.run(request(fixture("sweep.opus")));
    setTimeout(() => {
      waiting.abort(new Error("not needed"));
      running.abort(new Error("stopped"));
    }, 100);
    await expect(first).rejects.toThrow("stopped");
    await expect(second).rejects.toThrow("not needed");
    expect((await third).durationS).toBe(0.6);
    await expect(pool.run(request(longSong), AbortSignal.abort(new Error("before")))).rejects.toThrow(
      "before",
    );
  });

  it("stops a decoder that makes no progress, and names the file", async () => {
    const workerUrl = fakeWorker("stuck", `parentPort.on("message", () => { for (;;); });`);
    const pool = new DecodePool({ concurrency: 1, workerUrl, stallS: 0.6, idleS: 0.05 });
    const error: unknown = await pool.run(request("stuck.mp3")).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "ERR_FILE", cause: "stalled" });
    expect((error as Error).message).toMatch(/^stuck\.mp3: the decoder made no progress/);
    expect(pool.threads).toBe(0);
  });

  it("lets a slow decoder live as long as its heart beats", async () => {
    const workerUrl = fakeWorker(
      "beating",
      `const heart = new Int32Array(workerData);
       parentPort.on("message", () => {
         const timer = setInterval(() => Atomics.add(heart, 0, 1), 20);
         setTimeout(() => { clearInterval(timer); parentPort.postMessage({ result: { channels: [] } }); }, 1500);
       });`,
    );
    const pool = new DecodePool({ concurrency: 1, workerUrl, stallS: 0.6, idleS: 0.05 });
    await expect(pool.run(request("slow.mp3"))).resolves.toEqual({ channels: [] });
  });

  it("outlives a thread that dies", async () => {
    const workerUrl = fakeWorker(
      "dying",
      `parentPort.on("message", ({ path }) => { if (path === "exit") process.exit(3); throw new Error("boom"); });`,
    );
    const pool = new DecodePool({ concurrency: 1, workerUrl, idleS: 0.05 });
    await expect(pool.run(request("throw"))).rejects.toMatchObject({ code: "ERR_INTERNAL" });
    await expect(pool.run(request("exit"))).rejects.toThrow(/ended with code 3/);
    expect(pool.threads).toBe(0);
  });

  it("decodes many files in a row without growing", async () => {
    const pool = new DecodePool({ concurrency: 1, workerUrl: builtWorker });
    const song = join(folder, "short.wav");
    writeWav(song, [sine(48000 * 5, 48000, 440)], 48000, "float32");
    for (let round = 0; round < 20; round++) await pool.run(request(song));
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 60; round++) await pool.run(request(song));
    // Sixty results of 3.8 MB each went by; kept, they would be 230 MB.
    expect(process.memoryUsage().rss - before).toBeLessThan(120 * 2 ** 20);
  });
});
