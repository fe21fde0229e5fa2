import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import type { MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/**
 * Who may talk to the studio: a browser of this machine that was opened by the link the studio printed. Other users of the
 * machine do not know the token; pages of other sites can neither read nor send (same-site cookie, origin), and a name that
 * was rebound to this machine is not a name of it.
 */
export class Guard {
  readonly token = randomBytes(24).toString("base64url");
  private readonly cookie = `acewright-${randomBytes(4).toString("hex")}`;

  /** @param inlineScript the one script that stands in the page itself, allowed by its hash. */
  constructor(private readonly inlineScript: string) {}

  /** Every answer's headers, and the refusal of names that are not this machine's and of other sites' requests. */
  readonly manners: MiddlewareHandler = async (c, next) => {
    const { host, origin } = { host: c.req.header("host"), origin: c.req.header("origin") };
    if (!isLoopback(host)) return c.text("the studio answers on this machine's own names only", 403);
    const writes = c.req.method !== "GET" && c.req.method !== "HEAD";
    if (writes && origin !== `http://${host}`) return c.text("a request of another page", 403);
    await next();
    c.header("Content-Security-Policy", this.policy());
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    c.header("Cross-Origin-Resource-Policy", "same-origin");
    c.header("Cross-Origin-Opener-Policy", "same-origin");
    if (c.res.headers.get("Cache-Control") === null) c.header("Cache-Control", "no-store");
    return undefined;
  };

  /** Turns the printed link into a cookie, so that the token does not stay in the address bar. */
  readonly open: MiddlewareHandler = async (c) => {
    if (!this.knows(c.req.query("token"))) return Promise.resolve(c.text(this.refusal, 401));
    setCookie(c, this.cookie, this.token, { httpOnly: true, sameSite: "Strict", path: "/" });
    return Promise.resolve(c.redirect("/", 303));
  };

  /** Lets through who came by the link. */
  readonly known: MiddlewareHandler = async (c, next) => {
    if (this.knows(getCookie(c, this.cookie))) {
      await next();
      return undefined;
    }
    if (c.req.path.startsWith("/api/"))
      return c.json({ error: { code: "UNKNOWN", message: this.refusal, advice: "" } }, 401);
    return c.text(this.refusal, 401);
  };

  private readonly refusal =
    "open the studio by the link that `acewright studio` printed; each start prints a new one";

  private knows(given: string | undefined): boolean {
    const [a, b] = [given ?? "", this.token].map((text) => createHash("sha256").update(text).digest());
    return a !== undefined && b !== undefined && timingSafeEqual(a, b);
  }

  private policy(): string {
    const script = createHash("sha256").update(this.inlineScript).digest("base64");
    return [
      "default-src 'none'",
      `script-src 'self' 'sha256-${script}'`,
      "style-src 'self'",
      "img-src 'self' data:",
      "media-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join("; ");
  }
}

/** Whatever the port: it may be forwarded from another machine. */
function isLoopback(host: string | undefined): host is string {
  return host !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/.test(host);
}
