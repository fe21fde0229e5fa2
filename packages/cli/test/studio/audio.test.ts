import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderWithSongs, openBrowser } from "./open.js";

async function range(
  header: string | undefined,
): Promise<{ status: number; range: string | null; bytes: Buffer }> {
  const { folder, fetch } = await openBrowser(folderWithSongs());
  writeFileSync(join(folder, "songs/ten.wav"), "0123456789");
  const answer = await fetch("/api/runs/audio?path=songs/ten.wav", {
    headers: header === undefined ? {} : { range: header },
  });
  return {
    status: answer.status,
    range: answer.headers.get("content-range"),
    bytes: Buffer.from(await answer.arrayBuffer()),
  };
}

test.each([
  [undefined, 200, null, "0123456789"],
  ["bytes=0-", 206, "bytes 0-9/10", "0123456789"],
  ["bytes=3-5", 206, "bytes 3-5/10", "345"],
  ["bytes=9-9", 206, "bytes 9-9/10", "9"],
  ["bytes=4-99", 206, "bytes 4-9/10", "456789"],
  ["bytes=-3", 206, "bytes 7-9/10", "789"],
  ["bytes=-99", 206, "bytes 0-9/10", "0123456789"],
  ["bytes=10-", 416, "bytes */10", ""],
  ["bytes=5-4", 416, "bytes */10", ""],
  ["bytes=-", 200, null, "0123456789"],
  ["bytes=1-2,4-5", 200, null, "0123456789"],
  ["lines=1-2", 200, null, "0123456789"],
])("range %s", async (header, status, contentRange, text) => {
  const answer = await range(header);
  expect(answer.status).toBe(status);
  expect(answer.range).toBe(contentRange);
  expect(answer.bytes.toString()).toBe(text);
});

test("a song arrives as it is, as what it is", async () => {
  const { folder, fetch } = await openBrowser(folderWithSongs());
  const answer = await fetch("/api/runs/audio?path=songs/bells-one.flac");
  expect(answer.headers.get("content-type")).toBe("audio/flac");
  // Without it players do not jump about in a song.
  expect(answer.headers.get("accept-ranges")).toBe("bytes");
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(readFileSync(join(folder, "songs/bells-one.flac")));
  writeFileSync(join(folder, "songs/none.mp3"), "");
  const empty = await fetch("/api/runs/audio?path=songs/none.mp3");
  expect([empty.status, await empty.text()]).toEqual([200, ""]);
  expect((await fetch("/api/runs/audio?path=songs/absent.mp3")).status).toBe(400);
});
