import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Binding } from "./binding.js";
import { AceError } from "./errors.js";

const packageFolder = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

interface Attempt {
  readonly place: string;
  /** The file's path; throws where there is none. */
  readonly find: () => string;
}

/** Where the addon may lie, best first: named by the user, shipped with the package, built here. */
function attempts(): Attempt[] {
  const named = process.env["ACEWRIGHT_ADDON"];
  const prebuilt = require("node-gyp-build") as { path: (folder: string) => string };
  const built = join(packageFolder, "build", "Release", "acewright_core.node");
  const direct = (path: string): Attempt => ({ place: path, find: () => path });
  return [
    ...(named === undefined ? [] : [direct(named)]),
    { place: join(packageFolder, "prebuilds"), find: () => prebuilt.path(packageFolder) },
    direct(built),
    direct(join(packageFolder, "build", "acewright_core.node")),
  ];
}

function load(): { binding: Binding; path: string } {
  const failures: string[] = [];
  for (const { place, find } of attempts()) {
    try {
      const path = find();
      const binding = require(path) as Binding;
      binding.setErrorClass(AceError);
      return { binding, path };
    } catch (error) {
      failures.push(`${place}: ${String(error instanceof Error ? error.message.split("\n")[0] : error)}`);
    }
  }
  throw new AceError(
    "ERR_DEVICE",
    `The native addon could not be loaded; build it with "npm run setup". Tried ${failures.join("; ")}`,
  );
}

let loaded: ReturnType<typeof load> | undefined;

/** The addon, loaded on first use. @throws {AceError} ERR_DEVICE with every place that was tried. */
export function binding(): Binding {
  loaded ??= load();
  return loaded.binding;
}

/** The file that was loaded as the addon. @throws {AceError} ERR_DEVICE with every place that was tried. */
export function addonFile(): string {
  loaded ??= load();
  return loaded.path;
}

let hash: string | undefined;

/** Sixteen hexadecimal digits of the loaded file's SHA-256. */
export function buildId(): string {
  hash ??= createHash("sha256").update(readFileSync(addonFile())).digest("hex").slice(0, 16);
  return hash;
}
