import { AceError } from "@acewright/core-native";
import { z } from "zod";
import type { Hub } from "./hub.js";

/** A file of a repository, with what the server itself says its content is. */
export interface HubFile {
  /** Within the repository. */
  readonly path: string;
  readonly size: number;
  /** SHA-256 of large files; small ones have git's own hash of their content. */
  readonly hash: { readonly kind: "sha256" | "git-sha1"; readonly hex: string };
}

const Entry = z.looseObject({
  type: z.string(),
  path: z.string().max(1000),
  size: z.int().min(0).optional(),
  oid: z.string().optional(),
  lfs: z.looseObject({ oid: z.string(), size: z.int().min(0) }).optional(),
});

const mostPages = 100;
const mostFiles = 10_000;

/** Weights, settings, words: what is read here. Code that comes along is neither needed nor run. */
const wanted = /\.(safetensors|json|txt|pt|model|jinja)$/i;

/**
 * The files of a repository's folder that are of use.
 *
 * @throws {AceError} ERR_SERVICE where the server does not answer as one should, or names a file outside its folder.
 */
export async function listFiles(
  hub: Hub,
  repo: string,
  revision: string,
  folder: string,
): Promise<HubFile[]> {
  const inside = folder === "" ? "" : `/${folder.split("/").map(encodeURIComponent).join("/")}`;
  const files: HubFile[] = [];
  let next: string | undefined =
    `${hub.endpoint}/api/models/${repo}/tree/${encodeURIComponent(revision)}${inside}?recursive=true`;
  for (let page = 0; next !== undefined; page++) {
    if (page === mostPages || files.length > mostFiles)
      throw new AceError("ERR_SERVICE", `${repo}: lists more files than a model has`);
    const { json, link } = await hub.json(next);
    const entries = z.array(Entry).safeParse(json);
    if (!entries.success) throw new AceError("ERR_SERVICE", `${repo}: the server's list of files is not one`);
    files.push(...entries.data.flatMap((entry) => fileOf(repo, entry) ?? []));
    next = nextPage(hub, link);
  }
  const ofUse = files.filter(({ path }) => wanted.test(path));
  refuseCollisions(repo, ofUse);
  if (ofUse.length === 0)
    throw new AceError("ERR_SERVICE", `${repo}${inside}: holds no weights or settings; check the name`);
  return ofUse;
}

function fileOf(repo: string, { type, path, size, oid, lfs }: z.infer<typeof Entry>): HubFile | undefined {
  if (type !== "file") return undefined;
  refuseStrayName(repo, path);
  if (lfs !== undefined && /^[0-9a-f]{64}$/.test(lfs.oid))
    return { path, size: lfs.size, hash: { kind: "sha256", hex: lfs.oid } };
  if (size !== undefined && oid !== undefined && /^[0-9a-f]{40}$/.test(oid))
    return { path, size, hash: { kind: "git-sha1", hex: oid } };
  throw new AceError("ERR_SERVICE", `${repo}: the server gives no hash of ${JSON.stringify(path)}`);
}

const windowsDevice = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** A name that could lead anywhere but into its folder, on any system. */
function refuseStrayName(repo: string, path: string): void {
  const parts = path.split("/");
  const strays = parts.some(
    (part) =>
      part === "" || part === "." || part === ".." || /[\u0000-\u001f\\:*?"<>|]/.test(part) || /[ .]$/.test(part) || windowsDevice.test(part), // prettier-ignore
  );
  if (strays)
    throw new AceError(
      "ERR_SERVICE",
      `${repo}: names a file that does not stay in its folder: ${JSON.stringify(path)}`,
    );
}

/** Two names that are one on Windows and macOS would overwrite each other. */
function refuseCollisions(repo: string, files: readonly HubFile[]): void {
  const seen = new Map<string, string>();
  for (const { path } of files) {
    const key = path.toLowerCase();
    const other = seen.get(key);
    if (other !== undefined)
      throw new AceError("ERR_SERVICE", `${repo}: ${path} and ${other} differ in case alone`);
    seen.set(key, path);
  }
}

function nextPage(hub: Hub, link: string | null): string | undefined {
  const url = /<([^>]+)>;\s*rel="next"/.exec(link ?? "")?.[1];
  if (url === undefined) return undefined;
  const next = new URL(url, hub.endpoint);
  if (next.origin !== new URL(hub.endpoint).origin)
    throw new AceError("ERR_SERVICE", "the server's list goes on at another server");
  return next.href;
}
