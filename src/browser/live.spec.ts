/** The Run buttons in a browser, on a live Orthanc. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { availableParallelism } from "node:os";
import path from "node:path";
import { expect, type Locator, type Page, type Route, test } from "@playwright/test";
import getPort from "get-port";
import { readScenarios } from "../catalogue/catalogue.ts";
import { expectAccessible } from "./expectAccessible.ts";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const SOON = { timeout: 60_000 };
const RUNS = ["Run Python", "Run TypeScript", "Run both"];
const SCENARIOS = await readScenarios();
const EXAMPLES = SCENARIOS.filter(({ twins }) => twins);

/** The name of the reader's edits in the browser's storage. Docusaurus appends the site's namespace to each name. */
const EDITS = `edits-rest-token${JSON.parse(readFileSync(path.join(REPOSITORY, ".docusaurus/site-storage.json"), "utf8")).namespace}`;

test.describe.configure({ timeout: 120_000 });

/** Opens an example's page, with the run panel in view. */
async function open(page: Page, id: string): Promise<Locator> {
  await page.goto(EXAMPLES.find((example) => example.id === id)?.page ?? "");
  return scrollToPanel(page, id);
}

async function scrollToPanel(page: Page, title: string): Promise<Locator> {
  // The live panel replaces the recorded run when that comes close to the visible part: it never becomes stable.
  const run = page.getByLabel(new RegExp(`^(Recorded|Live) run of ${title}$`)).first();
  const panel = page.getByLabel(`Live run of ${title}`);
  // Until the page is hydrated, its tabs may be replaced, with all that is in them.
  await expect(page.locator("html")).toHaveAttribute("data-has-hydrated", "true");
  await run.evaluate((element) => element.scrollIntoView());
  await expect(button(panel, "Stop")).toBeVisible();
  return panel;
}

function button(panel: Locator, name: string): Locator {
  return panel.getByRole("button", { name });
}

/** Expects the panel's sentence about the run. */
async function expectStatus(panel: Locator, sentence: string | RegExp): Promise<void> {
  await expect(panel.getByRole("status")).toHaveText(sentence, SOON);
}

/** Collects the errors of a page. */
function collectErrors(page: Page): string[] {
  const errors: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  return errors;
}

/** Tells which part of the shorter one of two calls, from 0 to 1, the timeline shows while both were at work. */
async function overlap(panel: Locator, group: string): Promise<number> {
  const marks = panel
    .locator("div", { has: panel.page().locator("> p", { hasText: group }) })
    .locator("g[data-call]");
  await expect(marks).toHaveCount(2);
  const [one, other] = await marks.evaluateAll((all) =>
    all.map((mark) => ({
      began: Number(mark.getAttribute("data-began")),
      ended: Number(mark.getAttribute("data-ended")),
    })),
  );
  if (!one || !other) throw new Error(`There are no two bars for ${group}.`);
  const both = Math.min(one.ended, other.ended) - Math.max(one.began, other.began);
  return both / Math.min(one.ended - one.began, other.ended - other.began);
}

test("the page of each example has Run buttons, its files and its steps, and no error", async ({
  page,
}) => {
  const errors = collectErrors(page);
  for (const { id, programs } of EXAMPLES) {
    const panel = await open(page, id);
    for (const name of RUNS) await expect(button(panel, name)).toBeEnabled();
    await expect(button(panel, "Edit")).toBeEnabled();
    for (const { name } of programs[0]?.steps ?? [])
      await expect(panel.getByText(name, { exact: true })).toBeVisible();
  }
  expect(errors).toEqual([]);
});

test("both twins of an example run and agree; the panel shows their steps, times and logs, and is accessible on a narrow screen", async ({
  page,
}) => {
  const errors = collectErrors(page);
  const panel = await open(page, "worker-pool");
  await button(panel, "Run both").click();
  await expectStatus(panel, "Both twins agree.");
  for (const { name } of EXAMPLES.find(({ id }) => id === "worker-pool")?.programs[0]?.steps ?? [])
    await expect(panel.getByText(name, { exact: true })).toBeVisible();
  await expect(panel.getByText(/^Log of Orthanc and the/)).toHaveCount(2);
  for (const twin of ["Python", "TypeScript"]) {
    // On one core, nothing runs in parallel.
    if (availableParallelism() > 1)
      expect(await overlap(panel, `2 at once, ${twin}`)).toBeGreaterThan(0.5);
  }

  await page.setViewportSize({ width: 360, height: 800 });
  for (const colorScheme of ["light", "dark"] as const) {
    await test.step(colorScheme, async () => {
      await page.emulateMedia({ colorScheme });
      await page.reload();
      await scrollToPanel(page, "worker-pool");
      await expectStatus(panel, "Both twins agree.");
      await button(panel, "Edit").click();
      await expect(panel.getByLabel("Code: plugin.py")).toBeVisible();
      await expectAccessible(page, "[data-live]");
      const wider = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      expect(wider).toBeLessThanOrEqual(0);
    });
  }
  expect(errors).toEqual([]);
});

