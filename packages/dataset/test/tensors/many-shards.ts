import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openTensors } from "../../src/tensors/open-tensors.js";
import { ShardStore } from "../../src/tensors/shard-store.js";
import { headFor, numberedSong } from "./many-songs.js";

/** Writes so many tiny songs to shards, opens them and reads some at random; times in ms, memory in MiB. */
export async function measureShards(songs: number, reads: number): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "acewright-many-shards-"));
  try {
    const store = await ShardStore.open(folder, { shardBytes: 2 ** 25, songsPerSync: 512 });
    const head = await headFor(folder);
    const writeMs = await timed(() => {
      for (let n = 0; n < songs; n++) store.put(numberedSong(n).content, numberedSong(n).metadata, 1);
      store.finish(head, Array.from({ length: songs }, (_, n) => `song-${n}`)); // prettier-ignore
    });
    let longestBlockMs = 0;
    let last = performance.now();
    const beat = setInterval(() => {
      longestBlockMs = Math.max(longestBlockMs, performance.now() - last - 5);
      last = performance.now();
    }, 5);
    const before = process.memoryUsage();
    let tensors!: Awaited<ReturnType<typeof openTensors>>;
    const openMs = await timed(async () => (tensors = await openTensors(folder)));
    const after = process.memoryUsage();
    const latencies: number[] = [];
    let wrong = tensors.samples.length === songs ? 0 : 1;
    for (let i = 0; i < reads; i++) {
      const n = Number((BigInt(i + 1) * 2_654_435_761n) % BigInt(songs));
      const ms = await timed(async () => {
        const { latents } = await tensors.read(`song-${n}`);
        if (latents[0] !== n) wrong++;
      });
      latencies.push(ms);
    }
    clearInterval(beat);
    latencies.sort((a, b) => a - b);
    const at = (share: number): number => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
    return {
      songs,
      wrong,
      writeMs,
      openMs,
      longestBlockMs,
      heapMiB: (after.heapUsed - before.heapUsed) / 2 ** 20,
      medianReadMs: at(0.5),
      p99ReadMs: at(0.99),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
