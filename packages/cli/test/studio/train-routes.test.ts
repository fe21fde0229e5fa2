import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readRun } from "@acewright/trainer";
import { expect, test } from "vitest";
import type { Job } from "../../dist/studio/api.js";
import type {
  TrainBasis,
  TrainCheck,
  TrainDevice,
  TrainPlan,
  TrainStarted,
} from "../../dist/studio/train-api.js";
import { newFolder, openBrowser } from "./open.js";
import { choices, folderWithTensors, jobEnded, model } from "./training.js";

test("a check says what is wrong where, and the command line once nothing is", async () => {
  const { post, get } = await openBrowser(await folderWithTensors());
  const { body: wrong } = await post("train/check", choices({ "adapter.rank": "0" }));
  expect((wrong as TrainCheck).problems).toEqual([
    { path: "adapter.rank", text: "adapter.rank: expected a whole number from 1 to 4096, got 0" },
  ]);
  expect((wrong as TrainCheck).line).toBe("");
  const { body: right } = await post("train/check", choices({ "adapter.rank": "8", trigger: "my style" }));
  expect(right).toEqual({
    problems: [],
    line: `acewright train tensors -o runs/one -m ${model} --adapter lora --rank 8 --trigger 'my style'`,
  });
  const { settings } = (await get("train/basis?preset=quick_test")) as TrainBasis;
  const begun = choices({ ...settings, epochs: "3" }, { preset: "quick_test" });
  const { body: preset } = await post("train/check", begun);
  expect((preset as TrainCheck).line).toMatch(/-m \S+ --preset quick_test --epochs 3$/);
});

test("a plan counts songs, steps, numbers and memory, and says what a field left open comes to", async () => {
  const { post } = await openBrowser(await folderWithTensors());
  const { status, body } = await post("train/plan", choices({ epochs: "3", "adapter.rank": "4" }));
  expect(status, JSON.stringify(body)).toBe(200);
  const { plan, parameters, ranks, resolved, cures, busy } = body as TrainPlan;
  expect(plan).toMatchObject({ trainingSongs: 3, validationSongs: 0, steps: 3, epochs: 3 });
  expect(plan.speed).toBeUndefined();
  expect(plan.recompute.verdict).toBe("green");
  expect([ranks, cures, busy]).toEqual(["rank 4", [], false]);
  expect(parameters).toBeGreaterThan(1000);
  expect(resolved).toMatchObject({ "adapter.alpha": "8", learningRate: "0.0001", recompute: "none" });
});

test("measured, the plan tells the time", async () => {
  const { post } = await openBrowser(await folderWithTensors());
  const { body } = await post("train/plan", {
    ...choices({ epochs: "2", "adapter.rank": "4" }),
    measure: true,
  });
  expect((body as TrainPlan).plan.speed?.secondsPerStep).toBeGreaterThan(0);
});

test("a plan warns of what does nothing, and refuses what training would", async () => {
  const folder = await folderWithTensors();
  const { post } = await openBrowser(folder);
  const { body } = await post("train/plan", choices({ scheduleRestarts: "7" }));
  expect((body as TrainPlan).plan.warnings.join()).toMatch(/scheduleRestarts 7 does nothing here/);
  const bad = await post("train/plan", choices({ "adapter.rank": "0" }));
  expect(bad).toMatchObject({ status: 400, body: { error: { code: "ERR_CONFIG" } } });
  expect(JSON.stringify(bad.body)).toMatch(/adapter.rank: expected a whole number/);
  const none = await post("train/plan", choices({}, { tensors: "nowhere" }));
  expect(none).toMatchObject({ status: 400, body: { error: { code: "ERR_FILE" } } });
  expect(await post("train/plan", choices({}, { model: "" }))).toMatchObject({
    status: 400,
    body: { error: { message: "model is missing; choose a model" } },
  });
});

