import { setTimeout as sleep } from "node:timers/promises";
import { baseUrlOf, isAccepted, type Accepted } from "./accepted.js";
import { BodyTooLong, readBounded } from "./bounded-body.js";
import { oneLine } from "./error-words.js";
import { malformed, refusedStatus, unreachable } from "./refusals.js";
import type { Secret } from "./secret.js";
import { ServiceFailure } from "./service-failure.js";

/** How a service is reached and how patiently. Times are in seconds. */
export interface ServiceOptions {
  /** For messages: "OpenAI". */
  name: string;
  /** Requests go below it, and to its origin only. */
  baseUrl: string;
  secret?: Secret | undefined;
  /** The header the key goes in. */
  keyHeader?: (key: string) => Readonly<Record<string, string>>;
  retries: number;
  /** First wait of the exponential back-off; the nth is 2ⁿ times as long, less up to a half by chance. */
  retryWaitS: number;
  /** A service that asks for a longer wait ends the run. */
  longestWaitS: number;
  timeoutS: number;
}

export interface ServiceRequest {
  method: "GET" | "POST" | "DELETE";
  /** Below the base URL, or a whole URL of its origin. */
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string | FormData | Uint8Array<ArrayBuffer>;
  accept: Accepted;
  /** False for a request that needs no key. */
  withKey?: boolean;
  /** A 404 speaks of this song, not of the base URL or the model. */
  mayBeAbsent?: boolean;
  signal: AbortSignal;
}

export interface ServiceAnswer {
  headers: Headers;
  /** Without the key, should the server have sent it back. */
  text: string;
}

/** Transcripts are a few hundred kilobytes. */
const mostBodyBytes = 16 * 2 ** 20;
const mostRedirects = 4;

/** One service: one origin, one key, one patience. Workers share it, so that all of them wait when one is told to. */
export class ServiceClient {
  readonly #options: ServiceOptions;
  readonly #base: URL;
  #pausedUntilMs = 0;

