import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  kernelsIn,
  readTable,
  shortName,
  spills,
  table,
} from "../../packages/core-native/tools/ptxas/output.mjs";
import {
  architectures,
  reportFolder,
  sourceHashes,
} from "../../packages/core-native/tools/ptxas/sources.mjs";

const command = "node packages/core-native/tools/ptxas-report.mjs";
const report = (name: string) => readFileSync(join(reportFolder, name), "utf8");

test("bench/ptxas is of the kernels as they are now", () => {
  const kept = report("sources.sha256").split("\n");
  const now = sourceHashes().split("\n");
  const changed = [
    ...now.filter((line) => !kept.includes(line)),
    ...kept.filter((line) => !now.includes(line)),
  ];
  expect(changed, `bench/ptxas is stale; run (needs nvcc, no GPU): ${command}`).toEqual([]);
});

// What a step spends its time in. A kernel here that begins to spill has lost more than it may.
const hot = ["attention/", "adapters/lokr", "rms_norm", "head_norm", "swiglu", "gate_add", "optimizers/"];

describe.each(architectures)("on sm_%i", (sm) => {
  const kernels = readTable(report(`sm_${sm}.txt`), sm);

  test.each(hot)("%s keeps everything in registers", (word) => {
    const found = kernels.filter(({ file, name }) => name.startsWith(word) || file.startsWith(word));
    expect(found).not.toEqual([]);
    expect(found.filter((kernel) => spills(kernel) > 0)).toEqual([]);
  });

  test("no kernel takes more registers than there are", () => {
    expect(kernels.filter(({ registers }) => !(registers >= 1 && registers <= 255))).toEqual([]);
  });
});

test("kernels for products of a warpgroup keep everything in registers, and are of sm_90 alone", () => {
  const of = (sm: number) =>
    readTable(report(`sm_${sm}.txt`), sm).filter(({ file }) => file.includes("hopper/"));
  expect(of(90).map(({ name }) => name)).toEqual([
    "hopper_backward_kv<128>",
    "hopper_backward_q<128>",
    "hopper_forward<128>",
  ]);
  expect(of(90).filter((kernel) => spills(kernel) > 0)).toEqual([]);
  for (const sm of architectures.filter((other) => other !== 90)) expect(of(sm)).toEqual([]);
});

test("products of a warpgroup that the compiler puts in a row are an error", () => {
  const output =
    "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...";
  expect(() => kernelsIn(output, "hopper/spin.cu")).toThrow(/hopper\/spin.cu.*serialized/);
});

test("names are read from their mangled form", () => {
  const prefix = "_ZN3ace44_GLOBAL__N__fc1efbbb_11_rms_norm_cu_5f13e62b";
  expect(shortName(`${prefix}24rms_norm_backward_kernelINS_4bf16EEEvPT_PKS3_`)).toBe(
    "rms_norm_backward<bf16>",
  );
  expect(shortName(`${prefix}23rms_norm_forward_kernelIfLi64ELb1EEEvPT_`)).toBe(
    "rms_norm_forward<float,64,true>",
  );
  expect(shortName(`${prefix}12adamw_kernelEPfS1_`)).toBe("adamw");
  expect(shortName(`${prefix}24rms_norm_backward_kernelINS_4bf16ES2_Li2EEEvPT_`)).toBe(
    "rms_norm_backward<bf16,bf16,2>",
  );
  expect(shortName("_Z4spiniPi")).toBe("spin");
});

test("a spill is read, written to the table and found there", () => {
  const output = `ptxas info    : Compiling entry function '_Z4spiniPi' for 'sm_90'
ptxas info    : Function properties for _Z4spiniPi
    16 bytes stack frame, 8 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 40 registers, used 1 barriers, 16 bytes stack, 2048 bytes smem, 364 bytes cmem[0]
`;
  const kernels = kernelsIn(output, "spin.cu");
  expect(kernels).toEqual([
    {
      name: "spin",
      file: "spin.cu",
      architecture: 90,
      registers: 40,
      stack: 16,
      spillStores: 8,
      spillLoads: 4,
      staticShared: 2048,
      barriers: 1,
    },
  ]);
  expect(readTable(table(kernels, "nvcc"), 90)).toEqual(kernels);
  expect(kernels.map(spills)).toEqual([28]);
});
