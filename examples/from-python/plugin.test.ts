/** A plugin that is half moved: one route in Python, its successor in Node, in one Orthanc. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { readSharedFiles } from "../../src/catalogue/files.ts";
import { bridgeOptions } from "../../src/harness/program.ts";
import { findNode } from "../../src/node/node.ts";
import { startOrthanc } from "../../src/orthanc/server.ts";
import { useOrthancs } from "../../src/testing/useOrthancs.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "..");
const { track } = useOrthancs();

test("both routes give the same answer", async () => {
  const read = (name: string) => readFile(path.join(EXAMPLES, name), "utf8");
  const files = {
    "plugin.py": await read("from-python/plugin.py"),
    "plugin.ts": await read("from-python/plugin.ts"),
    ...(await readSharedFiles("python")),
    ...(await readSharedFiles("typescript")),
  };
  const orthanc = track(
    await startOrthanc({
      ...bridgeOptions(await findNode(), files, ["/patient-count-new"]),
      script: "plugin.py",
    }),
  );
  const { testFiles } = orthanc.installation;
  await orthanc.send(["CT_small.dcm", "MR_small.dcm"].map((name) => path.join(testFiles, name)));
  for (const route of ["/patient-count", "/patient-count-new"]) {
    const answer = await orthanc.request(route);
    expect([route, answer.status, await answer.json()]).toEqual([route, 200, { patients: 2 }]);
    const refused = await orthanc.request(route, { method: "POST", body: "" });
    expect([route, refused.status, refused.headers.get("allow")]).toEqual([route, 405, "GET"]);
  }
});
