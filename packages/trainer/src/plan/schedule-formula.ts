import { AceError } from "@acewright/core-native";
import jsep from "jsep";

/** What a formula may speak of. Steps count from the end of the warm-up. */
export interface FormulaValues {
  /** From 0. */
  readonly step: number;
  readonly total_steps: number;
  /** step / total_steps: 0 to 1. */
  readonly progress: number;
  /** From 0. */
  readonly epoch: number;
  readonly total_epochs: number;
  readonly steps_per_epoch: number;
  /** The peak learning rate. */
  readonly base_lr: number;
}

const constants: Readonly<Record<string, number>> = { pi: Math.PI, e: Math.E };
const names = [
  "step",
  "total_steps",
  "progress",
  "epoch",
  "total_epochs",
  "steps_per_epoch",
  "base_lr",
] as const satisfies readonly (keyof FormulaValues)[];

type Compiled = (values: FormulaValues) => number;

/** How many arguments each takes: at least, at most. */
const functions: Readonly<Record<string, readonly [number, number, (...x: number[]) => number]>> = {
  cos: [1, 1, Math.cos],
  sin: [1, 1, Math.sin],
  exp: [1, 1, Math.exp],
  log: [1, 1, Math.log],
  sqrt: [1, 1, Math.sqrt],
  abs: [1, 1, Math.abs],
  floor: [1, 1, Math.floor],
  pow: [2, 2, Math.pow],
  min: [1, 8, Math.min],
  max: [1, 8, Math.max],
  clamp: [3, 3, (x = 0, low = 0, high = 0) => Math.min(Math.max(x, low), high)],
};

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a - b * Math.floor(a / b),
  "//": (a, b) => Math.floor(a / b),
  "**": (a, b) => a ** b,
  "<": (a, b) => Number(a < b),
  "<=": (a, b) => Number(a <= b),
  ">": (a, b) => Number(a > b),
  ">=": (a, b) => Number(a >= b),
  "==": (a, b) => Number(a === b),
  "!=": (a, b) => Number(a !== b),
};

// The parser is the process's own: these two words are the only ones the formulas need beyond its own.
jsep.addBinaryOp("**", 11, true);
jsep.addBinaryOp("//", 10);

const longest = 1000;

/** Formulas to begin from; each may be written by its name. */
export const scheduleTemplates: Readonly<Record<string, string>> = {
  cosine: "base_lr * 0.5 * (1 + cos(pi * progress))",
  "cosine with a floor": "max(1e-6, base_lr * 0.5 * (1 + cos(pi * progress)))",
  "constant, then cosine":
    "progress < 0.3 ? base_lr : base_lr * 0.5 * (1 + cos(pi * (progress - 0.3) / 0.7))",
  "halved every 10 epochs": "base_lr * 0.5 ** (epoch // 10)",
  "linear with a floor": "max(1e-5, base_lr * (1 - progress))",
};

/**
 * A learning rate's formula, or one of the templates by its name, read once and never run as code: numbers, the values
 * above, `+ - * / % // **`, comparisons, `a ? b : c`, and a dozen functions; anything else is refused.
 *
 * @throws {AceError} ERR_CONFIG with what is wrong and what may stand there.
 */
export function compileFormula(given: string): Compiled {
  const text = Object.hasOwn(scheduleTemplates, given) ? (scheduleTemplates[given] ?? given) : given;
  if (text.length > longest) throw refusal(`is longer than ${longest} characters`);
  let tree: jsep.Expression;
  try {
    tree = jsep(text);
  } catch (cause) {
    throw refusal(cause instanceof Error ? cause.message : String(cause), cause);
  }
  return compile(tree as jsep.CoreExpression);
}

function compile(node: jsep.CoreExpression): Compiled {
  switch (node.type) {
    case "Literal": {
      const { value } = node;
      if (typeof value !== "number") throw refusal(`${node.raw} is no number`);
      return () => value;
    }
    case "Identifier":
      return compileName(node.name);
    case "UnaryExpression": {
      const of = compile(node.argument as jsep.CoreExpression);
      if (node.operator === "-") return (values) => -of(values);
      if (node.operator === "+") return of;
      throw refusal(`the operator ${node.operator} is not known`);
    }
    case "BinaryExpression": {
      const operator = binary[node.operator];
      if (operator === undefined)
        throw refusal(`the operator ${node.operator} is not known; a power is written **`);
      const [a, b] = [compile(node.left as jsep.CoreExpression), compile(node.right as jsep.CoreExpression)];
      return (values) => operator(a(values), b(values));
    }
    case "ConditionalExpression": {
      const test = compile(node.test as jsep.CoreExpression);
      const yes = compile(node.consequent as jsep.CoreExpression);
      const no = compile(node.alternate as jsep.CoreExpression);
      return (values) => (test(values) === 0 ? no(values) : yes(values));
    }
    case "CallExpression":
      return compileCall(node);
    case "Compound":
      throw refusal("holds more than one expression (or nothing)");
    case "ArrayExpression":
    case "MemberExpression":
    case "SequenceExpression":
    case "ThisExpression":
      throw refusal(`${node.type} is not known here`);
  }
}

function compileName(name: string): Compiled {
  const value = names.find((known) => known === name);
  if (value !== undefined) return (values) => values[value];
  const constant = Object.hasOwn(constants, name) ? constants[name] : undefined;
  if (constant !== undefined) return () => constant;
  throw refusal(`${name} is not known; there are ${[...names, ...Object.keys(constants)].join(", ")}`);
}

function compileCall(node: jsep.CallExpression): Compiled {
  const name = node.callee.type === "Identifier" ? (node.callee as jsep.Identifier).name : "";
  const known = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (known === undefined)
    throw refusal(
      `${name === "" ? "that call" : `${name}()`} is not known; there are ${Object.keys(functions).join(", ")}`,
    );
  const [least, most, run] = known;
  const given = node.arguments.length;
  if (given < least || given > most)
    throw refusal(`${name}() takes ${least === most ? least : `${least} to ${most}`} values, got ${given}`);
  const values = node.arguments.map((argument) => compile(argument as jsep.CoreExpression));
  return (at) => run(...values.map((value) => value(at)));
}

function refusal(what: string, cause?: unknown): AceError {
  return new AceError("ERR_CONFIG", `the formula ${what}`, { cause });
}
