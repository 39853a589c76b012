import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { readHazard } from "../../../src/harness/hazard.ts";
import { endAfterEachTest } from "../../../src/harness/live.ts";
import { readTwinFiles, startTwin } from "../../../src/harness/twin.ts";

const ended = endAfterEachTest();

/** Sends an instance to the failing Python program, changed. */
async function upload(change: (text: string) => string) {
  const { folder, routes } = await readHazard("hazards/callback-by-token");
  const program = { folder: path.join(folder, "failing"), routes, instances: [] };
  const text = (await readTwinFiles(program, "python"))["plugin.py"] as string;
  const edited = { "plugin.py": change(text) };
  const orthanc = ended(await startTwin(program, "python", { edited }));
  const body = await readFile(path.join(orthanc.installation.testFiles, "CT_small.dcm"));
  const { status } = await orthanc.request("/instances", { method: "POST", body });
  const instances = (await (await orthanc.request("/instances")).json()) as string[];
  return { status, instances, log: await orthanc.log() };
}

test("the same worker with a user and a password is answered", async () => {
  const { status, log } = await upload((text) =>
    text.replace(
      /^token = .*$/m,
      [
        "import base64",
        'users = json.loads(orthanc.GetConfiguration())["RegisteredUsers"]',
        'user = ":".join(list(users.items())[0])',
        'token = "Basic " + base64.b64encode(user.encode()).decode()',
      ].join("\n"),
    ),
  );
  expect(log).toContain("There are 0 instances");
  expect(status).toBe(200);
});

test("the wait ends when the worker's request times out, and Orthanc keeps the instance", async () => {
  const { status, instances, log } = await upload((text) =>
    text.replace("timeout=DEADLINE", "timeout=2"),
  );
  expect(log).toContain("ReadTimeout");
  expect(status).toBe(200);
  expect(instances).toHaveLength(1);
});
