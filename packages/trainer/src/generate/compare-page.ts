import type { Comparison } from "./comparison.js";

/** A page of players, a row a song and a column a voice; it needs nothing but the files beside it. */
export function comparisonPage({ run, model, voices, songs }: Comparison): string {
  const heads = voices.map((voice) => `<th>${escape(voice)}</th>`).join("");
  const rows = songs
    .map(({ settings, takes }) => {
      const cells = takes
        .map(
          ({ file, loudness }) =>
            `<td><audio controls preload="none" src="${escape(encodeURIComponent(file))}"></audio><small>${loudness === null ? "silent" : `${loudness.toFixed(1)} LUFS`}</small></td>`,
        )
        .join("");
      return `<tr><th scope="row">${escape(settings.caption)}<small>seed ${settings.seed}, ${settings.durationS} s</small></th>${cells}</tr>`;
    })
    .join("\n");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>${escape(run)}: checkpoints side by side</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; }
table { border-collapse: collapse; }
th, td { border: 1px solid #ccc; padding: .5rem; text-align: left; vertical-align: top; }
small { display: block; color: #666; font-weight: normal; }
</style>
<h1>Checkpoints side by side</h1>
<p>${escape(run)} on ${escape(model)}. All takes of a row have the same words, the same seed and the same loudness. Starting one
pauses the others and goes on where they were.</p>
<table>
<tr><th>song</th>${heads}</tr>
${rows}
</table>
<script>
for (const row of document.querySelectorAll("tr")) {
  const players = [...row.querySelectorAll("audio")];
  for (const player of players) {
    player.addEventListener("play", () => {
      for (const other of document.querySelectorAll("audio")) {
        if (other === player || other.paused) continue;
        if (players.includes(other)) player.currentTime = other.currentTime;
        other.pause();
      }
    });
  }
}
</script>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}
