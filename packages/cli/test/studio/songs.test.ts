import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fieldsOf, GenerateSettings } from "@acewright/trainer";
import { beforeAll, expect, test } from "vitest";
import type { Job } from "../../dist/studio/api.js";
import type {
  ExportFormat,
  SongBasis,
  SongCheck,
  SongChoices,
  SongRow,
  SongsForm,
} from "../../dist/studio/songs-api.js";
import { newFolder, openBrowser } from "./open.js";
import { acewright, folderWithTensors, jobEnded, model } from "./training.js";

let trained = "";

beforeAll(async () => {
  trained = await folderWithTensors();
  const settings = ["--epochs", "4", "--rank", "4", "--device", "cpu", "--trigger", "bells"];
  const saving = ["--save-every-epochs", "2", "--validation-every", "2"];
  const [tensors, run] = [join(trained, "tensors"), join(trained, "runs/one")];
  await acewright("train", tensors, "-o", run, "-m", model, ...settings, ...saving);
}, 60_000);

function folderWithRun(): string {
  const folder = newFolder();
  cpSync(trained, folder, { recursive: true });
  return folder;
}

function song(more: Partial<SongChoices> = {}, settings: Record<string, string> = {}): SongChoices {
  return {
    model,
    adapters: [],
    output: "generated/song.wav",
    settings: { caption: "bells, slow", durationS: "1", steps: "1", device: "cpu", ...settings },
    ...more,
  };
}

test("every setting of a song is in the form, and each adapter that a run keeps", async () => {
  const { get } = await openBrowser(folderWithRun());
  const { groups, adapters } = (await get("generate/form")) as SongsForm;
  const fields = groups.flatMap((group) => group.fields);
  expect(fields.map(({ path }) => path)).toEqual(
    fieldsOf(GenerateSettings).map(({ path }) => path.join(".")),
  );
  for (const path of groups.flatMap((group) => group.basic))
    expect(fields.map((field) => field.path)).toContain(path);
  expect(fields.find(({ path }) => path === "lyrics")?.facts[""]?.control).toBe("lines");
  expect(adapters).toMatchObject([
    { path: "runs/one", which: "final" },
    { path: "runs/one/best", which: "best" },
    { path: "runs/one/checkpoints/step-00000002", which: "checkpoint", step: 2 },
    { path: "runs/one/checkpoints/step-00000004", which: "checkpoint", step: 4 },
  ]);
  expect((await get("generate/basis?run=runs/one")) as SongBasis).toEqual({
    model,
    adapter: "runs/one",
    trigger: "bells",
  });
});

test("the choices are a command line: adapters with their strength, several seeds into a folder", async () => {
  const { post } = await openBrowser(folderWithRun());
  const adapters = [
    { path: "runs/one", scale: "0.7" },
    { path: "runs/one/best", scale: "-1" },
  ];
  expect((await post("generate/check", song({ adapters }))).body).toEqual({
    problems: [],
    line: `acewright generate -m ${model} -a runs/one:0.7 -a runs/one/best:-1 -o generated/song.wav --caption 'bells, slow' --duration 1 --steps 1 --device cpu`,
  });
  const several = song({ output: "generated/songs" }, { seed: "1, 2,3" });
  expect(((await post("generate/check", several)).body as SongCheck).line).toMatch(
    /-o generated\/songs .*--seeds 1,2,3$/,
  );
});

test.each<[Partial<SongChoices>, Record<string, string>, string, RegExp]>([
  [{}, { caption: "" }, "caption", /caption is missing/],
  [{}, { durationS: "0" }, "durationS", /expected a number from 1 to 600, got 0/],
  [{}, { seed: "-1" }, "seed", /expected a whole number/],
  [{ output: "x" }, { seed: "1,many" }, "seed", /expected a whole number.*many/],
  [{ output: "generated/song" }, {}, "output", /ends in .wav or .flac/],
  [{ output: "" }, {}, "output", /name a file/],
  [{}, { seed: "1,2" }, "output", /name a folder/],
  [{ model: "" }, {}, "model", /choose a model/],
  [{ adapters: [{ path: "a", scale: "loud" }] }, {}, "adapters.0", /expected a number such as 1 or 0.7/],
  [{ adapters: [{ path: "a", scale: "1@0-1" }] }, {}, "adapters.0", /expected a number/],
  [{ adapters: [{ path: "a", scale: "" }] }, {}, "adapters.0", /expected a number/],
])("%j %j is refused at its field", async (more, settings, path, words) => {
  const { post } = await openBrowser(newFolder());
  const { body } = await post("generate/check", song(more, settings));
  expect((body as SongCheck).problems.map((problem) => problem.path)).toEqual([path]);
  expect((body as SongCheck).problems[0]?.text).toMatch(words);
  expect((body as SongCheck).line).toBe("");
  expect((await post("generate/start", song(more, settings))).status).toBe(400);
});

