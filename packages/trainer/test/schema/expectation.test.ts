import { expect, test } from "vitest";
import * as z from "zod";
import { expectation } from "../../src/schema/expectation.js";
import { fieldsOf } from "../../src/schema/fields.js";
import { schemaNode } from "../../src/schema/node.js";

test.each<[z.ZodType, string]>([
  [z.int(), "a whole number"],
  [z.int().min(1), "a whole number at least 1"],
  [z.int().min(1).max(4096), "a whole number from 1 to 4096"],
  [z.number().gt(0).max(1), "a number above 0 and at most 1"],
  [z.number().min(0).lt(1), "a number at least 0 and below 1"],
  [z.number().lt(1), "a number below 1"],
  [z.boolean(), "true or false"],
  [z.string(), "a text"],
  [z.string().regex(/^x/).meta({ form: "a word with x" }), "a word with x"],
  [z.enum(["a", "b"]), "one of a, b"],
  [z.literal("a"), '"a"'],
  [z.array(z.enum(["a", "b"])), "a list, each entry one of a, b"],
  [z.tuple([z.number(), z.int()]), "a number, then a whole number"],
  [z.record(z.string(), z.int().min(1).max(8)), "names, each with a whole number from 1 to 8"],
  [z.object({}), "an object"],
  [z.union([z.enum(["auto"]), z.int().min(1)]), "one of auto or a whole number at least 1"],
  [z.number().min(2).nullable(), "a number at least 2"],
])("what %# takes is told in words", (type, words) => {
  expect(expectation(schemaNode(type))).toBe(words);
});

test("fields stand in the schema's order under kebab names or their own, a union's members together", () => {
  const Schema = z.object({
    someFolder: z.string(),
    one: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("a"), size: z.int().meta({ flag: "size" }), only: z.int().default(3) }),
      z.object({ kind: z.literal("b"), size: z.int().max(9).meta({ flag: "size" }) }),
    ]),
    inner: z.object({ deep: z.number().optional() }),
    left: z.boolean(),
  });
  const fields = fieldsOf(Schema, { omit: ["left"] });
  expect(
    fields.map(({ name, path, required, members }) => [name, path.join("."), required, members.length]),
  ).toEqual([
    ["some-folder", "someFolder", true, 0],
    ["one", "one.kind", false, 0],
    ["size", "one.size", true, 2],
    ["one-only", "one.only", false, 1],
    ["inner-deep", "inner.deep", false, 0],
  ]);
  expect(fields[1]?.node).toEqual({ type: "string", enum: ["a", "b"] });
  expect(fields[2]?.members.map(({ tag, node }) => [tag, node.maximum])).toEqual([
    ["a", Number.MAX_SAFE_INTEGER],
    ["b", 9],
  ]);
  expect(fields[3]).toMatchObject({ memberCount: 2, node: { default: 3 } });
  expect(fieldsOf(schemaNode(Schema)).at(-1)?.name).toBe("left");
});
