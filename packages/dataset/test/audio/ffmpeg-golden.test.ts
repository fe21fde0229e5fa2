import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeFile } from "../../src/audio/decode-file.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/audio/${name}`, import.meta.url));

interface Golden {
  name: string;
  channels: number;
  rates: { rateHz: number; frames: number; starts: number[]; left: number[][] }[];
}

/** Written by fixtures/audio/make-golden.mjs from ffmpeg's own decoding. */
const golden = JSON.parse(readFileSync(fixture("ffmpeg-golden.json"), "utf8")) as Golden[];
const cases = golden.flatMap(({ name, channels, rates }) =>
  rates.map((rate) => ({ name, channels, ...rate })),
);

/** Full scale is 1: what two lossy decoders and two resamplers may differ by. */
const bound = 1e-4;

describe("a decoded song stands sample for sample where ffmpeg puts it", () => {
  it.each(cases)("$name at $rateHz Hz", async ({ name, channels, rateHz, frames, starts, left }) => {
    const path = fixture(name);
    const audio = await decodeFile({ path, sampleRateHz: rateHz, maxDurationS: undefined }, () => undefined);
    expect(audio.source.channels).toBe(channels);
    // Rounding a length up or down is each program's own choice; of Vorbis this ffmpeg leaves out the last packet's end,
    // up to the last granule, which is 0.6 s of sweep in full.
    const leftOut = name.endsWith(".ogg") ? Math.ceil((128 * rateHz) / 44100) : 0;
    const surplus = audio.channels[0].length - frames;
    expect(surplus).toBeGreaterThanOrEqual(-1);
    expect(surplus).toBeLessThanOrEqual(1 + leftOut);
    const errors = starts.map((start, n) =>
      Math.max(
        ...(left[n] ?? []).map((wanted, i) => Math.abs((audio.channels[0][start + i] ?? wanted) - wanted)),
      ),
    );
    for (const [n, error] of errors.entries()) expect(error, `from sample ${starts[n]}`).toBeLessThan(bound);
  });
});
