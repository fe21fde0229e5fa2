import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeFile, type DecodedAudio } from "../../src/audio/decode-file.js";
import { audioExtensions } from "../../src/audio/kinds.js";
import { probeAudio } from "../../src/audio/probe.js";
import { scanFolder } from "@acewright/dataset";
import { fit, sweep } from "./sounds.js";

const hasFfmpeg = spawnSync("ffmpeg", ["-version"]).status === 0;
const withFfmpeg = "(skipped where ffmpeg is not installed)";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "acewright-ffmpeg-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function decode(path: string, sampleRateHz = 48000, maxDurationS?: number): Promise<DecodedAudio> {
  return decodeFile({ path, sampleRateHz, maxDurationS }, () => undefined);
}

/** 0.6 s of the sweep, encoded. */
function encode(name: string, ...encoding: string[]): string {
  const path = join(folder, name);
  const source = "aevalsrc=0.5*sin(2*PI*(200*t+1500*t*t)):s=48000:d=0.6";
  execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", source, ...encoding, path]);
  return path;
}

async function withoutFfmpeg<Result>(work: () => Promise<Result>): Promise<Result> {
  const searchPath = process.env["PATH"];
  process.env["PATH"] = folder;
  try {
    return await work();
  } finally {
    process.env["PATH"] = searchPath;
  }
}