test("of a blocking callback, as many calls at once as the reader chooses are served one after another", async ({
  page,
}) => {
  const panel = await open(page, "blocking-computation");
  await panel.getByLabel("Calls at once").selectOption("2");
  await button(panel, "Run TypeScript").click();
  await expectStatus(panel, /^Played/);
  expect(await overlap(panel, "2 at once, TypeScript")).toBeLessThan(0.5);
});

test("a hazard that hangs while Orthanc starts is shown hanging, with a countdown, and is ended", async ({
  page,
}) => {
  const errors = collectErrors(page);
  await page.goto("/hazards/waiting-while-loading");
  const panel = await scrollToPanel(page, "hazards/waiting-while-loading, failing python");
  await button(panel, "Run failing Python").click();
  await expect(panel.getByRole("timer")).toHaveText(/is ended in [1-8] seconds?\.$/, SOON);
  await expectStatus(panel, "Played, as expected.");
  await expect(panel.getByRole("timer")).toHaveCount(0);
  await expect(panel.getByText("Orthanc has not answered after 8 seconds.")).toBeVisible();

  // Its fixed program runs, too, in a separate panel.
  const fixed = await scrollToPanel(page, "hazards/waiting-while-loading, fixed python");
  await button(fixed, "Run fixed Python").click();
  await expectStatus(fixed, "Played, as expected.");
  await expect(fixed.getByText("333332833333500000").first()).toBeVisible();
  expect(errors).toEqual([]);
});

test("a hazard that hangs in a call can be stopped, and does otherwise if it is edited", async ({
  page,
}) => {
  await page.goto("/hazards/killed-worker");
  const panel = await scrollToPanel(page, "hazards/killed-worker, failing python");
  await button(panel, "Run failing Python").click();
  await expect(panel.getByRole("timer")).toHaveText(/is ended in [1-8] seconds?\.$/, SOON);
  await page.reload();
  await scrollToPanel(page, "hazards/killed-worker, failing python");
  await expect(panel.getByRole("timer")).toHaveText(/is ended in [1-8] seconds?\.$/, SOON);
  await button(panel, "Stop").click();
  await expectStatus(panel, "Stopped. You stopped it.");
  await expect(panel.getByRole("timer")).toHaveCount(0);

  await button(panel, "Edit").click();
  await panel.getByLabel("Code: plugin.py").fill("import orthanc\n");
  await button(panel, "Run failing Python").click();
  await expectStatus(panel, "Played, but not as expected.");
  await expect(panel.getByText(/But no answer was expected within 8 seconds/)).toBeVisible();
});

test("the navigation bar says what runs are played on", async ({ page }) => {
  await page.goto("/");
  await expect(
    page.getByText(/^Live on Orthanc [\d.]+ \(plugin [\d.]+, Python [\d.]+, Node [\d.]+\)$/),
  ).toBeVisible(SOON);
});

test("a reload in the middle of a run shows the run again, and Stop ends it", async ({ page }) => {
  const panel = await open(page, "blocking-computation");
  await button(panel, "Run Python").click();
  await expectStatus(panel, /“Calls at once”/);
  await page.reload();
  await scrollToPanel(page, "blocking-computation");
  await expectStatus(panel, /“Calls at once”/);
  await button(panel, "Stop").click();
  await expectStatus(panel, "Stopped. You stopped it.");

  // The next run, while its request is under way, is not the one before: Stop waits for it.
  const held = new Promise<Route>((resolve) => page.route("**/live/runs", resolve));
  await button(panel, "Run both").click();
  const request = await held;
  await expect(button(panel, "Stop")).toBeDisabled();
  await request.continue();
  await button(panel, "Stop").click();
  await expectStatus(panel, "Stopped. You stopped it.");
  await expect(button(panel, "Run both")).toBeEnabled();
});