  /** @throws {AceError} ERR_CONFIG when the base URL is none. */
  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#base = baseUrlOf(options.baseUrl, options.name);
  }

  get origin(): string {
    return this.#base.origin;
  }

  /** True where the key would cross a network unencrypted. */
  get showsKey(): boolean {
    const isLocal = /^(?:localhost|127\..*|\[::1\])$/.test(this.#base.hostname);
    return this.#options.secret !== undefined && this.#base.protocol === "http:" && !isLocal;
  }

  /** A text without this service's key. */
  redact(text: string): string {
    return this.#options.secret?.redact(text) ?? text;
  }

  /** A failure of one song that another try may mend, or not. */
  refusal(what: string, retry = false): ServiceFailure {
    return new ServiceFailure(`${this.#options.name}: ${this.redact(oneLine(what))}`, {
      scope: "song",
      retry,
    });
  }

  /**
   * Sends until there is an answer that `read` takes.
   *
   * @throws {ServiceFailure} when the tries are used up or another would not help; an abort rejects with its reason.
   */
  async send<Result>(request: ServiceRequest, read: (answer: ServiceAnswer) => Result): Promise<Result> {
    return this.retrying(request.signal, async () => read(await this.once(request)));
  }

  /** Does work made of requests again where it failed and another try may mend it, after the wait that is due. */
  async retrying<Result>(signal: AbortSignal, work: (attempt: number) => Promise<Result>): Promise<Result> {
    const { retries, retryWaitS, longestWaitS, name } = this.#options;
    for (let attempt = 0; ; attempt++) {
      await this.#waitForPause(signal);
      try {
        return await work(attempt);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ServiceFailure) || !error.retry) throw error;
        if ((error.waitS ?? 0) > longestWaitS) {
          const wait = `${Math.ceil(error.waitS ?? 0)} s`;
          const message = `${name} asks to wait ${wait}, more than ${longestWaitS} s; run the same command later, it goes on where it was`;
          throw new ServiceFailure(message, { scope: "run", retry: false });
        }
        if (attempt >= retries) {
          const tries = attempt === 0 ? "" : ` (${attempt + 1} tries)`;
          throw new ServiceFailure(`${error.message}${tries}`, { scope: error.scope, retry: false });
        }
        const backOffS = Math.min(longestWaitS, retryWaitS * 2 ** attempt) * (0.5 + Math.random() / 2);
        if (error.waitS !== undefined)
          this.#pausedUntilMs = Math.max(this.#pausedUntilMs, Date.now() + error.waitS * 1000);
        else await pause(backOffS * 1000, signal);
      }
    }
  }

  /** One request without a second try. @throws {ServiceFailure} */
  async once(request: ServiceRequest): Promise<ServiceAnswer> {
    const { secret, keyHeader, timeoutS } = this.#options;
    const key = request.withKey === false || secret === undefined ? {} : (keyHeader?.(secret.reveal()) ?? {});
    const timeout = AbortSignal.timeout(timeoutS * 1000);
    let response: Response;
    let text: string;
    try {
      response = await this.#follow(request, key, AbortSignal.any([request.signal, timeout]));
      text = this.redact(await readBounded(response, mostBodyBytes));
    } catch (error) {
      request.signal.throwIfAborted();
      if (error instanceof ServiceFailure) throw error;
      if (error instanceof BodyTooLong) throw this.refusal(`sent more than ${mostBodyBytes} bytes; not read`);
      throw unreachable(this.#where, error, timeout.aborted ? timeoutS : undefined);
    }
    const { status, headers } = response;
    if (status === 404 && request.mayBeAbsent === true) throw this.refusal("has no such page");
    if (status < 200 || status > 299)
      throw refusedStatus(this.#where, status, headers, text, secret?.variable);
    const type = headers.get("content-type") ?? "";
    if (!isAccepted(request.accept, type)) {
      throw malformed(
        this.#where,
        `sent ${oneLine(this.redact(type)) || "no content type"}, ${request.accept} was expected`,
      );
    }
    return { headers, text };
  }

  /** Follows redirects within the origin alone: neither key nor song may go anywhere else. */
  async #follow(
    request: ServiceRequest,
    key: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response> {
    let url = this.#urlOf(request.path);
    for (let hops = 0; hops <= mostRedirects; hops++) {
      const response = await fetch(url, {
        method: request.method,
        headers: { accept: "application/json, text/*;q=0.5", ...request.headers, ...key },
        body: request.body ?? null,
        redirect: "manual",
        signal,
      });
      const location = response.headers.get("location");
      if (response.status < 300 || response.status > 399 || location === null) return response;
      await response.body?.cancel();
      const keepsMethod = request.method === "GET" || response.status === 307 || response.status === 308;
      const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
      if (next?.origin !== this.origin || !keepsMethod) {
        const target =
          next === undefined ? "nowhere" : next.origin === this.origin ? next.pathname : next.origin;
        const message = `${this.#where} redirects to ${this.redact(oneLine(target))}, which is not followed: the song and the key go to ${this.origin} only; correct the base URL`;
        throw new ServiceFailure(message, { scope: "run", retry: false });
      }
      url = next;
    }
    throw new ServiceFailure(`${this.#where} redirects in a circle; correct the base URL`, {
      scope: "run",
      retry: false,
    });
  }

  #urlOf(path: string): URL {
    const url = /^https?:/i.test(path)
      ? new URL(path)
      : path.startsWith("/")
        ? new URL(path, this.origin)
        : new URL(`${this.#base.pathname.replace(/\/+$/, "")}/${path}`, this.origin);
    if (url.origin !== this.origin)
      throw this.refusal(`names an address of ${url.origin}, which is not asked`);
    return url;
  }

  async #waitForPause(signal: AbortSignal): Promise<void> {
    for (let left = this.#pausedUntilMs - Date.now(); left > 0; left = this.#pausedUntilMs - Date.now()) {
      await pause(left, signal);
    }
    signal.throwIfAborted();
  }

  /** "OpenAI (api.openai.com)" */
  get #where(): string {
    return `${this.#options.name} (${this.#base.host})`;
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
  signal.throwIfAborted();
}
