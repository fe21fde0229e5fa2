import * as ownSystem from "node:path";
import type { PlatformPath } from "node:path";

/**
 * Whether a path is a folder or lies below it. Both are absolute.
 *
 * @param system the system whose paths they are; another drive of Windows is outside, however its path is written.
 */
export function isInside(path: string, folder: string, system: PlatformPath = ownSystem): boolean {
  const steps = system.relative(folder, path);
  return steps !== ".." && !steps.startsWith(`..${system.sep}`) && !system.isAbsolute(steps);
}
