// Reads what `nvcc -Xptxas -v` says about each kernel.

/**
 * @typedef {object} Kernel
 * @property {string} name template arguments in angle brackets
 * @property {string} file
 * @property {number} architecture
 * @property {number} registers a thread
 * @property {number} stack bytes a thread
 * @property {number} spillStores bytes a thread
 * @property {number} spillLoads bytes a thread
 * @property {number} staticShared bytes a block; dynamic shared memory is asked for at launch and unknown here
 * @property {number} barriers
 */

/** @type {Record<string, string>} */
const builtin = {
  f: "float",
  d: "double",
  i: "int",
  j: "unsigned",
  l: "long",
  m: "unsigned long",
  b: "bool",
  h: "u8",
  t: "u16",
};

/**
 * One template argument of a mangled name, as far as our kernels use them: types, named types, numbers.
 *
 * @param {string} text
 * @param {number} at
 * @returns {[string, number]} the argument and where the next one starts
 */
function argument(text, at) {
  const literal = /^L([a-z])(n?)(\d+)E/.exec(text.slice(at));
  if (literal !== null) {
    const [whole, type, minus, digits] = literal;
    const value = type === "b" ? String(digits === "1") : `${minus === "n" ? "-" : ""}${digits ?? ""}`;
    return [value, at + whole.length];
  }
  // A named type, with (N..E) or without its namespaces; a substitution (S_, S1_) may stand for the namespaces.
  const named = /^N(?:S\d*[A-Z]?_?)?/.exec(text.slice(at));
  if (named !== null || /^\d/.test(text.slice(at))) {
    let name = "";
    let from = at + (named?.[0].length ?? 0);
    for (let part = /^(\d+)/.exec(text.slice(from)); part !== null; part = /^(\d+)/.exec(text.slice(from))) {
      const digits = part[0].length;
      name = text.slice(from + digits, from + digits + Number(part[0]));
      from += digits + Number(part[0]);
      if (named === null) break;
    }
    return [name, from + (named === null ? 0 : 1)];
  }
  const again = /^S\d*[A-Z]?_/.exec(text.slice(at));
  if (again !== null) return ["again", at + again[0].length];
  const type = builtin[text[at] ?? ""];
  if (type === undefined)
    throw new Error(`ptxas report: cannot read the template argument at ${at} of ${text}`);
  return [type, at + 1];
}

/**
 * `_ZN3ace44_GLOBAL__N__..24rms_norm_backward_kernelINS_4bf16EEEvPT_..` is `rms_norm_backward<bf16>`.
 *
 * @param {string} mangled
 * @returns {string}
 */
export function shortName(mangled) {
  let at = mangled.startsWith("_ZN") ? 3 : 2;
  let name = "";
  for (let part = /^(\d+)/.exec(mangled.slice(at)); part !== null; part = /^(\d+)/.exec(mangled.slice(at))) {
    const start = at + part[0].length;
    name = mangled.slice(start, start + Number(part[0]));
    at = start + Number(part[0]);
  }
  name = name.replace(/_kernel$/, "");
  if (mangled[at] !== "I") return name;
  /** @type {string[]} */
  const args = [];
  at += 1;
  while (mangled[at] !== "E") {
    const [text, next] = argument(mangled, at);
    // A type that was named before: of our own types kernels take bf16 alone.
    args.push(text === "again" ? "bf16" : text);
    at = next;
  }
  return `${name}<${args.join(",")}>`;
}

/** @param {RegExp} pattern @param {string} text */
const numberIn = (pattern, text) => Number(pattern.exec(text)?.[1] ?? 0);

/**
 * @param {string} output of one nvcc call
 * @param {string} file
 * @returns {Kernel[]}
 */
export function kernelsIn(output, file) {
  // Products of a warpgroup that wait for each other: a kernel that is written so must not pass for a fast one.
  const loss = /.*Potential Performance Loss.*/.exec(output)?.[0];
  if (loss !== undefined) throw new Error(`ptxas report: ${file}: ${loss}`);
  return output
    .split("Compiling entry function ")
    .slice(1)
    .map((text) => {
      const head = /^'([^']+)' for 'sm_(\d+)a?'/.exec(text);
      const used = /Used (\d+) registers/.exec(text);
      if (head?.[1] === undefined || used === null) throw new Error(`ptxas report: cannot read\n${text}`);
      return {
        name: shortName(head[1]),
        file,
        architecture: Number(head[2]),
        registers: Number(used[1]),
        stack: numberIn(/(\d+) bytes stack frame/, text),
        spillStores: numberIn(/(\d+) bytes spill stores/, text),
        spillLoads: numberIn(/(\d+) bytes spill loads/, text),
        staticShared: numberIn(/(\d+) bytes smem/, text),
        barriers: numberIn(/used (\d+) barriers/, text),
      };
    });
}

const columns = [
  "registers",
  "stack",
  "spill stores",
  "spill loads",
  "static shared",
  "barriers",
  "file",
  "kernel",
];

/**
 * @param {readonly Kernel[]} kernels of one architecture
 * @param {string} compiler
 * @returns {string}
 */
export function table(kernels, compiler) {
  const rows = kernels
    .toSorted((a, b) => (a.file === b.file ? compare(a.name, b.name) : compare(a.file, b.file)))
    .map((k) =>
      [k.registers, k.stack, k.spillStores, k.spillLoads, k.staticShared, k.barriers, k.file, k.name].map(
        String,
      ),
    );
  const widths = columns.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const lines = [columns, ...rows].map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return `# ${compiler}\n# made by packages/core-native/tools/ptxas-report.mjs; bytes but for the counts\n${lines.join("\n")}\n`;
}

/** @param {string} a @param {string} b */
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The rows of a table.
 *
 * @param {string} text
 * @param {number} architecture
 * @returns {Kernel[]}
 */
export function readTable(text, architecture) {
  const rows = text.split("\n").filter((line) => /^\d/.test(line));
  return rows.map((row) => {
    const cells = row.split(/\s{2,}/);
    const [registers, stack, spillStores, spillLoads, staticShared, barriers] = cells.map(Number);
    if (barriers === undefined || cells.length !== columns.length)
      throw new Error(`ptxas report: cannot read the row ${row}`);
    return {
      name: cells[7] ?? "",
      file: cells[6] ?? "",
      architecture,
      registers: registers ?? 0,
      stack: stack ?? 0,
      spillStores: spillStores ?? 0,
      spillLoads: spillLoads ?? 0,
      staticShared: staticShared ?? 0,
      barriers,
    };
  });
}

/** @param {Kernel} kernel */
export const spills = ({ stack, spillStores, spillLoads }) => stack + spillStores + spillLoads;
