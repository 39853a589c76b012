/** The Run buttons in a browser, on a live Orthanc. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Locator, type Page, test } from "@playwright/test";
import getPort from "get-port";
import { findProgram, readScenario, readScenarios } from "../catalogue/catalogue.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const SOON = { timeout: 60_000 };

/** The name of the reader's edits in the browser's storage. Docusaurus appends the site's namespace to each name. */
const EDITS = `edits-rest-token${JSON.parse(readFileSync(path.join(REPOSITORY, ".docusaurus/site-storage.json"), "utf8")).namespace}`;

test.describe.configure({ timeout: 120_000 });

/** Opens an example's page, with the run panel in view. */
async function open(page: Page, example: string) {
  const { page: address } = await readExample(example);
  await page.goto(address);
  return scrollToPanel(page, example);
}

async function scrollToPanel(page: Page, example: string) {
  // The recorded run is replaced once it comes near: it is no use to wait until it is stable.
  const run = page.getByLabel(new RegExp(`^(Recorded|Live) run of ${example}$`)).first();
  await run.evaluate((element) => element.scrollIntoView());
  const panel = page.getByLabel(`Live run of ${example}`);
  await expect(panel.getByRole("button", { name: "Run both" })).toBeVisible();
  return panel;
}

/** Reads the bars of a group in the timeline: the start and end of each call's work, in milliseconds. */
async function bars(page: Page, example: string, group: string) {
  const marks = page
    .getByLabel(`Live run of ${example}`)
    .locator("div", { has: page.locator("> p", { hasText: group }) })
    .locator("g[data-call]");
  return marks.evaluateAll((all) =>
    all.map((mark) => ({
      began: Number(mark.getAttribute("data-began")),
      ended: Number(mark.getAttribute("data-ended")),
    })),
  );
}

for (const example of await exampleIds()) {
  test(`runs both twins of ${example}, which agree`, async ({ page }) => {
    const errors: string[] = [];
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(error.message));
    const panel = await open(page, example);
    await panel.getByRole("button", { name: "Run both" }).click();
    await expect(panel.getByRole("status")).toHaveText("Both twins agree.", SOON);
    const { steps } = await readExample(example);
    for (const { name } of steps)
      await expect(panel.getByText(name, { exact: true })).toBeVisible();
    await expect(panel.getByText(/^Log of Orthanc and the/)).toHaveCount(2);
    expect(errors).toEqual([]);
  });
}

test("calls of a blocking callback are served one after another", async ({ page }) => {
  const panel = await open(page, "blocking-computation");
  await panel.getByRole("button", { name: "Run TypeScript" }).click();
  await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
  const calls = await bars(page, "blocking-computation", "3 at once, TypeScript");
  calls.sort((one, other) => one.ended - other.ended);
  expect(calls).toHaveLength(3);
  for (const [index, call] of calls.entries()) {
    expect(call.began).toBeGreaterThanOrEqual((calls[index - 1]?.ended ?? 0) - 50);
  }
});

test("calls of a pool of workers are served side by side", async ({ page }) => {
  test.skip(availableParallelism() < 2, "this machine has one core, so nothing runs side by side");
  const panel = await open(page, "worker-pool");
  await panel.getByRole("button", { name: "Run both" }).click();
  await expect(panel.getByRole("status")).toHaveText("Both twins agree.", SOON);
  for (const twin of ["Python", "TypeScript"]) {
    const [one, other] = await bars(page, "worker-pool", `2 at once, ${twin}`);
    if (!one || !other) throw new Error(`There are no two bars for ${twin}.`);
    const overlap = Math.min(one.ended, other.ended) - Math.max(one.began, other.began);
    expect(overlap).toBeGreaterThan(0.5 * (one.ended - one.began));
  }
});

test("the navigation bar says what runs are played on", async ({ page }) => {
  await page.goto("/");
  await expect(
    page.getByText(/^Live on Orthanc [\d.]+ \(plugin [\d.]+, Python [\d.]+, Node [\d.]+\)$/),
  ).toBeVisible(SOON);
});

test("a reload in the middle of a run shows the run again, and Stop ends it", async ({ page }) => {
  const panel = await open(page, "blocking-computation");
  await panel.getByRole("button", { name: "Run Python" }).click();
  await expect(panel.getByRole("status")).toContainText("“Calls at once”", SOON);
  await page.reload();
  const again = await scrollToPanel(page, "blocking-computation");
  await expect(again.getByRole("status")).toContainText("“Calls at once”", SOON);
  await again.getByRole("button", { name: "Stop" }).click();
  await expect(again.getByRole("status")).toHaveText("Stopped. You stopped it.", SOON);
  await expect(again.getByRole("button", { name: "Run both" })).toBeEnabled();
});

