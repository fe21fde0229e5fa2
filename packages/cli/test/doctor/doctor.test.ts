import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DeviceInfo } from "@acewright/core-native";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Diagnosis } from "../../src/doctor/diagnosis.js";
import { diskVerdict, ffmpegDiagnosis, memoryDiagnosis, nodeDiagnosis } from "../../src/doctor/machine.js";
import { modelDiagnoses } from "../../src/doctor/models.js";
import { cardDiagnosis, cpuDiagnosis, cudaDiagnosis } from "../../src/doctor/native.js";
import { main } from "../../src/main.js";
import { recordingTerminal } from "../recording-terminal.js";

const folder = mkdtempSync(join(tmpdir(), "acewright-doctor-"));

beforeAll(async () => {
  expect(await acewright("models", "toy", join(folder, "toy"))).toBe(0);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

let terminal = recordingTerminal();
function acewright(...words: string[]): Promise<number> {
  terminal = recordingTerminal();
  const signal = new AbortController().signal;
  return main(words, { terminal, signal, stopNow: signal });
}

test.each([
  ["18.20.0", "problem"],
  ["20.18.3", "problem"],
  ["20.19.0", "ok"],
  ["22.1.0", "ok"],
])("Node %s: %s", (version, state) => {
  expect(nodeDiagnosis(version).state).toBe(state);
});

test("little memory, a full disk, no ffmpeg, a plain CPU and an unusable card are told with what to do", async () => {
  const device: DeviceInfo = { name: "cuda:0", description: "Old card", memoryBytes: 2 ** 33, freeBytes: 2 ** 33, threads: 1, instructionSet: "sm_75", buildId: "0" }; // prettier-ignore
  const notes: Diagnosis[] = [
    memoryDiagnosis(2 ** 30),
    diskVerdict(2 ** 30, "/songs"),
    await ffmpegDiagnosis("no-such-program"),
    cpuDiagnosis({ ...device, name: "cpu", instructionSet: "scalar" }),
    cudaDiagnosis(false, "no NVIDIA driver was found"),
    cardDiagnosis({ ...device, note: "compute capability 7.5 is too old; use 8.0 or newer" }),
  ];
  for (const { state, mend } of notes) {
    expect(state).toBe("note");
    expect(mend).toMatch(/\w{3}/);
  }
  const fine = [memoryDiagnosis(2 ** 36), diskVerdict(2 ** 36, "/songs"), cardDiagnosis(device)];
  for (const { state } of fine) expect(state).toBe("ok");
});

test("a missing folder of models names the download of all that is needed", () => {
  const place = join(folder, "none");
  const command = `acewright models download acestep-v15-turbo vae Qwen3-Embedding-0.6B -o ${place}`;
  expect(modelDiagnoses(place, false)).toMatchObject([{ state: "note", mend: command }]);
  expect(modelDiagnoses(place, true)).toMatchObject([{ state: "problem", mend: command }]);
});

test("of a folder with a missing and a damaged part, each names its own download", () => {
  const toy = join(folder, "toy");
  expect(modelDiagnoses(toy, true).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  rmSync(join(toy, "vae"), { recursive: true });
  writeFileSync(join(toy, "Qwen3-Embedding-0.6B", "model.safetensors"), "cut off");
  mkdirSync(join(toy, "with blank"));
  const byName = new Map(modelDiagnoses(toy, true).map((found) => [found.name, found]));
  expect(byName.get("music model")?.state).toBe("ok");
  expect(byName.get("vae")?.mend).toBe(`acewright models download vae -o ${toy}`);
  expect(byName.get("text encoder")).toMatchObject({
    state: "problem",
    mend: `acewright models download Qwen3-Embedding-0.6B -o ${toy}`,
  });
  expect(modelDiagnoses(join(toy, "with blank"), true)[0]?.mend).toContain(`-o "${join(toy, "with blank")}"`);
});

test("the command looks at everything, as JSON too, and fails where something must be mended", async () => {
  expect(await acewright("doctor", "--model", join(folder, "gone"), "--json")).toBe(2);
  const { ok, found } = JSON.parse(terminal.written.out) as { ok: boolean; found: Diagnosis[] };
  expect(ok).toBe(false);
  const names = found.map(({ name }) => name);
  for (const name of ["node", "native core", "cpu", "cuda", "encoders", "ffmpeg", "memory", "disk", "models"])
    expect(names).toContain(name);
  expect(found.find(({ name }) => name === "native core")?.detail).toMatch(/\.node$/);
  for (const { state, mend, name } of found) if (state !== "ok") expect(mend, name).toBeTruthy();
});
