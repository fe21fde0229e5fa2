import { expect, test } from "vitest";
import { settingGroups } from "../../src/config/groups.js";
import { configFields } from "../../src/config/config-fields.js";

const places = ["tensors", "model", "output"];

test("every setting is in exactly one group, and groups speak of nothing else", () => {
  const names = new Set(configFields().map(({ path }) => path[0] ?? ""));
  const grouped = settingGroups.flatMap(({ fields }) => fields);
  expect([...grouped, ...places].sort()).toEqual([...names].sort());
});

test("the basic settings of a group are fields of it", () => {
  const paths = configFields().map(({ path }) => path.join("."));
  for (const { basic, fields } of settingGroups) {
    for (const path of basic) {
      expect(paths).toContain(path);
      expect(fields).toContain(path.split(".")[0]);
    }
  }
});