test("a song is made with a checkpoint's adapter, and listed where it lies", async () => {
  const folder = folderWithRun();
  const { studio, post, get, fetch } = await openBrowser(folder);
  expect(await get("generate/songs")).toEqual([]);
  expect(await get("generate/name")).toEqual({ output: "generated/song.wav" });
  const adapters = [{ path: "runs/one/checkpoints/step-00000002", scale: "1" }];
  const { status, body } = await post("generate/start", song({ adapters }));
  expect(status, JSON.stringify(body)).toBe(200);
  const job = body as Job;
  expect(job).toMatchObject({ kind: "generate", title: "song: bells, slow", makes: "generated/song.wav" });
  expect(await get("generate/name")).toEqual({ output: "generated/song-2.wav" });
  expect((await post("generate/start", song({ adapters }))).status).toBe(400);
  const done = await jobEnded(studio, job.id);
  expect(done.error).toBeUndefined();
  expect(done.status).toBe("done");
  const several = await post("generate/start", song({ output: "generated/two" }, { seed: "1,2" }));
  expect((await jobEnded(studio, (several.body as Job).id)).error).toBeUndefined();
  const songs = (await get("generate/songs")) as SongRow[];
  expect(songs.map(({ path }) => path).sort()).toEqual([
    "generated/song.wav",
    "generated/two/01-bells-slow-seed1.wav",
    "generated/two/02-bells-slow-seed2.wav",
  ]);
  expect(songs.every(({ about }) => about === "song: bells, slow")).toBe(true);
  expect((await fetch(`/api/runs/audio?path=${songs[0]?.path ?? ""}`)).headers.get("content-type")).toBe(
    "audio/wav",
  );
  expect((await post("generate/start", song())).status).toBe(400);
});

test("lyrics that no command line would hold go by a file, to the last letter", async () => {
  const folder = folderWithRun();
  const { studio, post } = await openBrowser(folder);
  for (const [lyrics, output] of [
    [`[Verse]\n${"鐘の音 ".repeat(12_000)}`.trim(), "generated/long.wav"],
    [`-${"bells ".repeat(4000)}`.trim(), "generated/dash.wav"],
  ] as const) {
    const { status, body } = await post("generate/start", song({ output }, { lyrics }));
    expect(status, JSON.stringify(body).slice(0, 300)).toBe(200);
    const { id, line } = body as Job;
    const file = /--lyrics-file (\S+)/.exec(line)?.[1] ?? "";
    expect(readFileSync(join(folder, file), "utf8")).toBe(lyrics);
    expect(line.length).toBeLessThan(1000);
    const done = await jobEnded(studio, id);
    expect([done.status, done.error]).toEqual(["done", undefined]);
  }
});

test("an adapter is exported under a name that is free, in a layout that has names for it", async () => {
  const folder = folderWithRun();
  const { studio, post, get } = await openBrowser(folder);
  const formats = (await get("export/formats")) as ExportFormat[];
  expect(formats.map(({ name }) => name)).toContain("comfyui");
  const { output } = (await get("export/name?run=runs/one&format=comfyui")) as { output: string };
  expect(output).toBe("exports/one-comfyui.safetensors");
  const choices = { run: "runs/one", which: "best", format: "comfyui", output, asLora: "" };
  const { status, body } = await post("export/start", choices);
  expect(status, JSON.stringify(body)).toBe(200);
  expect((body as Job).line).toBe(`acewright export runs/one -f comfyui -o ${output} --which best`);
  const done = await jobEnded(studio, (body as Job).id);
  expect(done.error).toBeUndefined();
  expect(existsSync(join(folder, output))).toBe(true);
  expect((await post("export/start", choices)).status).toBe(400);
  for (const wrong of [
    { ...choices, output: "" },
    { ...choices, output: "x", which: "newest" },
    { ...choices, output: "x", format: "zip" },
    { ...choices, output: "x", format: "lycoris" },
    { ...choices, output: "x", asLora: "9000" },
    { ...choices, output: "x", run: "tensors" },
  ])
    expect((await post("export/start", wrong)).status, JSON.stringify(wrong)).toBe(400);
});

test("no path of a song or an export leads out of the workspace", async () => {
  const folder = folderWithRun();
  const outside = newFolder();
  writeFileSync(join(outside, "a.wav"), "");
  symlinkSync(outside, join(folder, "link"));
  const { post, get } = await openBrowser(folder);
  const exported = { run: "runs/one", which: "final", format: "peft", output: "x", asLora: "" };
  for (const [path, body] of [
    ["generate/check", song({ output: "../x.wav" })],
    ["generate/start", song({ output: "link/new/x.wav" })],
    ["generate/start", song({ model: outside })],
    ["generate/start", song({ adapters: [{ path: "link", scale: "1" }] })],
    ["export/start", { ...exported, run: outside }],
    ["export/start", { ...exported, output: "link/x" }],
  ] as const)
    expect(await post(path, body), JSON.stringify(body)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/lies outside/) as unknown } },
    });
  expect(readdirSync(outside)).toEqual(["a.wav"]);
  expect(await get("jobs")).toEqual([]);
  mkdirSync(join(folder, "generated"));
  symlinkSync(join(outside, "a.wav"), join(folder, "generated/a.wav"));
  expect(await get("generate/songs")).toEqual([]);
});
