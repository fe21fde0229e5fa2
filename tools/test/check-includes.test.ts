import { expect, test } from "vitest";
import { wrongIncludes, wrongIncludesOfCore } from "../check-includes.mjs";

test("no C++ file includes a room above its own", () => {
  expect(wrongIncludesOfCore()).toEqual([]);
});

test("an include of a higher room is found", () => {
  expect(wrongIncludes("ops/rope.cpp", '#include "model/dit.h"\n')).toEqual([
    'ops/rope.cpp: ops/ must not include "model/dit.h"',
  ]);
  expect(wrongIncludes("tensor/tensor.h", '  #  include "autograd/tape.h"\n')).toHaveLength(1);
  expect(wrongIncludes("autograd/tape.cpp", '#include "ops/kernels.h"\n#include "ops/ops.h"\n')).toEqual([
    'autograd/tape.cpp: autograd/ must not include "ops/ops.h"',
  ]);
});

test("Node-API headers stay in the binding", () => {
  expect(wrongIncludes("model/dit.cpp", "#include <napi.h>\n")).toHaveLength(1);
  expect(wrongIncludes("binding/addon.cpp", "#include <napi.h>\n")).toEqual([]);
});

test("only device headers give way to the emulator's twins", () => {
  expect(wrongIncludes("ops/cuda/ptx.cuh", '#include "simt/ptx.h"\n')).toEqual([]);
  expect(wrongIncludes("ops/ops.cpp", '#include "simt/ptx.h"\n')).toHaveLength(1);
});

test("a file outside of every room is found", () => {
  expect(wrongIncludes("misc/x.cpp", "")).toHaveLength(1);
});
