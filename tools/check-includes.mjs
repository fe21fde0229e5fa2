import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { root } from "./child.mjs";

/**
 * What each room of packages/core-native/src stands on; it may include these, what they stand on, and itself. The
 * longest prefix names the room: `ops/kernels.*` is the bare list of kernels, which the tape needs for adding gradients;
 * `autograd/program.*` is the flat list of kernel calls they are written into; `ops/optimizer/` and `ops/host_device.*`
 * are the plain numbers and rules that the optimizers' kernels share.
 *
 * @type {Readonly<Record<string, readonly string[]>>}
 */
export const includeArrows = {
  "tensor/": [],
  "autograd/program.": ["tensor/"],
  "ops/host_device.": [],
  "ops/optimizer/": ["ops/host_device."],
  "ops/kernels.": ["autograd/program.", "ops/optimizer/"],
  "autograd/": ["ops/kernels."],
  "ops/": ["autograd/"],
  "optim/": ["ops/"],
  "adapter/": ["ops/"],
  "model/": ["adapter/"],
  "train/": ["model/", "optim/"],
  "binding/": ["train/"],
};

/**
 * @param {string} room
 * @returns {string[]} the room and everything it stands on
 */
function allowedFrom(room) {
  return [room, ...(includeArrows[room] ?? []).flatMap(allowedFrom)];
}

/**
 * @param {string} path below src/
 * @returns {string | undefined}
 */
function roomOf(path) {
  const rooms = Object.keys(includeArrows).filter((prefix) => path.startsWith(prefix));
  return rooms.sort((a, b) => b.length - a.length)[0];
}

/**
 * What is wrong with one file's includes, one line each.
 *
 * @param {string} path below src/
 * @param {string} source
 * @returns {string[]}
 */
export function wrongIncludes(path, source) {
  const room = roomOf(path);
  if (room === undefined) return [`${path}: stands in no room of tools/check-includes.mjs`];
  const allowed = allowedFrom(room);
  const wrong = [];
  for (const [, bracket, included] of source.matchAll(/^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]/gm)) {
    if (included === undefined) continue;
    if (/(^|\/)(napi|node_api|js_native_api|uv)\.h$/.test(included)) {
      if (room !== "binding/") wrong.push(`${path}: only binding/ may include <${included}>`);
    } else if (path.startsWith("ops/cuda/") && included.startsWith("simt/")) {
      continue; // test/simt's twin of a device header, in place of it where the emulator compiles the kernels (ACE_SIMT)
    } else if (bracket === '"') {
      const target = roomOf(included);
      if (target === undefined) wrong.push(`${path}: "${included}" is not written from src/ on`);
      else if (!allowed.includes(target)) wrong.push(`${path}: ${room} must not include "${included}"`);
    }
  }
  return wrong;
}

/** @returns {string[]} what is wrong in packages/core-native/src */
export function wrongIncludesOfCore() {
  const src = join(root, "packages/core-native/src");
  const files = readdirSync(src, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.flatMap((entry) => {
    const file = join(entry.parentPath, entry.name);
    return wrongIncludes(relative(src, file), readFileSync(file, "utf8"));
  });
}
