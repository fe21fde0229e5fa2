export { main } from "./main.js";
export type { Context, Person } from "./command.js";
export type { Terminal } from "./terminal.js";
export { processTerminal } from "./terminal.js";
