import { expect, test } from "vitest";
import { lyricsOfPage } from "../../src/annotate/providers/genius-page.js";

const container = (html: string): string => `<div class="x" data-lyrics-container="true">${html}</div>`;

test("lyrics are the text of all containers, without headings, scripts, annotations' marks or entities", () => {
  const page = `<!doctype html><html><head><script>var a = "<div data-lyrics-container='true'>no</div>";</script></head><body>
    <p>Not lyrics</p><!-- <div data-lyrics-container="true">comment</div> -->
    ${container(
      '<div data-exclude-from-selection="true"><span>12 Contributors</span><div>Song Lyrics</div></div>' +
        '[Verse 1: Ann]<br/>I&#x27;ll <a href="/1?a>b" class="y"><span>ring &amp; <i>sing</i></span></a><br>' +
        "two &lt;three&#39;s<img src=x><style>b{}</style>",
    )}
    <div>an advertisement</div>${container("<br>[Chorus]<br>la &quot;la&quot;&nbsp;&eacute;&unknown;")}<footer>x</footer></body></html>`;
  expect(lyricsOfPage(page)).toBe(
    "[Verse 1: Ann]\nI'll ring & sing\ntwo <three's\n\n[Chorus]\nla \"la\" é&unknown;",
  );
});

test("a page without a container holds no lyrics; an empty one holds empty lyrics", () => {
  expect(lyricsOfPage("<html><body><p>la</p></body></html>")).toBeUndefined();
  expect(lyricsOfPage("")).toBeUndefined();
  expect(lyricsOfPage(container(""))).toBe("");
});

test.each([
  ["unclosed tags", container("a<b>").repeat(1) + "<".repeat(300_000)],
  ["an unclosed container", `<div data-lyrics-container="true">la`],
  ["deep nesting", `<div data-lyrics-container="true">${"<i>".repeat(50_000)}la`],
  ["closing tags of nothing", `<div data-lyrics-container="true">${"</b>".repeat(200_000)}la</div>`],
  ["unclosed scripts", "<script>".repeat(100_000)],
  ["scripts that end without an end", `<script>${"</script".repeat(200_000)}`],
  ["quotes without an end", `<div data-lyrics-container="true"><a href="${"x>".repeat(200_000)}`],
  ["ampersands", container("&".repeat(500_000))],
])("%s are read in a moment", (_, page) => {
  const start = performance.now();
  lyricsOfPage(page);
  expect(performance.now() - start).toBeLessThan(2000);
});
