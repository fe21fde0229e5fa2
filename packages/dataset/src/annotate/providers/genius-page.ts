/** Elements that never hold other elements. */
const voidNames = new Set([
  "area",
  "base",
  "br",
  "col",
  "embed",
  "hr",
  "img",
  "input",
  "link",
  "meta",
  "source",
  "wbr",
]);
/** Their content is no text. */
const rawNames = new Set(["script", "style", "noscript", "template"]);

/**
 * The lyrics on a Genius page: the text of every element marked `data-lyrics-container="true"`, `<br>` as line ends, without
 * what is excluded from selection (the page's own headings). One pass over the text; nothing in the page is run.
 *
 * @returns undefined where the page has no such element.
 */
export function lyricsOfPage(html: string): string | undefined {
  const containers: string[] = [];
  /** Names of the open elements from the container on; empty outside of one. */
  let open: string[] = [];
  /** Depth of the outermost element whose text is left out. */
  let leftOutAt = Infinity;
  let text = "";
  for (const token of tokens(html)) {
    if (token.kind === "text") {
      if (open.length > 0 && open.length < leftOutAt) text += decodeEntities(token.text.replace(/\s+/g, " "));
      continue;
    }
    const { name, closes, attributes } = token;
    if (closes) {
      const at = open.lastIndexOf(name);
      if (at < 0) continue;
      open = open.slice(0, at);
      if (open.length < leftOutAt) leftOutAt = Infinity;
      if (open.length === 0) {
        containers.push(text);
        text = "";
      }
      continue;
    }
    const isContainer = /\bdata-lyrics-container\s*=\s*["']?true/i.test(attributes);
    if (open.length === 0 && !isContainer) continue;
    if (name === "br" && open.length < leftOutAt) text += "\n";
    if (voidNames.has(name) || /\/\s*$/.test(attributes)) continue;
    open.push(name);
    const isLeftOut = /\bdata-exclude-from-selection\s*=\s*["']?true/i.test(attributes);
    if (isLeftOut && leftOutAt === Infinity) leftOutAt = open.length;
  }
  if (open.length > 0) containers.push(text);
  if (containers.length === 0) return undefined;
  return containers
    .join("\n")
    .split("\n")
    .map((line) => line.trim())
    .join("\n")
    .trim();
}

type Token =
  { kind: "text"; text: string } | { kind: "tag"; name: string; closes: boolean; attributes: string };

/** Tags and the text between them, from left to right; comments, doctypes and scripts are stepped over. */
function* tokens(html: string): Generator<Token> {
  let at = 0;
  while (at < html.length) {
    const tagAt = html.indexOf("<", at);
    if (tagAt !== at) yield { kind: "text", text: html.slice(at, tagAt < 0 ? undefined : tagAt) };
    if (tagAt < 0) return;
    const isComment = html.startsWith("<!--", tagAt);
    const end = isComment ? html.indexOf("-->", tagAt + 4) + 2 : endOfTag(html, tagAt);
    if (end < tagAt) return;
    at = end + 1;
    const [, slash, name, attributes] =
      /^<(\/?)([a-z][a-z0-9]*)([\s\S]*)>$/i.exec(html.slice(tagAt, at)) ?? [];
    if (isComment || name === undefined) continue;
    const lower = name.toLowerCase();
    const closes = slash === "/";
    if (!closes && rawNames.has(lower)) {
      const close = indexOfClosing(html, lower, at);
      if (close < 0) return;
      at = close;
      continue;
    }
    yield { kind: "tag", name: lower, closes, attributes: attributes ?? "" };
  }
}

/** The `>` that ends a tag: not one inside quotes. */
function endOfTag(html: string, from: number): number {
  let quote = "";
  for (let at = from + 1; at < html.length; at++) {
    const sign = html[at] ?? "";
    if (quote !== "") {
      if (sign === quote) quote = "";
    } else if (sign === ">") return at;
    else if ((sign === '"' || sign === "'") && html[at - 1] === "=") quote = sign;
  }
  return -1;
}

/** The end of `</name>`, in any case. */
function indexOfClosing(html: string, name: string, from: number): number {
  const pattern = new RegExp(`</${name}\\b`, "gi");
  pattern.lastIndex = from;
  const end = pattern.exec(html) === null ? -1 : html.indexOf(">", pattern.lastIndex);
  return end < 0 ? -1 : end + 1;
}

const entities: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  rsquo: "\u2019",
  lsquo: "\u2018",
  rdquo: "\u201d",
  ldquo: "\u201c",
  hellip: "\u2026",
  mdash: "\u2014",
  ndash: "\u2013",
  eacute: "\u00e9",
};

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,8}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return entities[String(name).toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(String(hex), 16) : Number(decimal);
    const isText = code >= 32 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
    return isText ? String.fromCodePoint(code).replace("\u00a0", " ") : "";
  });
}
