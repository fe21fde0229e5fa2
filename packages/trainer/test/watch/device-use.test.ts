import { chmodSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeviceInfo } from "@acewright/core-native";
import { afterEach, expect, test, vi } from "vitest";
import type { TrainEvent } from "../../src/events.js";
import { readEventLog } from "../../src/run/event-log.js";
import { nodeFiles } from "../../src/run/files.js";
import { trainWith } from "../../src/train/train.js";
import { GpuWatch, ownRow, parseGpuRows } from "../../src/watch/gpu-use.js";
import { watchDevice } from "../../src/watch/watch-device.js";
import { boardOf } from "../tensorboard-reader.js";
import { events, ofType, parts, scratch, shortRun } from "../trained.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

const csv = `GPU-aaaa, NVIDIA H100, 7987, 81559, 93, 61, 402.13
GPU-bbbb, NVIDIA L4, 12, 23034, 0, 40, [N/A]
GPU-cccc, NVIDIA L4, 13, 23034, 1, 41, 20.5
`;
const rows = parseGpuRows(csv);
const device = (name: DeviceInfo["name"], description: string) =>
  ({ name, description, memoryBytes: 16e9 }) as DeviceInfo;

test("what the driver tells is read, what it does not know is left out", () => {
  expect(rows.map(({ uuid }) => uuid)).toEqual(["GPU-aaaa", "GPU-bbbb", "GPU-cccc"]);
  expect(rows[0]?.use).toEqual({
    memoryBytes: 7987 * 2 ** 20,
    memoryTotalBytes: 81559 * 2 ** 20,
    utilization: 0.93,
    temperatureC: 61,
    powerW: 402.13,
  });
  expect(rows[1]?.use).not.toHaveProperty("powerW");
  expect(parseGpuRows("No devices were found\n")).toEqual([]);
});

test.each([
  ["cuda:0", "NVIDIA H100", undefined, "GPU-aaaa"],
  ["cuda:2", "NVIDIA H100", undefined, "GPU-aaaa"],
  ["cuda:1", "NVIDIA L4", undefined, undefined],
  ["cuda:1", "NVIDIA L4", "1,2", "GPU-cccc"],
  ["cuda:0", "NVIDIA L4", "GPU-c", "GPU-cccc"],
  ["cuda:0", "NVIDIA L4", "2,9,1", "GPU-cccc"],
  ["cuda:0", "NVIDIA T4", undefined, undefined],
] as const)("%s (%s) among the visible %s is %s", (name, description, visible, uuid) => {
  expect(ownRow(rows, device(name, description), visible)?.uuid).toBe(uuid);
});