test("an edit changes the answer, survives a reload, and is reset; a syntax error shows in its line", async ({
  page,
}) => {
  const panel = await open(page, "blocking-computation");
  await panel.getByRole("button", { name: "Edit" }).click();
  const code = panel.getByLabel("Code: plugin.py");
  await expect(code).toContainText("import orthanc");
  await code.fill("import orthanc\n\n\ndef on_computation(output, uri, **request):\n");
  await panel.getByRole("button", { name: "Run Python" }).click();
  await expect(panel.getByText(/^plugin\.py:\d+:\d+: /)).toBeVisible(SOON);
  await expect(panel.locator(".cm-lint-marker-error")).toHaveCount(1);

  await code.fill(
    'import orthanc\n\n\ndef on_computation(output, uri, **request):\n    output.AnswerBuffer("edited", "text/plain")\n\n\northanc.RegisterRestCallback("/computation", on_computation)\n',
  );
  await page.reload();
  const again = await scrollToPanel(page, "blocking-computation");
  await expect(again.getByText("You have changed plugin.py")).toBeVisible();
  await again.getByRole("button", { name: "Run both" }).click();
  await expect(again.getByRole("status")).toHaveText("The twins differ.", SOON);
  await expect(again.locator("pre", { hasText: /^edited$/ }).first()).toBeVisible();
  await again.getByRole("button", { name: "Reset" }).click();
  await expect(again.getByText("You have changed")).toHaveCount(0);
});

/** A separate server, which a test can start again on the same port. */
async function ownServer() {
  const port = await getPort({ host: "127.0.0.1" });
  let child: ChildProcess;
  const start = async () => {
    child = spawn(
      process.execPath,
      ["--import", "@oxc-node/core/register", "src/cli/serve.ts", "--port", String(port)],
      { cwd: REPOSITORY, stdio: ["ignore", "pipe", "inherit"] },
    );
    let printed = "";
    for await (const piece of child.stdout ?? []) {
      printed += piece;
      if (printed.includes("Ctrl-C ends it.")) return;
    }
    throw new Error(`The server has ended: ${printed}`);
  };
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, "exit");
  };
  await start();
  return { origin: `http://127.0.0.1:${port}`, start, stop };
}

const RUNS = ["Run Python", "Run TypeScript", "Run both"];
const SLOW = "import time\ntime.sleep(60)\n";

test.describe("a server that is started again", () => {
  let server: Awaited<ReturnType<typeof ownServer>>;

  test.beforeEach(async () => {
    server = await ownServer();
  });
  test.afterEach(() => server.stop());

  /** Opens an example's page there, with a running edited program that does not end by itself. */
  async function openRunning(page: Page) {
    await page.goto(`${server.origin}/rest-token`);
    const edits = { "plugin.py": { text: SLOW, original: "" } };
    await page.evaluate(([name, text]) => localStorage.setItem(name, text), [
      EDITS,
      JSON.stringify(edits),
    ] as const);
    await page.reload();
    const panel = await scrollToPanel(page, "rest-token");
    await panel.getByRole("button", { name: "Run Python" }).click();
    await expect(panel.getByRole("status")).toHaveText("Python: Orthanc is starting.", SOON);
    return panel;
  }

  async function expectButtons(panel: Locator) {
    for (const name of RUNS) await expect(panel.getByRole("button", { name })).toBeEnabled();
    await expect(panel.getByRole("button", { name: "Stop" })).toBeDisabled();
  }

  test("has forgotten the run that a page shows again: the page says so, and runs it", async ({
    page,
  }) => {
    await page.goto(`${server.origin}/rest-token`);
    let panel = await scrollToPanel(page, "rest-token");
    await panel.getByRole("button", { name: "Run Python" }).click();
    await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
    await server.stop();
    await server.start();
    await page.reload();
    panel = await scrollToPanel(page, "rest-token");
    await expect(panel.getByRole("status")).toHaveText(/^There is no such run/, SOON);
    await expect(panel.getByLabel("Recorded run of rest-token")).toBeVisible();
    await expectButtons(panel);
    await panel.getByRole("button", { name: "Run Python" }).click();
    await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
  });

  test("in the middle of a run: an open page says that it is to be loaded again", async ({
    page,
  }) => {
    const panel = await openRunning(page);
    await server.stop();
    await expect(panel.getByRole("status")).toHaveText(/^The server does not answer\./, SOON);
    await server.start();
    await expect(panel.getByRole("status")).toContainText("load the page again", SOON);
    await expectButtons(panel);
    await panel.getByRole("button", { name: "Run both" }).click();
    await expect(panel.getByRole("status")).toContainText("load the page again", SOON);
    await expectButtons(panel);
    await page.reload();
    const again = await scrollToPanel(page, "rest-token");
    await again.getByRole("button", { name: "Reset" }).click();
    await again.getByRole("button", { name: "Run Python" }).click();
    await expect(again.getByRole("status")).toHaveText("Played.", SOON);
  });

  test("not at all: Stop ends the run on the page, and Run says that there is no answer", async ({
    page,
  }) => {
    const panel = await openRunning(page);
    await server.stop();
    await expect(panel.getByRole("status")).toHaveText(/Trying again/, SOON);
    await panel.getByRole("button", { name: "Stop" }).click();
    await expect(panel.getByRole("status")).toHaveText(/does not answer\. Start it again/, SOON);
    await expectButtons(panel);
    await panel.getByRole("button", { name: "Run both" }).click();
    await expect(panel.getByRole("status")).toHaveText(/does not answer\. Start it again/, SOON);
    await expectButtons(panel);
  });
});

