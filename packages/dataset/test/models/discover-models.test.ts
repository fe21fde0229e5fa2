import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { discoverModels } from "../../src/models/discover-models.js";
import { searchNames } from "../../src/models/search-models.js";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "acewright-discover-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function model(name: string, config: object | string, silence = true): void {
  mkdirSync(join(root, name));
  writeFileSync(
    join(root, name, "config.json"),
    typeof config === "string" ? config : JSON.stringify(config),
  );
  if (silence) writeFileSync(join(root, name, "silence_latent.pt"), "");
}

test("official models and fine-tunes are found by what their config speaks of", () => {
  model("acestep-v15-turbo", { model_type: "acestep", is_turbo: true });
  model("acestep-v15-sft", { auto_map: { AutoModel: "modeling_acestep_v15.AceStepModel" } });
  model("my-polka", { model_type: "acestep", is_turbo: false });
  model("acestep-v15-turbo-shift1", { model_type: "acestep", is_turbo: true });
  model("our-finer-one", { model_type: "acestep", is_turbo: false, model_version: "sft" });
  model("vae", { model_type: "autoencoder" });
  model("broken", "{");
  mkdirSync(join(root, "empty"));
  const found = discoverModels(root);
  expect(found.map(({ name, base, isOfficial }) => [name, base, isOfficial])).toEqual([
    ["acestep-v15-sft", "sft", true],
    ["acestep-v15-turbo", "turbo", true],
    ["acestep-v15-turbo-shift1", "turbo", true],
    ["my-polka", "base", false],
    ["our-finer-one", "sft", false],
  ]);
  expect(found.map(({ sampling: { steps, shift, guidance } }) => [steps, shift, guidance])).toEqual([
    [50, 1, 7],
    [8, 3, 1],
    [8, 1, 1],
    [50, 1, 7],
    [50, 1, 7],
  ]);
  expect(discoverModels(join(root, "my-polka")).map(({ name }) => name)).toEqual(["my-polka"]);
  expect(discoverModels(join(root, "nowhere"))).toEqual([]);
});

test("a silence latent is looked for beside the model, above it, and in its neighbours", () => {
  model("acestep-v15-turbo", { model_type: "acestep" }, false);
  expect(discoverModels(root)[0]).toMatchObject({ silenceLatent: undefined, warnings: [/missing/] });
  model("acestep-v15-xl", { model_type: "acestep" });
  expect(discoverModels(root)[0]?.silenceLatent).toBe(join(root, "acestep-v15-xl", "silence_latent.pt"));
  writeFileSync(join(root, "silence_latent.pt"), "");
  expect(discoverModels(root)[0]?.silenceLatent).toBe(join(root, "silence_latent.pt"));
  expect(discoverModels(root)[0]?.warnings[0]).toMatch(
    /has no silence latent of its own, that of .* is taken/,
  );
});

test("a search finds what holds the word, the shortest first, else what is alike", () => {
  const names = ["acestep-v15-turbo", "acestep-v15-xl-turbo", "acestep-v15-base", "my-polka"];
  expect(searchNames("TURBO", names)).toEqual(["acestep-v15-turbo", "acestep-v15-xl-turbo"]);
  expect(searchNames("acestep-v15-tubro", names)[0]).toBe("acestep-v15-turbo");
  expect(searchNames("polkka", names)).toEqual(["my-polka"]);
  expect(searchNames("zzz", names)).toEqual([]);
});