test.skipIf(process.platform === "win32")(
  "the tool is asked beside the run; its absence is told",
  async () => {
    const folder = scratch();
    const tool = join(folder, "nvidia-smi");
    writeFileSync(tool, `#!/bin/sh\ncat <<'END'\n${csv}END\n`);
    chmodSync(tool, 0o755);
    const until = async (done: () => boolean) => {
      for (let i = 0; i < 500 && !done(); i++) await sleep(10);
    };
    const path = { PATH: `${folder}${delimiter}${process.env["PATH"] ?? ""}` };
    const watch = new GpuWatch(device("cuda:0", "NVIDIA H100"), path);
    await until(() => watch.read() !== undefined);
    watch.close();
    expect(watch.read()?.utilization).toBe(0.93);
    expect(watch.absence).toBeUndefined();

    // A reading that fails is tried again: only a tool that is not there is given up at once.
    writeFileSync(tool, "#!/bin/sh\nexit 9\n");
    const failing = new GpuWatch(device("cuda:0", "NVIDIA H100"), path);
    await sleep(300);
    expect(failing.absence).toBeUndefined();
    failing.close();

    const without = new GpuWatch(device("cuda:0", "NVIDIA H100"), { PATH: join(folder, "nothing") });
    await until(() => without.absence !== undefined);
    expect(without.absence).toMatch(/^the GPU's use is not shown: nvidia-smi: .*ENOENT/);
    expect(without.read()).toBeUndefined();
    without.close();
  },
);

test("on the CPU memory and cores are this process's", () => {
  const watch = watchDevice(device("cpu", "a CPU"));
  const end = performance.now() + 60;
  while (performance.now() < end);
  const use = watch.read();
  expect(use?.memoryBytes).toBeGreaterThan(10e6);
  expect(use?.utilization).toBeGreaterThan(0);
  expect(use?.utilization).toBeLessThanOrEqual(1);
  watch.close();
});

test("a run tells its device's use as often as asked, TensorBoard included", async () => {
  const run = join(scratch(), "run");
  const all = await events(shortRun(run, { logHeavyEvery: 2 }), {}, parts());
  expect(ofType(all, "device").map(({ step }) => step)).toEqual([2, 4, 6]);
  const [file = ""] = readdirSync(join(run, "tensorboard"));
  const log = readFileSync(join(run, "tensorboard", file));
  for (const [tag, values] of [
    ["device/memory_gib", ofType(all, "device").map(({ memoryBytes }) => memoryBytes / 2 ** 30)],
    ["device/utilization", ofType(all, "device").map(({ utilization }) => utilization)],
  ] as const) {
    const found: number[] = [];
    // In a summary's value, simple_value (field 2, a float) follows the tag.
    for (let at = log.indexOf(tag); at !== -1; at = log.indexOf(tag, at + 1))
      found.push(log.readFloatLE(at + tag.length + 1));
    expect(found).toEqual(values.map(Math.fround));
  }
  expect(log.includes("device/temperature_c")).toBe(false);
});

/** Trains until something was told and three looks more, however long the tool takes to answer. */
async function untilTold(run: string, device: Partial<DeviceInfo>, isTold: (event: TrainEvent) => boolean) {
  const all: TrainEvent[] = [];
  const on = parts({ device, duringStep: () => sleep(20) });
  let after = 0;
  for await (const event of trainWith(on, shortRun(run, { logHeavyEvery: 1, epochs: 2000 }))) {
    all.push(event);
    if (event.type === "step" && all.some(isTold) && ++after === 3) break;
  }
  return all;
}

test("that the GPU's use cannot be told is told once, not at each look", async () => {
  vi.stubEnv("PATH", join(scratch(), "nothing"));
  const isTold = (event: TrainEvent) =>
    event.type === "warning" && event.message.includes("GPU's use is not shown");
  const all = await untilTold(join(scratch(), "run"), { name: "cuda:0" }, isTold);
  expect(ofType(all, "device")).toEqual([]);
  expect(all.filter(isTold)).toHaveLength(1);
});

test.skipIf(process.platform === "win32")(
  "of a GPU TensorBoard is told memory, use, temperature and power",
  async () => {
    const [folder, run] = [scratch(), join(scratch(), "run")];
    const tool = join(folder, "nvidia-smi");
    writeFileSync(tool, `#!/bin/sh\necho '${csv.split("\n")[0] ?? ""}'\n`);
    chmodSync(tool, 0o755);
    vi.stubEnv("PATH", `${folder}${delimiter}${process.env["PATH"] ?? ""}`);
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "");
    const gpu = { name: "cuda:0", description: "NVIDIA H100" } as const;
    await untilTold(run, gpu, ({ type }) => type === "device");
    const told = ofType(readEventLog(nodeFiles, join(run, "events.jsonl")), "device");
    expect(told.length).toBeGreaterThanOrEqual(3);
    const { scalars } = boardOf(run);
    const curve = (value: number) => told.map(({ step }) => [step, Math.fround(value)]);
    expect(scalars["device/memory_gib"]).toEqual(curve(7987 / 1024));
    expect(scalars["device/utilization"]).toEqual(curve(0.93));
    expect(scalars["device/temperature_c"]).toEqual(curve(61));
    expect(scalars["device/power_w"]).toEqual(curve(402.13));
  },
);
