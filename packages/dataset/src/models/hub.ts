import { AceError } from "@acewright/core-native";
import { readBounded } from "../annotate/http/bounded-body.js";
import { tryAgain } from "../try-again.js";

const officialEndpoint = "https://huggingface.co";
const mostListBytes = 16 << 20;
const mostRedirects = 5;
const attempts = 4;

export interface HubOptions {
  readonly signal?: AbortSignal;
  /** Pause before the second attempt; each later one waits twice as long. */
  readonly pauseMs?: number;
  /** The token also goes to a mirror (HF_ENDPOINT): only by the user's word. */
  readonly sendTokenToMirror?: boolean;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Address of the server; default: HF_ENDPOINT, else the official one. */
  readonly endpoint?: string | undefined;
}

/**
 * A server that keeps models as Hugging Face does. The token of HF_TOKEN is sent to the official server and to no other:
 * not to a mirror, unless the user says so, and not where a redirect leads.
 */
export class Hub {
  readonly endpoint: string;
  readonly #token: string | undefined;
  readonly #options: HubOptions;

  /** @throws {AceError} ERR_CONFIG for an endpoint that is no address. */
  constructor(options: HubOptions = {}) {
    const environment = options.environment ?? process.env;
    const named = options.endpoint ?? environment["HF_ENDPOINT"] ?? "";
    this.endpoint = (named === "" ? officialEndpoint : named).replace(/\/+$/, "");
    if (!URL.canParse(this.endpoint) || !/^https?:$/.test(new URL(this.endpoint).protocol))
      throw new AceError(
        "ERR_CONFIG",
        `${options.endpoint === undefined ? "HF_ENDPOINT" : "endpoint"}: expected an http or https address`,
      );
    const isOfficial = new URL(this.endpoint).origin === officialEndpoint;
    const token = environment["HF_TOKEN"] ?? "";
    this.#token = token !== "" && (isOfficial || options.sendTokenToMirror === true) ? token : undefined;
    this.#options = options;
  }

  async json(url: string): Promise<{ json: unknown; link: string | null }> {
    return await this.#again(async () => {
      const answer = await this.#follow(url, {});
      const text = await readBounded(answer, mostListBytes);
      try {
        return { json: JSON.parse(text) as unknown, link: answer.headers.get("link") };
      } catch (cause) {
        throw new AceError("ERR_SERVICE", `${this.endpoint}: answers with what is not JSON`, { cause });
      }
    });
  }

  /** The content of a file from a byte on: the whole of it (`from` 0) where the server does not give parts. */
  async content(
    repo: string,
    revision: string,
    path: string,
    from: number,
  ): Promise<{ readonly from: number; readonly body: ReadableStream<Uint8Array> }> {
    const name = path.split("/").map(encodeURIComponent).join("/");
    const url = `${this.endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${name}`;
    const answer = await this.#follow(url, from > 0 ? { range: `bytes=${from}-` } : {});
    if (answer.body === null) throw new AceError("ERR_SERVICE", `${path}: the server sends nothing`);
    const begins = /^bytes (\d+)-/.exec(answer.headers.get("content-range") ?? "")?.[1];
    const isPart = answer.status === 206 && Number(begins) === from;
    return { from: isPart ? from : 0, body: answer.body as ReadableStream<Uint8Array> };
  }

  #again<T>(work: () => Promise<T>): Promise<T> {
    const { signal, pauseMs = 1000 } = this.#options;
    return tryAgain(work, { attempts, pauseMs, mayPass, signal });
  }

  async #follow(first: string, headers: Record<string, string>): Promise<Response> {
    let url = new URL(first);
    for (let hop = 0; hop <= mostRedirects; hop++) {
      const isHome = url.origin === new URL(this.endpoint).origin;
      const answer = await this.#fetch(url, {
        ...headers,
        ...(isHome && this.#token !== undefined ? { authorization: `Bearer ${this.#token}` } : {}),
      });
      const to = answer.status >= 300 && answer.status < 400 ? answer.headers.get("location") : null;
      if (to === null) {
        if (answer.ok) return answer;
        await answer.body?.cancel();
        throw refusal(url, answer.status);
      }
      await answer.body?.cancel();
      url = new URL(to, url);
      if (!/^https?:$/.test(url.protocol)) break;
    }
    throw new AceError(
      "ERR_SERVICE",
      `${new URL(first).host}: redirects without end, or to what is no server`,
    );
  }

  async #fetch(url: URL, headers: Record<string, string>): Promise<Response> {
    const { signal } = this.#options;
    try {
      return await fetch(url, { headers, redirect: "manual", ...(signal === undefined ? {} : { signal }) });
    } catch (cause) {
      signal?.throwIfAborted();
      throw new Passing(`${url.host}: cannot be reached (${reasonOf(cause)})`, cause);
    }
  }
}

/** What may be gone in a moment. */
export class Passing extends AceError {
  constructor(message: string, cause?: unknown) {
    super("ERR_SERVICE", message, { cause });
  }
}

export function mayPass(error: unknown): boolean {
  return error instanceof Passing;
}

function refusal(url: URL, status: number): AceError {
  if (status === 429 || status >= 500) return new Passing(`${url.host}: answers ${status}; try again later`);
  if (status === 401 || status === 403)
    return new AceError(
      "ERR_SERVICE",
      `${url.host}: refuses access (${status}); set HF_TOKEN, and accept the model's terms on its page`,
    );
  if (status === 404)
    return new AceError("ERR_SERVICE", `${url.host}: does not know ${url.pathname}; check the name`);
  return new AceError("ERR_SERVICE", `${url.host}: answers ${status} to ${url.pathname}`);
}

/** The system's word for it, without the address, which may be signed. */
function reasonOf(cause: unknown): string {
  const deeper = (cause as { cause?: unknown }).cause as NodeJS.ErrnoException | undefined;
  return deeper?.code ?? "no connection";
}
