import type { AceErrorCode } from "@acewright/core-native";
import { AceError } from "@acewright/core-native";
import { describe, expect, test } from "vitest";
import type { PreprocessEvent } from "../../src/preprocess/events.js";
import type { PendingSong, PhaseContext } from "../../src/preprocess/phase.js";
import { checkFinite, eachSong, pieceLabel } from "../../src/preprocess/phase.js";

const songs = [
  { id: "one", audioFile: "one.wav", expectedS: 10 },
  { id: "two", audioFile: "two.wav", expectedS: 20 },
  { id: "three", audioFile: "three.wav", expectedS: 30 },
] as PendingSong[];

function context(signal = new AbortController().signal): {
  context: PhaseContext;
  events: PreprocessEvent[];
} {
  const events: PreprocessEvent[] = [];
  const emit = (event: PreprocessEvent): void => void events.push(event);
  return { context: { emit, signal } as PhaseContext, events };
}

const progress = (events: readonly PreprocessEvent[]): [string, number, number, number][] =>
  events.flatMap((event) =>
    event.type === "progress" ? [[event.id, event.songsDone, event.audioDoneS, event.audioS]] : [],
  );

describe("a phase", () => {
  test("tells how far it is by songs and by seconds of audio, those of refused songs too", async () => {
    const { context: on, events } = context();
    const made = await eachSong(on, "latents", songs, (song, onFraction) => {
      onFraction(0.5);
      if (song.id === "two") return Promise.reject(new AceError("ERR_FILE", "two.wav: no"));
      return Promise.resolve(() => undefined);
    });
    expect([...made]).toEqual(["one", "three"]);
    expect(events[0]).toEqual({ type: "phase", phase: "latents", songs: 3 });
    expect(progress(events)).toEqual([
      ["one", 0, 5, 60],
      ["one", 0, 10, 60],
      ["two", 1, 20, 60],
      ["three", 2, 45, 60],
      ["three", 2, 60, 60],
    ]);
  });

  test("waits until a song is written before it says so and takes the next", async () => {
    const { context: on, events } = context();
    const order: string[] = [];
    await eachSong(on, "prompts", songs.slice(0, 2), (song) => {
      order.push(`work on ${song.id}`);
      return Promise.resolve(async () => {
        await new Promise((resolve) => setTimeout(resolve, 5));
        expect(progress(events).filter(([id]) => id === song.id)).toEqual([]);
        order.push(`wrote ${song.id}`);
      });
    });
    expect(order).toEqual(["work on one", "wrote one", "work on two", "wrote two"]);
  });

  test("tells one refusal of several pieces once, and leaves each of them out", async () => {
    const { context: on, events } = context();
    const refusal = new AceError("ERR_FILE", "one.wav: cannot be read");
    const made = await eachSong(on, "latents", songs, (song) =>
      song.id === "three" ? Promise.resolve(() => undefined) : Promise.reject(refusal),
    );
    expect([...made]).toEqual(["three"]);
    expect(events.filter(({ type }) => type === "failed")).toEqual([
      { type: "failed", id: "one", audioFile: "one.wav", error: refusal },
    ]);
  });

  test.each<[AceErrorCode, boolean]>([
    ["ERR_FILE", true],
    ["ERR_CONFIG", true],
    ["ERR_SHAPE", true],
    ["ERR_OUT_OF_MEMORY", true],
    ["ERR_CHECKPOINT", false],
    ["ERR_DEVICE", false],
  ])("goes on after %s of one song: %s", async (code, goesOn) => {
    const { context: on } = context();
    const run = eachSong(on, "latents", songs, (song) =>
      song.id === "one" ? Promise.reject(new AceError(code, "refused")) : Promise.resolve(() => undefined),
    );
    if (goesOn) expect([...(await run)]).toEqual(["two", "three"]);
    else await expect(run).rejects.toMatchObject({ code });
  });

  test("ends when a write fails or the fault is ours, for it would for every song", async () => {
    const full = new AceError("ERR_FILE", "the disk is full");
    const { context: on, events } = context();
    const writing = eachSong(on, "latents", songs, () => Promise.resolve(() => Promise.reject(full)));
    await expect(writing).rejects.toBe(full);
    expect(events.filter(({ type }) => type === "failed")).toEqual([]);
    const ours = eachSong(on, "latents", songs, () => Promise.reject(new TypeError("ours")));
    await expect(ours).rejects.toThrow("ours");
  });

  test("stops between two songs once it is aborted", async () => {
    const stop = new AbortController();
    const { context: on } = context(stop.signal);
    const begun: string[] = [];
    const run = eachSong(on, "latents", songs, (song) => {
      begun.push(song.id);
      stop.abort(new Error("stopped"));
      return Promise.resolve(() => undefined);
    });
    await expect(run).rejects.toThrow("stopped");
    expect(begun).toEqual(["one"]);
  });
});

test("a piece is called by its file, its place and its variant", () => {
  const label = (piece: PendingSong["piece"]): string => pieceLabel({ ...(songs[0] as PendingSong), piece });
  const chunk = { startS: 1.25, endS: 5 };
  expect(label({})).toBe("one.wav");
  expect(label({ chunk })).toBe("one.wav (1.25 to 5.00 s)");
  expect(label({ chunk, variant: { semitones: 2, tempo: 1, gainDb: 0 } })).toMatch(
    /^one\.wav \(1\.25 to 5\.00 s, .*pitch/,
  );
});

test.each([NaN, Infinity, -Infinity])(
  "a network's %s is refused with the song and what to look at",
  (bad) => {
    expect(() => {
      checkFinite("one.wav", "text states", Float32Array.of(1, 2, bad));
    }).toThrow(/one\.wav: its text states hold NaN or infinity; look at its caption/);
    expect(() => {
      checkFinite("one.wav", "latents", Float32Array.of(1, -2, 0));
    }).not.toThrow();
  },
);