test("settings are chosen for the device and the songs, each with its reason, and what is given stays", async () => {
  const { post } = await openBrowser(await folderWithTensors());
  const { body } = await post("train/suggest", choices({ batchSize: "2" }, { output: "" }));
  const { settings, choices: why } = body as TrainBasis;
  expect(settings["adapter.rank"]).toMatch(/^\d+$/);
  expect(settings["batchSize"]).toBeUndefined();
  expect(why?.map(({ setting }) => setting)).toContain("adapter.rank");
  expect(why?.every((choice) => choice.why !== "")).toBe(true);
});

test("the device is told, and why it is no GPU", async () => {
  const { get } = await openBrowser(newFolder());
  const device = (await get("train/device")) as TrainDevice;
  expect(device.memoryBytes).toBeGreaterThan(0);
  if (device.name === "cpu") expect(device.whyNoGpu).not.toBe("");
  else expect(device.whyNoGpu).toBeUndefined();
});

test("a training is begun with what was chosen; another waits for it, and neither place is taken twice", async () => {
  const folder = await folderWithTensors();
  const { studio, post, get } = await openBrowser(folder);
  const settings = { epochs: "2", "adapter.rank": "4", device: "cpu" };
  const { status, body } = await post("train/start", choices(settings));
  expect(status, JSON.stringify(body)).toBe(200);
  const first = body as TrainStarted;
  expect(first).toMatchObject({
    run: "runs/one",
    job: { kind: "train", makes: "runs/one", status: "running" },
  });
  expect(await post("train/start", choices(settings))).toMatchObject({
    status: 400,
    body: { error: { code: "ERR_CONFIG" } },
  });
  expect(await get("train/name?tensors=tensors")).toEqual({ output: "runs/tensors" });
  const second = (await post("train/start", choices(settings, { output: "runs/tensors" })))
    .body as TrainStarted;
  expect(second.job.status).toBe("waiting");
  expect(await get("train/name?tensors=tensors")).toEqual({ output: "runs/tensors-2" });
  expect(await post("train/plan", { ...choices(settings), measure: true })).toMatchObject({ status: 400 });
  expect((await jobEnded(studio, first.job.id)).status).toBe("done");
  expect((await jobEnded(studio, second.job.id)).status).toBe("done");
  const run = readRun(join(folder, "runs/one"));
  expect(run.config).toMatchObject({ epochs: 2, adapter: { kind: "lora", rank: 4 } });
  const started = run.events.find((event) => event.type === "started");
  const plan = (await post("train/plan", choices(settings, { output: "" }))).body as TrainPlan;
  expect(plan.parameters).toBe(started?.plan.parameters);
  const again = await post("train/start", choices(settings));
  expect(JSON.stringify(again.body)).toMatch(/runs\/one is there already/);
  const basis = (await get("train/basis?run=runs/one")) as TrainBasis;
  expect(basis).toMatchObject({ tensors: "tensors", model, settings: { epochs: "2", "adapter.rank": "4" } });
  expect(basis.settings["device"]).toBeUndefined();
  expect(await post("train/resume", { path: "runs/one" })).toMatchObject({ status: 400 });
});

test("a training that was stopped goes on", async () => {
  const folder = await folderWithTensors();
  const { studio, post, get } = await openBrowser(folder);
  const settings = { epochs: "2000", "adapter.rank": "4", device: "cpu" };
  const { job } = (await post("train/start", choices(settings))).body as TrainStarted;
  expect((await post("train/resume", { path: "runs/one" })).status).toBe(400);
  while (
    !existsSync(join(folder, "runs/one/events.jsonl")) ||
    !readFileSync(join(folder, "runs/one/events.jsonl"), "utf8").includes('"step"')
  )
    await new Promise((done) => setTimeout(done, 50));
  await post(`jobs/${job.id}/stop`);
  expect((await jobEnded(studio, job.id)).status).toBe("stopped");
  const before = readRun(join(folder, "runs/one")).step;
  const { status, body } = await post("train/resume", { path: "runs/one" });
  expect(status, JSON.stringify(body)).toBe(200);
  const resumed = body as TrainStarted;
  expect(resumed.job.line).toBe("acewright train --resume runs/one");
  expect(await post("train/resume", { path: "runs/one" })).toMatchObject({ status: 400 });
  while (readRun(join(folder, "runs/one")).step <= before) await new Promise((done) => setTimeout(done, 50));
  await post(`jobs/${resumed.job.id}/stop`);
  await jobEnded(studio, resumed.job.id);
  expect(((await get("jobs")) as Job[]).map(({ status: ended }) => ended)).toEqual(["stopped", "stopped"]);
});

