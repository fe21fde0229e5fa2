import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Does something else than serve the file; false: serve it after all. */
export type Mischief = (
  request: IncomingMessage,
  response: ServerResponse,
  file: { readonly path: string; readonly content: Buffer; readonly from: number },
) => boolean;

export interface HubServer {
  readonly endpoint: string;
  /** Every request: method, path, whether it carried a token, its range. */
  readonly log: { readonly path: string; readonly token: boolean; readonly range: string | undefined }[];
  files: Map<string, Buffer>;
  mischief: Mischief;
  /** Paths as the listing tells them, where they are not the real ones. */
  listed: (path: string) => string;
  close(): void;
}

/** A real server that keeps one repository, `org/repo`, as Hugging Face does: large files (over 100 bytes) by SHA-256. */
export async function serveHub(files: Record<string, Buffer>): Promise<HubServer> {
  const hub: HubServer = {
    endpoint: "",
    log: [],
    files: new Map(Object.entries(files)),
    mischief: () => false,
    listed: (path) => path,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://hub");
    hub.log.push({
      path: url.pathname,
      token: request.headers.authorization !== undefined,
      range: request.headers.range,
    });
    const list = /^\/api\/models\/org\/repo\/tree\/main(?:\/(.*))?$/.exec(url.pathname);
    const resolve = /^\/org\/repo\/resolve\/main\/(.*)$/.exec(url.pathname);
    if (list !== null) sendList(hub, response, list[1] ?? "");
    else if (resolve !== null) sendFile(hub, request, response, decodeURIComponent(resolve[1] ?? ""));
    else response.writeHead(404).end();
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return Object.assign(hub, { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

function sendList(hub: HubServer, response: ServerResponse, folder: string): void {
  const entries = [...hub.files]
    .filter(([path]) => folder === "" || path.startsWith(`${folder}/`))
    .map(([path, content]) => {
      const base = { type: "file", path: hub.listed(path), size: content.length };
      const oid = createHash("sha1").update(`blob ${content.length}\0`).update(content).digest("hex");
      if (content.length <= 100) return { ...base, oid };
      const sha256 = createHash("sha256").update(content).digest("hex");
      return { ...base, oid, lfs: { oid: sha256, size: content.length, pointerSize: 134 } };
    });
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify([{ type: "directory", path: "sub", oid: "0".repeat(40), size: 0 }, ...entries]),
  );
}

function sendFile(hub: HubServer, request: IncomingMessage, response: ServerResponse, path: string): void {
  const content = hub.files.get(path);
  if (content === undefined) {
    response.writeHead(404).end();
    return;
  }
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (hub.mischief(request, response, { path, content, from })) return;
  if (from === 0) response.writeHead(200, { "content-length": content.length });
  else response.writeHead(206, { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` });
  response.end(content.subarray(from));
}
