import { AceError, renameFileLater } from "@acewright/core-native";
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { mayPass, Passing, type Hub } from "./hub.js";
import type { HubFile } from "./hub-listing.js";

export interface FileDownload {
  readonly hub: Hub;
  readonly repo: string;
  readonly revision: string;
  readonly file: HubFile;
  /** Where it goes; beside it stands `.part` until it is whole. */
  readonly target: string;
  readonly signal?: AbortSignal | undefined;
  readonly pauseMs?: number | undefined;
  /** Told by how much the bytes that are there became more (or fewer), and how many of those an earlier run brought. */
  readonly onBytes: (count: number, ofEarlierRun: number) => void;
}

/** Attempts without a single new byte between them. */
const attempts = 5;

/**
 * Brings one file, going on where an earlier attempt stopped, and lets it under its name only when its hash is the one the
 * server lists.
 *
 * @throws {AceError} ERR_SERVICE where the server gives up or gives something else; ERR_FILE where it cannot be written.
 */
export async function downloadFile(download: FileDownload): Promise<void> {
  const { file, target, onBytes } = download;
  await mkdir(dirname(target), { recursive: true });
  const part = `${target}.part`;
  let told = { there: 0, earlier: 0 };
  const tell: Tell = (there, earlier = Math.min(told.earlier, there)) => {
    onBytes(there - told.there, earlier - told.earlier);
    told = { there, earlier };
  };
  for (let round = 0; round < 2; round++) {
    await fill(download, part, tell);
    if ((await hashOf(part, file)) === file.hash.hex) {
      await renameFileLater(part, target);
      return;
    }
    // An old part of another content may have been gone on with: once more, from the beginning.
    await rm(part, { force: true });
    tell(0);
  }
  throw new AceError(
    "ERR_SERVICE",
    `${file.path}: what the server sends is not what it lists (${file.hash.kind} ${file.hash.hex.slice(0, 12)}…); nothing was kept`,
  );
}

/** How many bytes are there, and how many of them an earlier run brought: by default as many as before, while they stay. */
type Tell = (there: number, earlier?: number) => void;

async function fill(download: FileDownload, part: string, tell: Tell): Promise<void> {
  const { file, signal, pauseMs = 1000 } = download;
  let there = (await stat(part).catch(() => undefined))?.size ?? 0;
  if (there > file.size) {
    await rm(part);
    there = 0;
  }
  tell(there, there);
  for (let failed = 0; there < file.size;) {
    signal?.throwIfAborted();
    try {
      const before = there;
      there = await append(download, part, there, tell);
      if (there === before) throw new Passing(`${file.path}: the server sends nothing`);
    } catch (error) {
      signal?.throwIfAborted();
      const now = (await stat(part).catch(() => undefined))?.size ?? 0;
      failed = now > there ? 1 : failed + 1;
      there = now;
      if (!mayPass(error) || failed === attempts) throw error;
      await sleep(pauseMs * 2 ** (failed - 1), undefined, signal === undefined ? {} : { signal });
    }
  }
  if (file.size === 0) await (await open(part, "a")).close();
}

/** Writes what comes from byte `from` on; gives how much is there then. */
async function append(
  { hub, repo, revision, file }: FileDownload,
  part: string,
  from: number,
  tell: Tell,
): Promise<number> {
  const { from: begins, body } = await hub.content(repo, revision, file.path, from);
  const handle = await open(part, begins === 0 ? "w" : "r+");
  let at = begins;
  tell(at); // a server that knows no ranges begins anew
  try {
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw new Passing(`${file.path}: the connection was cut`, cause);
      });
      if (done) break;
      if (at + value.length > file.size) {
        await reader.cancel();
        throw new AceError(
          "ERR_SERVICE",
          `${file.path}: is longer than the ${file.size} bytes the server lists`,
        );
      }
      await handle.write(value, 0, value.length, at);
      at += value.length;
      tell(at);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return at;
}

/** As the server writes it: plain SHA-256, or git's SHA-1 of a blob. */
export async function hashOf(path: string, { hash, size }: Pick<HubFile, "hash" | "size">): Promise<string> {
  const digest: Hash = createHash(hash.kind === "sha256" ? "sha256" : "sha1");
  if (hash.kind === "git-sha1") digest.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>)
    digest.update(chunk);
  return digest.digest("hex");
}
