import { beforeEach, describe, expect, test, vi } from "vitest";
import type { decodeAudio } from "../../../src/audio/decode.js";
import { SoundsAhead } from "../../../src/preprocess/audio/sounds-ahead.js";
import type { PendingSong } from "../../../src/preprocess/phase.js";
import type { Piece } from "../../../src/preprocess/pieces/piece.js";
import { parsePreprocessSettings } from "../../../src/preprocess/settings.js";

// Decoding is recorded instead of done: what matters here is when it begins, how often, and how much waits.

const decoded: string[] = [];
vi.mock(import("../../../src/audio/decode.js"), async (original) => ({
  ...(await original()),
  decodeAudio: (path) => {
    decoded.push(path);
    if (path === "broken") return Promise.reject(new Error("cannot be read"));
    const channels = [0, 1].map(() => new Float32Array(48_000 * 10).map((_, i) => i)) as [Wave, Wave];
    return Promise.resolve({ channels, durationS: 10, warnings: [`of ${path}`] } as unknown as Awaited<
      ReturnType<typeof decodeAudio>
    >);
  },
}));
type Wave = Float32Array<ArrayBuffer>;

beforeEach(() => {
  decoded.length = 0;
});

const song = (songId: string, piece: Piece = {}, songS = 10): PendingSong =>
  ({ id: songId, songId, piece, audioFile: songId, songS, expectedS: songS }) as unknown as PendingSong;

const ahead = (songs: PendingSong[], limits?: { pieces: number; bytes: number }): SoundsAhead =>
  new SoundsAhead(songs, parsePreprocessSettings({}), new AbortController().signal, () => undefined, limits);

const secondBytes = 2 * 4 * 48_000;

describe("songs are decoded ahead", () => {
  test("as many as may wait, in order, and one more each time one is taken", async () => {
    const songs = ["a", "b", "c", "d", "e"].map((id) => song(id));
    const sounds = ahead(songs, { pieces: 2, bytes: 1e12 });
    await sounds.take(songs[0] as PendingSong);
    expect(decoded).toEqual(["a", "b", "c"]);
    await sounds.take(songs[1] as PendingSong);
    expect(decoded).toEqual(["a", "b", "c", "d"]);
  });

  test("within the memory that is allowed, but always one", async () => {
    const songs = ["a", "b", "c"].map((id) => song(id));
    // A whole song counts twice: as the song and as its piece.
    const two = ahead(songs, { pieces: 9, bytes: 40 * secondBytes });
    await two.take(songs[0] as PendingSong);
    expect(decoded).toEqual(["a", "b"]);
    decoded.length = 0;
    const none = ahead(songs, { pieces: 9, bytes: 1 });
    for (const one of songs) {
      await none.take(one);
      expect(decoded.at(-1)).toBe(one.songId);
    }
    expect(decoded).toEqual(["a", "b", "c"]);
  });

  test("a song of unknown length counts five minutes", async () => {
    const songs = [song("a", {}, 0), song("b", {}, 0)];
    await ahead(songs, { pieces: 9, bytes: 1199 * secondBytes }).take(songs[0] as PendingSong);
    expect(decoded).toEqual(["a"]);
  });
});

test("a song is decoded once for all its pieces, and each is its stretch to the sample", async () => {
  const chunks = [
    { startS: 0, endS: 4 },
    { startS: 3.5, endS: 7.5 },
  ].map((chunk) => song("a", { chunk }));
  const sounds = ahead([...chunks, song("b")]);
  const [first, second] = [
    await sounds.take(chunks[0] as PendingSong),
    await sounds.take(chunks[1] as PendingSong),
  ];
  expect(decoded).toEqual(["a", "b"]);
  expect([first.wave[0].length, first.durationS, first.wave[1][0]]).toEqual([192_000, 4, 0]);
  expect([second.wave[0].length, second.wave[0][0], second.wave[1].at(-1)]).toEqual([
    192_000, 168_000, 359_999,
  ]);
});

test("a song that cannot be read fails when it is taken, all its pieces by one error, and the next ones come", async () => {
  const pieces = [0, 4].map((startS) => song("broken", { chunk: { startS, endS: startS + 4 } }));
  const songs = [song("a"), ...pieces, song("b")];
  const sounds = ahead(songs);
  await sounds.take(songs[0] as PendingSong);
  const errors = [];
  for (const piece of pieces) errors.push(await sounds.take(piece).catch((error: unknown) => error));
  expect(errors[0]).toBeInstanceOf(Error);
  expect(errors[1]).toBe(errors[0]);
  expect((await sounds.take(songs[3] as PendingSong)).durationS).toBe(10);
});

test("a piece asked for out of turn is our fault and said so", async () => {
  const songs = ["a", "b", "c"].map((id) => song(id));
  const sounds = ahead(songs, { pieces: 1, bytes: 1e12 });
  await expect(sounds.take(songs[2] as PendingSong)).rejects.toThrow("out of turn");
});