describe.skipIf(!hasFfmpeg)(`files that ffmpeg decodes ${withFfmpeg}`, () => {
  // A codec's own delay is left in where its container does not say how long it is; of WMA ffmpeg leaves out a frame.
  it.each([
    { name: "song.m4a", encoding: ["-c:a", "aac", "-b:a", "128k"], codec: "aac", delay: 0, snrDb: 10 },
    { name: "lossless.m4a", encoding: ["-c:a", "alac"], codec: "alac", delay: 0, snrDb: 80 },
    {
      name: "book.m4b",
      encoding: ["-f", "ipod", "-c:a", "aac", "-b:a", "128k"],
      codec: "aac",
      delay: 0,
      snrDb: 10,
    },
    { name: "song.mp4", encoding: ["-c:a", "aac", "-b:a", "128k"], codec: "aac", delay: 0, snrDb: 10 },
    { name: "song.aac", encoding: ["-c:a", "aac", "-b:a", "128k"], codec: "aac", delay: 1024, snrDb: 10 },
    {
      name: "song.wma",
      encoding: ["-c:a", "wmav2", "-b:a", "128k"],
      codec: "wmav2",
      delay: -2048,
      snrDb: 40,
    },
    {
      name: "song.wv",
      encoding: ["-c:a", "wavpack", "-sample_fmt", "s16p"],
      codec: "wavpack",
      delay: 0,
      snrDb: 80,
    },
    {
      name: "song.mka",
      encoding: ["-c:a", "flac", "-sample_fmt", "s16"],
      codec: "flac",
      delay: 0,
      snrDb: 80,
    },
    { name: "song.webm", encoding: ["-c:a", "libopus", "-b:a", "128k"], codec: "opus", delay: 0, snrDb: 20 },
    { name: "song.caf", encoding: ["-c:a", "pcm_s16be"], codec: "pcm_s16be", delay: 0, snrDb: 80 },
    { name: "song.ac3", encoding: ["-c:a", "ac3", "-b:a", "192k"], codec: "ac3", delay: 256, snrDb: 20 },
    { name: "song.eac3", encoding: ["-c:a", "eac3", "-b:a", "192k"], codec: "eac3", delay: 256, snrDb: 20 },
  ])(
    "($name) are named by content, placed and levelled as they were",
    async ({ name, encoding, codec, delay, snrDb }) => {
      const path = encode(name, ...encoding);
      const audio = await decode(path);
      expect(audio.source).toMatchObject({ codec, sampleRateHz: 48000, channels: 1 });
      expect(audio.warnings).toEqual([]);
      expect(Math.abs(audio.durationS - 0.6)).toBeLessThan(0.08);
      const start = audio.channels[0].subarray(Math.max(0, delay));
      const wanted = sweep(26000 + Math.max(0, -delay), 48000).subarray(Math.max(0, -delay));
      expect(fit(start.subarray(0, 26000), wanted).snrDb).toBeGreaterThan(snrDb);
      expect(audioExtensions).toContain(name.split(".")[1]);

      const disguised = join(folder, "disguised.mp3");
      writeFileSync(disguised, readFileSync(path));
      const told = await decode(disguised);
      expect(told.channels).toEqual(audio.channels);
      expect(told.warnings[0]).toMatch(/disguised\.mp3: is an? .+ in spite of its name; read as what it is$/);
    },
  );

  it("are cut at the wanted duration", async () => {
    const audio = await decode(encode("cut.wma", "-c:a", "wmav2"), 48000, 0.25);
    expect(audio.durationS).toBe(0.25);
    expect(audio.source.codec).toBe("wmav2");
  });

  it("give scans their length by the container's word, and their tags", async () => {
    const songs = mkdtempSync(join(folder, "songs-"));
    const tags = ["-metadata", "title=Bells", "-metadata", "artist=Ann"];
    for (const name of ["a.m4a", "b.wma", "c.wv", "d.mka", "e.aac", "f.caf"]) {
      const source = "aevalsrc=0.5*sin(2000*t):s=48000:d=2.5";
      const path = join(songs, name);
      execFileSync("ffmpeg", ["-v", "error", "-f", "lavfi", "-i", source, ...tags, path]);
    }
    const { dataset, report } = await scanFolder(songs);
    expect([report.skipped, report.warnings]).toEqual([[], []]);
    expect(dataset.samples.map(({ duration }) => duration)).toEqual([2, 2, 2, 2, 2, 2]);
    const titled = dataset.samples.filter(
      (sample) => (sample.acewright as { title?: string } | undefined)?.title === "Bells",
    );
    expect(titled.map(({ filename }) => filename)).toEqual(["a.m4a", "b.wma", "c.wv", "d.mka"]);
  });

  it("that are damaged are refused with ffmpeg's first line", async () => {
    const path = join(folder, "broken.m4a");
    writeFileSync(
      path,
      Buffer.concat([Buffer.from([0, 0, 0, 24]), Buffer.from("ftypM4A \0\0\0\0M4A mp42"), Buffer.alloc(400)]),
    );
    await expect(decode(path)).rejects.toThrow(
      /broken\.m4a: ffmpeg could not decode it: \S.*; get the file again$/,
    );
  });

  it("that are cut off are refused, though ffmpeg would fill in", async () => {
    const path = join(folder, "cut.m4a");
    const source = "aevalsrc=0.5*sin(2000*t):s=44100:d=3";
    const encoding = ["-c:a", "aac", "-movflags", "+faststart", path];
    execFileSync("ffmpeg", ["-v", "error", "-y", "-f", "lavfi", "-i", source, ...encoding]);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, Math.floor(whole.length * 0.7)));
    await expect(decode(path)).rejects.toMatchObject({ code: "ERR_FILE", cause: "damaged" });
  });

  it("fetch nothing, whatever playlist or reference they hold", async () => {
    let requests = 0;
    const server = createServer((_, response) => {
      requests++;
      response.end();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/song.wav`;
    try {
      const playlists = {
        "m3u8.m4a": `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
        "concat.wma": `ffconcat version 1.0\nfile '${url}'\n`,
        "asx.wma": `<asx version="3.0"><entry><ref href="${url}"/></entry></asx>`,
        "reference.wma": `[Reference]\nRef1=${url}\n`,
        "sdp.aac": `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\n`,
        // Begin as a container does, so that ffmpeg is asked.
        "begun.m4a": `\0\0\0\x18ftypM4A \0\0\0\0M4A mp42\n#EXTM3U\n#EXTINF:10,\n${url}\n`,
        "begun.caf": `caff\n#EXTM3U\n#EXTINF:10,\n${url}\n`,
      };
      for (const [name, text] of Object.entries(playlists)) {
        writeFileSync(join(folder, name), text);
        await expect(decode(join(folder, name)), name).rejects.toMatchObject({ code: "ERR_FILE" });
      }
      const outside = join(folder, "outside.m4a");
      writeFileSync(outside, referringTo(url, readFileSync(encode("inside.m4a", "-c:a", "alac"))));
      await decode(outside).catch(() => undefined);
      const songs = mkdtempSync(join(folder, "playlists-"));
      for (const [name, text] of Object.entries(playlists)) writeFileSync(join(songs, name), text);
      expect((await scanFolder(songs)).report.skipped.length).toBe(Object.keys(playlists).length);
      expect(requests).toBe(0);

      // The server does count: it is the manner of asking that fetches nothing.
      const careless = [
        "-v",
        "quiet",
        "-protocol_whitelist",
        "file,http,tcp",
        "-i",
        join(folder, "m3u8.m4a"),
      ];
      const asked = new Promise((resolve) => server.once("request", resolve));
      execFileAsync("ffmpeg", [...careless, "-f", "null", "-"]);
      await asked;
      expect(requests).toBeGreaterThan(0);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

function execFileAsync(command: string, args: readonly string[]): void {
  execFile(command, args, () => undefined);
}

/** Points the data reference of an MPEG-4 file outside, as movies that keep their sound in another file do. */
function referringTo(url: string, original: Buffer): Buffer {
  const at = original.indexOf("url \0\0\0\x01") - 4;
  const entry = Buffer.from(`\0\0\0\0url \0\0\0\0${url}\0`, "latin1");
  entry.writeUInt32BE(entry.length);
  const grown = Buffer.concat([original.subarray(0, at), entry, original.subarray(at + 12)]);
  for (const box of ["moov", "trak", "mdia", "minf", "dinf", "dref"]) {
    const start = grown.indexOf(box) - 4;
    grown.writeUInt32BE(grown.readUInt32BE(start) + entry.length - 12, start);
  }
  return grown;
}

/** The first bytes of each kind that ffmpeg decodes. */
const heads: Readonly<Record<string, string>> = {
  m4a: "\0\0\0\x18ftypM4A \0\0\0\0M4A mp42",
  aac: "\xff\xf1\x50\x80\x02\x1f\xfc\0\0\0",
  wma: "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
  wv: "wvpk\0\0\0\0\x10\x04\0\0\0\0\0\0",
  ape: "MAC \x96\x0f\0\0\0\0\0\0\0\0\0\0",
  mka: "\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f",
  caf: "caff\0\x01\0\0desc\0\0\0\0",
  ac3: "\x0b\x77\x12\x34\x14\x40\x2f\x84",
  eac3: "\x0b\x77\x01\x7f\x34\x80\x2f\x84",
};

describe("without ffmpeg", () => {
  it.each(Object.entries(heads))(
    "a .%s file is still told by its content, and what to do about it",
    async (extension, head) => {
      const path = join(folder, `alone.${extension}`);
      writeFileSync(path, Buffer.from(head, "latin1"));
      expect((await probeAudio(path)).warnings).toEqual([]);
      const line =
        /^\S+alone\.\w+: is an? .+ file, which is decoded by ffmpeg, .+; install it or convert to flac$/;
      const refusal = await withoutFfmpeg(() => decode(path).catch((error: unknown) => error));
      expect(refusal).toMatchObject({ code: "ERR_FILE", cause: "needs-ffmpeg" });
      expect((refusal as Error).message).toMatch(line);
    },
  );

  it("a scan skips them with that line and goes on", async () => {
    const songs = mkdtempSync(join(folder, "mixed-"));
    writeFileSync(join(songs, "song.wma"), Buffer.from(heads["wma"] ?? "", "latin1"));
    writeFileSync(join(songs, "song.ape"), Buffer.from(heads["ape"] ?? "", "latin1"));
    const { dataset, report } = await withoutFfmpeg(() => scanFolder(songs));
    expect(dataset.samples).toEqual([]);
    expect(report.skipped.length).toBe(2);
    for (const { reason } of report.skipped) expect(reason).toMatch(/ffmpeg.*install it/);
  });
});