test("an edit changes the answer, survives a reload, and is reset; a syntax error shows in its line", async ({
  page,
}) => {
  const panel = await open(page, "errors");
  await button(panel, "Edit").click();
  const code = panel.getByLabel("Code: plugin.py");
  await expect(code).toContainText("import orthanc");
  await code.fill("import orthanc\n\n\ndef on_patient_name(output, uri, **request):\n");
  await button(panel, "Run Python").click();
  await expect(panel.getByText(/^plugin\.py:\d+:\d+: /)).toBeVisible(SOON);
  await expect(panel.locator(".cm-lint-marker-error")).toHaveCount(1);

  await code.fill(
    'import orthanc\n\n\ndef on_patient_name(output, uri, **request):\n    output.AnswerBuffer("edited", "text/plain")\n\n\northanc.RegisterRestCallback("/patient-names/(.*)", on_patient_name)\n',
  );
  await page.reload();
  await scrollToPanel(page, "errors");
  await expect(panel.getByText("You have changed plugin.py")).toBeVisible();
  await button(panel, "Run both").click();
  await expectStatus(panel, "The twins differ.");
  await expect(panel.locator("pre", { hasText: /^edited$/ }).first()).toBeVisible();
  await button(panel, "Reset").click();
  await expect(panel.getByText("You have changed")).toHaveCount(0);
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
    await button(panel, "Run Python").click();
    await expectStatus(panel, "Python: Orthanc is starting.");
    return panel;
  }

  async function expectButtons(panel: Locator) {
    for (const name of RUNS) await expect(button(panel, name)).toBeEnabled();
    await expect(button(panel, "Stop")).toBeDisabled();
  }

  test("has forgotten the run that a page shows again: the page says so, and runs it", async ({
    page,
  }) => {
    await page.goto(`${server.origin}/rest-token`);
    const panel = await scrollToPanel(page, "rest-token");
    await button(panel, "Run Python").click();
    await button(panel, "Stop").click();
    await expectStatus(panel, "Stopped. You stopped it.");
    await server.stop();
    await server.start();
    await page.reload();
    await scrollToPanel(page, "rest-token");
    await expectStatus(panel, /^There is no such run/);
    await expect(panel.getByLabel("Recorded run of rest-token")).toBeVisible();
    await expectButtons(panel);
    await button(panel, "Run Python").click();
    await expectStatus(panel, /^Played/);
  });

  test("in the middle of a run: an open page says that it is to be loaded again", async ({
    page,
  }) => {
    const panel = await openRunning(page);
    await server.stop();
    await expectStatus(panel, /^The server does not answer\./);
    await server.start();
    await expectStatus(panel, /load the page again/);
    await expectButtons(panel);
    await button(panel, "Run both").click();
    await expectStatus(panel, /load the page again/);
    await expectButtons(panel);
    await page.reload();
    await scrollToPanel(page, "rest-token");
    await button(panel, "Reset").click();
    await button(panel, "Run Python").click();
    await expectStatus(panel, /^Played/);
  });

  test("not at all: Stop ends the run on the page, and Run says that there is no answer", async ({
    page,
  }) => {
    const panel = await openRunning(page);
    await server.stop();
    await expectStatus(panel, /Trying again/);
    await button(panel, "Stop").click();
    await expectStatus(panel, /does not answer\. Start it again/);
    await expectButtons(panel);
    await button(panel, "Run both").click();
    await expectStatus(panel, /does not answer\. Start it again/);
    await expectButtons(panel);
  });
});

test("a run continues if the connection is lost and comes back", async ({ browser, baseURL }) => {
  // To a browser that is set offline, a stream that is open already continues: so a proxy cuts it.
  const proxy = createServer((asked, answer) => {
    const { url = "", method, headers } = asked;
    const forwarded = request(url, { method, headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(answer);
    });
    answer.once("close", () => forwarded.destroy());
    forwarded.once("error", () => answer.destroy());
    asked.pipe(forwarded);
  });
  const port = await getPort({ host: "127.0.0.1" });
  const listen = () => once(proxy.listen(port, "127.0.0.1"), "listening");
  const cut = () => {
    proxy.close();
    proxy.closeAllConnections();
  };
  await listen();
  const page = await browser.newPage({ baseURL, proxy: { server: `http://127.0.0.1:${port}` } });
  const panel = await open(page, "rest-token");
  await button(panel, "Run Python").click();
  await expectStatus(panel, /Orthanc/);
  cut();
  await expectStatus(panel, /Trying again/);
  await listen();
  await expectStatus(panel, /^Played/);
  await page.close();
  cut();
});

test.describe("a browser's memory", () => {
  test("that holds no edits, but other texts, is as if nothing were edited", async ({ page }) => {
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(error.message));
    const panel = await open(page, "rest-token");
    for (const text of [
      "{",
      '{"plugin.py": "text", "plugin.ts": null, "worker.ts": {"text": 1}}',
      "null",
    ]) {
      await page.evaluate(([name, text]) => localStorage.setItem(name, text), [
        EDITS,
        text,
      ] as const);
      await page.reload();
      await scrollToPanel(page, "rest-token");
      await expect(panel.getByText("You have changed")).toHaveCount(0);
      const request = page.waitForRequest("**/live/runs");
      await button(panel, "Run Python").click();
      expect((await request).postDataJSON()).toMatchObject({ edited: {} });
      await button(panel, "Stop").click();
      // All of its steps may have been played by now.
      await expectStatus(panel, /^(Stopped|Played)/);
    }
    expect(errors).toEqual([]);
  });

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
    await button(panel, "Edit").click();
    await panel.getByLabel("Code: plugin.py").fill("import orthanc\n");
    await expect(panel.getByText("Your browser does not keep the change")).toBeVisible();
    await button(panel, "Run Python").click();
    await expectStatus(panel, /^Played/);
    await button(panel, "Reset").click();
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
    await expect(button(panel, "Run both")).toBeEnabled();
    expect(errors).toEqual([]);
  });
});