test("a run continues if the connection is lost and comes back", async ({ page, context }) => {
  const panel = await open(page, "blocking-computation");
  await panel.getByRole("button", { name: "Run Python" }).click();
  await expect(panel.getByRole("status")).toContainText("Orthanc", SOON);
  await context.setOffline(true);
  await context.setOffline(false);
  await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
});

test.describe("a browser's memory", () => {
  for (const [what, text] of [
    ["no JSON", "{"],
    ["another form", '{"plugin.py": "text", "plugin.ts": null, "worker.ts": {"text": 1}}'],
    ["null", "null"],
  ] as const) {
    test(`with ${what} in it is as if nothing were edited`, async ({ page }) => {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await page.goto("/rest-token");
      await page.evaluate(([name, text]) => localStorage.setItem(name, text), [
        EDITS,
        text,
      ] as const);
      await page.reload();
      const panel = await scrollToPanel(page, "rest-token");
      await expect(panel.getByText("You have changed")).toHaveCount(0);
      await panel.getByRole("button", { name: "Run Python" }).click();
      await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
      expect(errors).toEqual([]);
    });
  }

  test("is shared: a change in one tab shows in the other", async ({ page, context }) => {
    const panel = await open(page, "rest-token");
    const other = await open(await context.newPage(), "rest-token");
    await panel.getByRole("button", { name: "Edit" }).click();
    await panel.getByLabel("Code: plugin.py").fill("import orthanc\n");
    await expect(other.getByText("You have changed plugin.py")).toBeVisible();
  });

  test("that is full keeps no edit, says so, and runs it", async ({ page }) => {
    await page.goto("/rest-token");
    await page.evaluate(() => {
      for (const storage of [localStorage, sessionStorage]) {
        for (let size = 4_000_000; size >= 1; size = Math.floor(size / 2)) {
          try {
            for (let i = 0; ; i++) storage.setItem(`${size}-${i}`, "x".repeat(size));
          } catch {
            // There is no room for another text of this size.
          }
        }
      }
    });
    const panel = await open(page, "rest-token");
    await panel.getByRole("button", { name: "Edit" }).click();
    await panel.getByLabel("Code: plugin.py").fill("import orthanc\n");
    await expect(panel.getByText("Your browser does not keep the change")).toBeVisible();
    await panel.getByRole("button", { name: "Run Python" }).click();
    await expect(panel.getByRole("status")).toHaveText("Played.", SOON);
    await panel.getByRole("button", { name: "Reset" }).click();
    await expect(panel.getByText("You have changed")).toHaveCount(0);
  });

  test("that is blocked leaves the panel whole", async ({ page }) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    // A sandboxed page has no storage: the browser throws an error. Because its origin is not ours, the server would
    // refuse its scripts.
    await page.route("**/*", async (route) => {
      if (new URL(route.request().url()).pathname.startsWith("/live/")) return route.abort();
      const { "sec-fetch-site": _, origin: __, ...asked } = route.request().headers();
      const response = await route.fetch({ headers: asked });
      const headers = { ...response.headers(), "content-security-policy": "sandbox allow-scripts" };
      await route.fulfill({ response, headers });
    });
    const panel = await open(page, "rest-token");
    expect(
      await page.evaluate(() => {
        try {
          return typeof localStorage;
        } catch (error) {
          return (error as Error).name;
        }
      }),
    ).toBe("SecurityError");
    await expect(panel.getByRole("button", { name: "Run both" })).toBeEnabled();
    expect(errors).toEqual([]);
  });
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the panel is accessible on a narrow screen, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 800 });
    const panel = await open(page, "rest-token");
    await panel.getByRole("button", { name: "Run both" }).click();
    await expect(panel.getByRole("status")).toHaveText("Both twins agree.", SOON);
    await panel.getByRole("button", { name: "Edit" }).click();
    await expect(panel.getByLabel("Code: plugin.py")).toBeVisible();
    const { violations } = await new AxeBuilder({ page }).include("[data-live]").analyze();
    expect(violations).toEqual([]);
    const wider = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    expect(wider).toBeLessThanOrEqual(0);
  });
}
