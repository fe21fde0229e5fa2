import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** One request as it arrived. */
export interface Arrived {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The fields of a multipart body; files as their name, type and size. */
  form(): Promise<[string, string][]>;
  json(): Record<string, unknown>;
}

export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** An object is sent as JSON. */
  body?: unknown;
  /** Milliseconds before the answer. */
  delayMs?: number;
  /** End the connection: without an answer, or in the middle of the body. */
  cut?: "before" | "within";
}

export type Handler = (request: Arrived, number: number) => Reply | Promise<Reply>;

/** A real HTTP server on loopback. */
export interface Loopback extends AsyncDisposable {
  url: string;
  arrived: Arrived[];
  /** Most requests that were open at the same time. */
  readonly mostAtOnce: number;
}

export async function loopback(handle: Handler): Promise<Loopback> {
  const arrived: Arrived[] = [];
  let [open, mostAtOnce] = [0, 0];
  const server = createServer((request, response) => {
    mostAtOnce = Math.max(mostAtOnce, ++open);
    response.on("close", () => open--);
    void answer(request, response);
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const one: Arrived = {
      method: request.method ?? "",
      url: request.url ?? "",
      headers: request.headers,
      body,
      form: () => formOf(body, request.headers["content-type"] ?? ""),
      json: () => JSON.parse(body.toString()) as Record<string, unknown>,
    };
    arrived.push(one);
    const {
      status = 200,
      headers = {},
      body: said = {},
      delayMs = 0,
      cut,
    } = await handle(one, arrived.length);
    await sleep(delayMs);
    if (cut === "before") {
      request.socket.destroy();
      return;
    }
    const isBytes = typeof said === "string" || Buffer.isBuffer(said);
    const bytes = Buffer.from(isBytes ? said : JSON.stringify(said));
    response.writeHead(status, { "content-type": "application/json", ...headers });
    if (cut === "within") {
      response.write(bytes.subarray(0, bytes.length >> 1), () => request.socket.destroy());
      return;
    }
    response.end(bytes);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arrived,
    get mostAtOnce() {
      return mostAtOnce;
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

async function formOf(body: Buffer, type: string): Promise<[string, string][]> {
  // Deprecated for servers that strangers post to; here we read what we sent.
  // eslint-disable-next-line @typescript-eslint/no-deprecated
  const form = await new Response(Uint8Array.from(body), { headers: { "content-type": type } }).formData();
  return [...form].map(([name, value]) => [
    name,
    typeof value === "string" ? value : `${value.name} ${value.type} ${value.size}`,
  ]);
}
