import { expect, test } from "vitest";
import type { Variant } from "../../../src/protocol/programs.ts";
import { useOrthancs } from "../../../src/testing/useOrthancs.ts";

const { startExample } = useOrthancs();

/** Starts the failing or the fixed Python program after a change. */
const startChanged = (variant: Variant, change: (text: string) => string) =>
  startExample("hazards/waiting-while-loading", `${variant} python`, {
    edited: ({ "plugin.py": text = "" }) => ({ "plugin.py": change(text) }),
  });

test("the script waits for the pool, whose thread waits for the end of the script's import", async () => {
  const dump = "import faulthandler\nfaulthandler.dump_traceback_later(3, exit=True)\n";
  const error = await startChanged("failing", (text) => dump + text).catch((error) => error);
  const stacks: string[] = error.message.split(/\n(?:Current t|T)hread 0x/).slice(1);
  const waiting = stacks.filter((stack) => stack.includes('plugin.py", line'));
  const pickling = stacks.filter((stack) => stack.includes("in _lock_unlock_module"));
  expect(waiting).toEqual([expect.stringContaining("in apply")]);
  expect(pickling).toEqual([expect.stringContaining("in _handle_tasks")]);
});

test("pool.py pickles a task in the thread that waits, so a script may wait for it while it loads", async () => {
  const orthanc = await startChanged("fixed", (text) =>
    text
      .replace(
        "call = pool.submit(DEADLINE, compute, COUNT)",
        "total = pool.run(DEADLINE, compute, COUNT)\n$&",
      )
      .replace("call.result()", "total"),
  );
  expect(await (await orthanc.request("/computation")).text()).toBe("333332833333500000\n");
});
