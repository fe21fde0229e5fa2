import { expect, test } from "vitest";
import { Interruptions } from "../src/interruptions.js";

const state = ({ signal, stopNow }: { signal: AbortSignal; stopNow: AbortSignal }) =>
  `${signal.aborted ? "stopping" : "going on"}${stopNow.aborted ? " at once" : ""}`;

test("the first Ctrl-C asks to stop and save, the second to stop at once", () => {
  const interruptions = new Interruptions();
  const { signals } = interruptions;
  expect(state(signals)).toBe("going on");
  interruptions.interrupt();
  expect(state(signals)).toBe("stopping");
  interruptions.interrupt();
  expect(state(signals)).toBe("stopping at once");
});

test("Ctrl-C during a piece of work ends that piece alone; what comes after it goes on", async () => {
  const interruptions = new Interruptions();
  await interruptions.during((signals) => {
    interruptions.interrupt();
    expect(state(signals)).toBe("stopping");
    interruptions.interrupt();
    expect(state(signals)).toBe("stopping at once");
    return Promise.resolve();
  });
  expect(state(interruptions.signals)).toBe("going on");
  await interruptions.during((signals) => {
    expect(state(signals)).toBe("going on");
    return Promise.resolve();
  });
  const failing = interruptions.during(() => Promise.reject(new Error("broken")));
  await expect(failing).rejects.toThrow("broken");
  interruptions.interrupt();
  expect(state(interruptions.signals)).toBe("stopping");
});

test("a polite kill ends the piece of work and the process after it, and both save", async () => {
  const interruptions = new Interruptions();
  await interruptions.during((signals) => {
    interruptions.terminate();
    expect(state(signals)).toBe("stopping");
    return Promise.resolve();
  });
  expect(state(interruptions.signals)).toBe("stopping");
  await interruptions.during((signals) => {
    expect(state(signals)).toBe("stopping");
    return Promise.resolve();
  });
  const alone = new Interruptions();
  alone.terminate();
  expect(state(alone.signals)).toBe("stopping");
});

test("a terminal that is closed, and again, never keeps what is in hand from being saved", async () => {
  const interruptions = new Interruptions();
  await interruptions.during((signals) => {
    interruptions.leave();
    interruptions.leave();
    expect(state(signals)).toBe("stopping");
    return Promise.resolve();
  });
  expect(state(interruptions.signals)).toBe("stopping");
});
