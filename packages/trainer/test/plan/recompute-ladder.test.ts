import type { RecomputePolicy } from "@acewright/core-native";
import { expect, test } from "vitest";
import { firstFitting, nextWhole, rungsBetween, thriftierThan } from "../../src/plan/recompute-ladder.js";

test("the rungs recompute one layer more each, and go on with the next policy", () => {
  expect(thriftierThan("none", 3).join(" ")).toBe(
    "cheap:1 cheap:2 cheap mlp:1 mlp:2 mlp block:1 block:2 block",
  );
  expect(thriftierThan("mlp", 2).join(" ")).toBe("block:1 block");
  expect(thriftierThan("mlp:1", 3).join(" ")).toBe("mlp:2 mlp block:1 block:2 block");
  expect(thriftierThan("mlp:3", 3).join(" ")).toBe("block:1 block:2 block");
  expect(thriftierThan("block", 3)).toEqual([]);
  expect(thriftierThan("cheap", 1).join(" ")).toBe("mlp block");
  expect(rungsBetween("cheap", "mlp", 4).join(" ")).toBe("mlp:1 mlp:2 mlp:3");
  expect(rungsBetween("none", "cheap", 1)).toEqual([]);
});

test("after a policy for some layers comes the same for all, then the next", () => {
  const policies: RecomputePolicy[] = [];
  for (let now: RecomputePolicy | undefined = "cheap:2"; now !== undefined; now = nextWhole(now))
    policies.push(now);
  expect(policies).toEqual(["cheap:2", "cheap", "mlp", "block"]);
  expect(nextWhole("none")).toBe("cheap");
});

test("the first rung that fits is found by looking at few", async () => {
  const rungs = thriftierThan("none", 24);
  for (let first = 0; first <= rungs.length; first++) {
    let looked = 0;
    const found = await firstFitting(rungs, (policy) => {
      looked++;
      return Promise.resolve(rungs.indexOf(policy) >= first);
    });
    expect(found).toBe(rungs[first]);
    expect(looked).toBeLessThanOrEqual(7);
  }
});
