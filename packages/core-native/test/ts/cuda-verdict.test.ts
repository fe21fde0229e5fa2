// What is said of every machine a user may have: the facts are made up, the words are the ones users read.
import { expect, test } from "vitest";
import { chooseDevice } from "../../ts/choose-device.js";
import { cudaVerdict, type CudaFacts } from "../../ts/cuda-verdict.js";

const h100 = {
  name: "NVIDIA H100",
  major: 9,
  minor: 0,
  supported: true,
  memoryBytes: 80 * 2 ** 30,
  freeBytes: 79 * 2 ** 30,
};
const v100 = { ...h100, name: "Tesla V100", major: 7, minor: 0, supported: false };
const good: CudaFacts = {
  compiled: true,
  reason: "",
  driverVersion: 13000,
  runtimeVersion: 13000,
  architectures: "80,86,89,90,120",
  supported: "8.0 (A100), 9.0 (H100, H200)",
  devices: [h100],
  cublasLt: { path: "/lib/libcublasLt.so.13", version: "13.0.2" },
};

test.each<[string, Partial<CudaFacts>, number, RegExp]>([
  [
    "built without CUDA",
    { compiled: false, reason: "no CUDA compiler was found when it was built", devices: [] },
    0,
    /^this build of the native core cannot run on CUDA \(no CUDA compiler .*\); use a build that can, or device cpu$/,
  ],
  [
    "no driver",
    { driverVersion: 0, devices: [], reason: "driver version is insufficient" },
    0,
    /^no NVIDIA driver was found \(driver version is insufficient\); install driver 580 or newer, or use device cpu$/,
  ],
  [
    "a driver too old",
    { driverVersion: 12040, devices: [] },
    0,
    /^the NVIDIA driver serves CUDA 12\.4, this build needs 13\.0; update it to driver 580 or newer$/,
  ],
  [
    "a driver of the next CUDA for a runtime nobody knows",
    { driverVersion: 13000, runtimeVersion: 14020, devices: [] },
    0,
    /this build needs 14\.2; update it to one for CUDA 14\.2/,
  ],
  [
    "no device",
    { devices: [], reason: "no CUDA-capable device is detected" },
    0,
    /^the NVIDIA driver \(CUDA 13\.0\) shows no device \(no CUDA-capable device is detected\); look at nvidia-smi and at CUDA_VISIBLE_DEVICES$/,
  ],
  [
    "an index out of range",
    { devices: [h100, v100] },
    2,
    /^cuda:2 does not exist; found cuda:0 \(NVIDIA H100\), cuda:1 \(Tesla V100\)$/,
  ],
  [
    "an unsupported architecture",
    { devices: [v100] },
    0,
    /^cuda:0 \(Tesla V100\) has compute capability 7\.0; supported are 8\.0 \(A100\), 9\.0 \(H100, H200\)$/,
  ],
  [
    "an architecture this build left out",
    { architectures: "80,120" },
    0,
    /has compute capability 9\.0, this build holds kernels for 8\.0, 12\.0 only; build it with ACE_CUDA_ARCHITECTURES=90/,
  ],
  [
    "no cuBLASLt",
    { cublasLt: { problem: "cuBLASLt was not found. Searched a, b." } },
    0,
    /^cuBLASLt was not found\. Searched a, b\.$/,
  ],
  [
    "too little memory",
    { devices: [{ ...h100, freeBytes: 2 ** 28 }] },
    0,
    /^cuda:0 \(NVIDIA H100\) has 256\.0 MiB of 80\.0 GiB free, at least 512\.0 MiB are needed/,
  ],
])("%s is told in one line", (_, changes, index, message) => {
  const verdict = cudaVerdict({ ...good, ...changes }, index);
  expect(verdict.usable).toBe(false);
  const problem = verdict.usable ? "" : verdict.problem;
  expect(problem).toMatch(message);
  expect(problem).not.toContain("\n");
  expect(() => chooseDevice(`cuda:${index}`, () => ({ ...good, ...changes }))).toThrow(
    `device "cuda:${index}": ${problem}`,
  );
});

test("a newer driver serves an older runtime, and a good machine is usable", () => {
  expect(cudaVerdict({ ...good, driverVersion: 13020 }, 0)).toEqual({ usable: true, device: h100 });
  expect(chooseDevice("cuda", () => good)).toEqual({ kind: "cuda", index: 0 });
});

test("no device is opened but the one that is to be used", () => {
  const opened: number[] = [];
  const card = (index: number, known: typeof h100) => ({
    ...known,
    get freeBytes() {
      opened.push(index);
      return known.freeBytes;
    },
  });
  const facts = () => ({ ...good, devices: [card(0, h100), card(1, v100), card(2, h100)] });
  const openedBy = (name: string) => {
    opened.length = 0;
    chooseDevice(name, facts);
    return [...new Set(opened)];
  };
  expect(openedBy("cuda:2")).toEqual([2]);
  expect(openedBy("cuda")).toEqual([0]);
  expect(openedBy("auto")).toEqual([0]);
  expect(() => openedBy("cuda:1")).toThrow(/7\.0/);
  expect(opened).toEqual([]);
});

test("auto takes the first usable device, else the CPU with every reason", () => {
  expect(chooseDevice("auto", () => ({ ...good, devices: [v100, h100] }))).toEqual({
    kind: "cuda",
    index: 1,
  });
  const two = chooseDevice("auto", () => ({ ...good, devices: [v100, { ...h100, freeBytes: 0 }] }));
  expect(two).toMatchObject({
    kind: "cpu",
    problem: expect.stringMatching(/cuda:0 .* 7\.0; .*; cuda:1 .* free/) as string,
  });
  const none = chooseDevice("auto", () => ({ ...good, driverVersion: 0, devices: [] }));
  expect(none).toMatchObject({ kind: "cpu", problem: expect.stringMatching(/no NVIDIA driver/) as string });
});

test("the CPU asks nothing of CUDA, and a word that is no device is refused", () => {
  const never = (): CudaFacts => {
    throw new Error("CUDA was looked at");
  };
  expect(chooseDevice("cpu", never)).toEqual({ kind: "cpu" });
  for (const word of ["gpu", "cuda:", "cuda:x", "cuda:-1", "CUDA"])
    expect(() => chooseDevice(word, never)).toThrow(/expected auto, cpu, cuda or cuda:N/);
});