test("no path of a training leads out of the workspace", async () => {
  const folder = await folderWithTensors();
  const outside = newFolder();
  symlinkSync(outside, join(folder, "link"));
  const { post, get } = await openBrowser(folder);
  const tried = [
    ["train/plan", choices({}, { tensors: "../x" })],
    ["train/plan", choices({}, { model: "/etc" })],
    ["train/plan", choices({ regularization: outside })],
    ["train/plan", choices({ from: "link/adapter" })],
    ["train/plan", choices({ samplePrompts: "/etc/hostname", sampleEvery: "1" })],
    ["train/start", choices({}, { output: "link/run" })],
    ["train/start", choices({ from: "../adapter" })],
    ["train/suggest", choices({}, { tensors: outside })],
    ["train/resume", { path: outside }],
  ] as const;
  for (const [path, body] of tried)
    expect(await post(path, body), JSON.stringify(body)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringMatching(/lies outside/) as unknown } },
    });
  expect(await get(`train/basis?run=${outside}`)).toMatchObject({ error: { code: "ERR_FILE" } });
  expect(await get("train/name?tensors=../x")).toMatchObject({ error: { code: "ERR_FILE" } });
  expect(await get("jobs")).toEqual([]);
});

test("a place that is taken, or a body that is none, is refused", async () => {
  const folder = await folderWithTensors();
  const { post } = await openBrowser(folder);
  mkdirSync(join(folder, "full"));
  writeFileSync(join(folder, "full/file"), "");
  mkdirSync(join(folder, "empty"));
  for (const output of ["full", "full/file"])
    expect(await post("train/start", choices({}, { output })), output).toMatchObject({ status: 400 });
  expect(await post("train/start", choices({}, { output: "" }))).toMatchObject({
    status: 400,
    body: { error: { message: "output is missing; name the run's folder" } },
  });
  expect(await post("train/start", { ...choices(), words: ["models"] })).toMatchObject({ status: 400 });
  expect(await post("train/start", { settings: 3 })).toMatchObject({ status: 400 });
});

test("settings are kept as a preset under a name that may be one", async () => {
  const before = process.env["XDG_CONFIG_HOME"];
  process.env["XDG_CONFIG_HOME"] = newFolder();
  try {
    const { post, get } = await openBrowser(newFolder());
    const body = { name: "my soft one", description: "soft", settings: { epochs: "7", "adapter.rank": "8" } };
    const saved = await post("train/presets", body);
    expect(saved.body).toMatchObject({
      presets: [{ name: "my_soft_one", description: "soft", own: true }, {}, {}, {}, {}, {}, {}, {}],
    });
    expect(await get("train/basis?preset=my_soft_one")).toEqual({
      settings: { epochs: "7", "adapter.kind": "lora", "adapter.rank": "8" },
    });
    expect(JSON.stringify((await post("train/presets", body)).body)).toMatch(/exists already/);
    expect((await post("train/presets", { ...body, replace: true })).status).toBe(200);
    for (const name of ["", "..", "auto", "recommended", "con"])
      expect((await post("train/presets", { ...body, name })).status, name).toBe(400);
    const wrong = await post("train/presets", { ...body, settings: { epochs: "0" } });
    expect(JSON.stringify(wrong.body)).toMatch(/epochs: expected a whole number/);
    const placed = await post("train/presets", {
      ...body,
      name: "x",
      settings: { device: "cpu", from: "a" },
    });
    expect(placed.status).toBe(200);
    expect(await get("train/basis?preset=x")).toEqual({ settings: {} });
  } finally {
    if (before === undefined) delete process.env["XDG_CONFIG_HOME"];
    else process.env["XDG_CONFIG_HOME"] = before;
  }
});
