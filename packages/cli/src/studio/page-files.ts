import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Context, Hono } from "hono";

const packageFolder = fileURLToPath(new URL("../../", import.meta.url));
const staticFolder = join(packageFolder, "page/static");
const scriptFolder = join(packageFolder, "dist/page");

/** Libraries of the page, under the names its modules import them by. */
const libraries = {
  preact: "preact",
  "preact/hooks": "preact/hooks",
  "preact/jsx-runtime": "preact/jsx-runtime",
  uplot: "uplot/dist/uPlot.esm.js",
} as const;

const types: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Tells the browser where the libraries lie: the page is not bundled, its modules are served as they were compiled. */
export const importMap = JSON.stringify({
  imports: Object.fromEntries(
    Object.keys(libraries).map((name) => [name, `/lib/${name.replaceAll("/", "-")}.js`]),
  ),
});

/** The page itself: one document, its styles, its modules, and the libraries it imports. */
export function servePage(app: Hono): void {
  const document = readFileSync(join(staticFolder, "index.html"), "utf8").replace(
    "<!-- import map -->",
    `<script type="importmap">${importMap}</script>`,
  );
  app.get("/", (c) => c.html(document));
  for (const [name, path] of Object.entries(libraryFiles())) {
    app.get(`/lib/${name.replaceAll("/", "-")}.js`, (c) => file(c, path, ".js"));
  }
  const uplotStyles = createRequire(import.meta.url).resolve("uplot/dist/uPlot.min.css");
  app.get("/lib/uplot.css", (c) => file(c, uplotStyles, ".css"));
  // Only names, no dots before the ending and no backslashes: nothing that could lead out of the folder.
  app.get("/page/:path{[a-z0-9-]+(?:/[a-z0-9-]+)*\\.js}", (c) =>
    file(c, join(scriptFolder, c.req.param("path")), ".js"),
  );
  app.get("/static/:name{[a-z0-9-]+\\.(?:css|svg)}", (c) => {
    const name = c.req.param("name");
    return file(c, join(staticFolder, name), extname(name));
  });
}

/** Where the installed libraries keep the modules a browser can import. */
export function libraryFiles(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(libraries).map(([name, specifier]) => [
      name,
      fileURLToPath(import.meta.resolve(specifier)),
    ]),
  );
}

async function file(c: Context, path: string, ending: string): Promise<Response> {
  const stream = createReadStream(path);
  const opened = await new Promise<boolean>((resolve) => {
    stream.once("open", () => {
      resolve(true);
    });
    stream.once("error", () => {
      resolve(false);
    });
  });
  if (!opened) return c.notFound();
  c.header("Content-Type", types[ending] ?? "application/octet-stream");
  c.header("Cache-Control", "no-cache");
  return c.body(Readable.toWeb(stream) as ReadableStream);
}
