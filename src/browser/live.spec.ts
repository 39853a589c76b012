/** The Run buttons in a browser, on a live Orthanc. */
import { availableParallelism } from "node:os";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { exampleIds, readExample } from "../harness/example.ts";

const SOON = { timeout: 60_000 };

test.describe.configure({ timeout: 120_000 });

/** Opens an example's page, with the run panel in view. */
async function open(page: Page, example: string) {
  const { page: address } = await readExample(example);
  await page.goto(address);
  return scrollToPanel(page, example);
}

async function scrollToPanel(page: Page, example: string) {
  // The recorded run is replaced once it comes near, so nothing waits for it to be stable.
  const run = page.getByLabel(new RegExp(`^(Recorded|Live) run of ${example}$`)).first();
  await run.evaluate((element) => element.scrollIntoView());
  const panel = page.getByLabel(`Live run of ${example}`);
  await expect(panel.getByRole("button", { name: "Run both" })).toBeVisible();
  return panel;
}

/** The bars of a timeline's group: when each call's work began and ended, in milliseconds. */
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
