import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { jsonBy } from "../http/json-answer.js";
import type { ServiceClient } from "../http/service-client.js";

/** A song that lies with Google for a while. */
export interface RemoteFile {
  name: string;
  uri: string;
}

const File = z.looseObject({
  name: z.string().regex(/^files\/[A-Za-z0-9_-]+$/, "a name such as files/abc was expected"),
  uri: z.string(),
  state: z.string().optional(),
});

/** A multiple of the 256 KiB the protocol counts in; so much of a song is in memory at a time. */
const chunkBytes = 8 * 2 ** 20;
const pollS = 1;
const longestProcessingS = 120;

/**
 * Uploads a song by the resumable protocol: in pieces, going on from where the server says it is after a failure.
 *
 * @throws {ServiceFailure} when the tries are used up, or the service cannot use the file.
 */
export async function uploadFile(
  client: ServiceClient,
  path: string,
  bytes: number,
  mimeType: string,
  signal: AbortSignal,
): Promise<RemoteFile> {
  const url = await client.send(
    {
      method: "POST",
      path: "upload/v1beta/files",
      headers: {
        "content-type": "application/json",
        "x-goog-upload-protocol": "resumable",
        "x-goog-upload-command": "start",
        "x-goog-upload-header-content-length": String(bytes),
        "x-goog-upload-header-content-type": mimeType,
      },
      body: JSON.stringify({ file: { display_name: "song" } }),
      accept: "nothing",
      signal,
    },
    ({ headers }) => {
      const target = headers.get("x-goog-upload-url");
      if (target === null) throw client.refusal("gave no address to upload to", true);
      return target;
    },
  );
  const file = await sendPieces(client, url, path, bytes, signal);
  return whenActive(client, file, signal);
}

type FileState = z.infer<typeof File>;

async function sendPieces(
  client: ServiceClient,
  url: string,
  path: string,
  bytes: number,
  signal: AbortSignal,
): Promise<FileState> {
  await using source = await open(path);
  const readFile = jsonBy(client, z.looseObject({ file: File }));
  let offset = 0;
  for (;;) {
    const finished = await client.retrying(signal, async (attempt): Promise<FileState | undefined> => {
      if (attempt > 0) offset = await receivedBytes(client, url, signal);
      const piece = new Uint8Array(Math.min(chunkBytes, bytes - offset));
      const { bytesRead } = await source.read(piece, 0, piece.length, offset);
      if (bytesRead < piece.length) throw client.refusal("the song changed while it was sent");
      const isLast = offset + piece.length === bytes;
      const answer = await client.once({
        method: "POST",
        path: url,
        headers: {
          "x-goog-upload-offset": String(offset),
          "x-goog-upload-command": isLast ? "upload, finalize" : "upload",
        },
        body: piece,
        accept: isLast ? "json" : "nothing",
        withKey: false,
        signal,
      });
      offset += piece.length;
      return isLast ? readFile(answer).file : undefined;
    });
    if (finished !== undefined) return finished;
  }
}

/** How much of the song has arrived. */
async function receivedBytes(client: ServiceClient, url: string, signal: AbortSignal): Promise<number> {
  const headers = { "x-goog-upload-command": "query" };
  const answer = await client.once({
    method: "POST",
    path: url,
    headers,
    accept: "nothing",
    withKey: false,
    signal,
  });
  const received = Number(answer.headers.get("x-goog-upload-size-received") ?? Number.NaN);
  if (!Number.isSafeInteger(received) || received < 0) throw client.refusal("lost the upload");
  return received;
}

async function whenActive(client: ServiceClient, file: FileState, signal: AbortSignal): Promise<RemoteFile> {
  const untilMs = Date.now() + longestProcessingS * 1000;
  let state = file;
  while (state.state === "PROCESSING") {
    if (Date.now() > untilMs)
      throw client.refusal(`was not done with the file after ${longestProcessingS} s`);
    await sleep(pollS * 1000, undefined, { signal });
    const path = `v1beta/${file.name}`;
    state = await client.send({ method: "GET", path, accept: "json", signal }, jsonBy(client, File));
  }
  if (state.state === "FAILED") throw client.refusal("could not use the file");
  return { name: file.name, uri: state.uri };
}

/** Takes the song back; also after a stop, hence without its signal. Says so where it stays. */
export async function deleteFile(client: ServiceClient, name: string): Promise<string[]> {
  try {
    const signal = AbortSignal.timeout(10_000);
    await client.once({ method: "DELETE", path: `v1beta/${name}`, accept: "nothing", signal });
    return [];
  } catch {
    return ["the uploaded copy could not be deleted; Google deletes it after 48 hours"];
  }
}
