/** The built site in a browser: every page of the sitemap, and the actions of a reader. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, type Locator, type Page, test } from "@playwright/test";
import { findRegion, parseRegions } from "../remark/regions.ts";
import { expectAccessible, expectContrast } from "./expectAccessible.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");

/** A page with several pairs of twins and a recorded run. */
const EXAMPLE_PAGE = "/blocking-computation";

const PAGES = [
  ...readFileSync(path.join(ROOT, "build/sitemap.xml"), "utf8").matchAll(/<loc>([^<]+)<\/loc>/g),
].map(([, url]) => new URL(url ?? "").pathname);

test("the sitemap lists the pages", () => {
  expect(PAGES).toContain("/");
  expect(PAGES).toContain(EXAMPLE_PAGE);
});

/** Opens a page and waits until it is hydrated. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await expect(page.locator("html")).toHaveAttribute("data-has-hydrated", "true");
}

const FACTS: { fact: number; page: string; anchor: string }[] = JSON.parse(
  readFileSync(path.join(ROOT, "src/checks/facts.json"), "utf8"),
);

test("each fact of the original chapter is on a page of the sitemap", () => {
  for (const { page } of FACTS) expect(PAGES).toContain(page);
});

test("the page of licenses names all whose code is built into the site", async ({ page }) => {
  const shipped: string[] = JSON.parse(
    readFileSync(path.join(ROOT, "src/licenses/shipped.json"), "utf8"),
  );
  await page.goto("/licenses");
  const rows = page.locator("#in-the-pages ~ div").first().locator("tbody tr");
  await expect(rows).toHaveCount(shipped.length);
  // The list covers the bundler's modules and the search: there is no other code.
  const built = readdirSync(path.join(ROOT, "build"), { recursive: true, encoding: "utf8" });
  const code = built.filter((file) => /\.(m?js|css|wasm)$/.test(file));
  expect(code.filter((file) => !file.startsWith("assets/")).sort()).toEqual([
    "pagefind/pagefind-worker.js",
    "pagefind/pagefind.js",
  ]);
  expect(built.filter((file) => /\.(woff2?|ttf|otf|eot)$/.test(file))).toEqual([]);
});

for (const url of PAGES) {
  test(`${url} has no error, no request elsewhere, no fact missing, is accessible in light and dark, and does not scroll sideways on a narrow screen`, async ({
    page,
    baseURL,
  }) => {
    const faults: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        faults.push(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
    page.on("requestfailed", (request) => faults.push(`failed: ${request.url()}`));
    page.on("response", (response) => {
      if (response.status() >= 400) {
        faults.push(`${response.status()}: ${response.url()}`);
      }
    });
    const urls: string[] = [];
    page.on("request", (request) => urls.push(request.url()));

    await open(page, url);
    await expect(page.locator("html")).toHaveAttribute("data-theme", "light");
    await expect.soft(page.locator("article h1")).toBeVisible();
    await expectAccessible(page);
    await page.waitForLoadState("networkidle");

    await test.step("dark", async () => {
      await page.emulateMedia({ colorScheme: "dark" });
      await expect(page.locator("html")).toHaveAttribute("data-theme", "dark");
      await expectContrast(page);
    });

    for (const { fact, anchor } of FACTS.filter((fact) => fact.page === url)) {
      const place = page.locator(`[id="${anchor}"]`);
      await expect.soft(place, `fact ${fact}: ${url}#${anchor}`).toHaveCount(1);
    }

    await test.step("narrow", async () => {
      await page.setViewportSize({ width: 360, height: 740 });
      const scroll = () =>
        page.evaluate(() => [document.documentElement.scrollWidth, document.body.scrollWidth]);
      expect.soft(await scroll()).toEqual([360, 360]);
      const typescript = page.getByRole("tab", { name: "TypeScript" });
      if ((await typescript.count()) > 0) {
        await typescript.first().click();
        expect.soft(await scroll()).toEqual([360, 360]);
      }
    });

    expect.soft(faults).toEqual([]);
    expect.soft(urls.length).toBeGreaterThan(2);
    expect.soft(urls.filter((requested) => new URL(requested).origin !== baseURL)).toEqual([]);
  });
}

test("the tabs switch together, and the choice is remembered", async ({ page }) => {
  await open(page, EXAMPLE_PAGE);
  const python = page.getByRole("tab", { name: "Python" });
  const typescript = page.getByRole("tab", { name: "TypeScript" });
  const pairs = await python.count();
  expect(pairs).toBeGreaterThan(1);

  const expectChosen = async (language: "py" | "ts") => {
    for (const tabs of [python, typescript]) {
      expect(await tabs.count()).toBe(pairs);
      for (const tab of await tabs.all()) {
        const chosen = (tabs === python) === (language === "py");
        await expect(tab).toHaveAttribute("aria-selected", String(chosen));
      }
    }
    for (const block of await page.locator("[role=tabpanel] figure").all()) {
      const file = (await block.getAttribute("data-file")) ?? "";
      await expect(block).toBeVisible({ visible: file.endsWith(`.${language}`) });
    }
  };
  await expectChosen("py");
  await typescript.last().click();
  await expectChosen("ts");
  await page.reload();
  await expectChosen("ts");
  await typescript.first().press("ArrowLeft");
  await page.keyboard.press("Enter");
  await expectChosen("py");
});

for (const language of ["Python", "TypeScript"]) {
  test(`the buttons copy what is in the files, ${language}`, async ({ page, context }) => {
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.clock.install();
    await open(page, EXAMPLE_PAGE);
    await page.getByRole("tab", { name: language }).first().click();
    const blocks = await page.locator("[role=tabpanel] figure:visible").all();
    expect(blocks.length).toBeGreaterThan(1);
    const regions: string[] = [];
    for (const block of blocks) {
      const file = (await block.getAttribute("data-file")) ?? "";
      const region = await block.getAttribute("data-region");
      const marked = parseRegions(readFileSync(path.join(ROOT, file), "utf8"), file);
      const copied = async (name: RegExp) => {
        await page.evaluate(() => navigator.clipboard.writeText("nothing"));
        await block.getByRole("button", { name }).press("Enter");
        const outcome = block.getByRole("status").filter({ hasText: "Copied" });
        await expect(outcome).toHaveCount(1);
        await page.clock.fastForward("00:02");
        await expect(outcome).toHaveCount(0);
        return page.evaluate(() => navigator.clipboard.readText());
      };
      if (region === null) {
        expect(await copied(/^Copy /)).toBe(marked.text);
        await expect(block.getByRole("button", { name: "Copy whole file" })).toHaveCount(0);
      } else {
        regions.push(region);
        expect(await copied(/^Copy .*region/)).toBe(findRegion([marked], region).region.text);
        expect(await copied(/^Copy whole file/)).toBe(marked.text);
      }
    }
    expect(regions.length).toBeGreaterThan(0);
    expect(regions.length).toBeLessThan(blocks.length);
  });
}

/** Opens the search with a key or its button, and waits until it accepts text. */
async function openSearch(page: Page, key?: string): Promise<Locator> {
  await (key ? page.keyboard.press(key) : page.getByRole("button", { name: "Search" }).click());
  const dialog = page.getByRole("dialog", { name: "Search" });
  await expect(dialog.getByRole("combobox")).toBeFocused();
  return dialog;
}

test("the search finds a page by a word of its text, and Enter opens it", async ({ page }) => {
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  const searched = "/dicom-parsing";
  const word = await wordOnlyOn(page, searched);
  await open(page, "/");
  await page.waitForLoadState("networkidle");
  expect(requests.filter((url) => url.includes("pagefind"))).toEqual([]);

  const dialog = await openSearch(page, "/");
  await page.keyboard.type(word);
  await expect(dialog.getByRole("option", { selected: true })).toHaveAttribute(
    "href",
    new RegExp(`^${searched}(#|$)`),
  );
  await page.keyboard.press("Enter");
  await expect(dialog).toBeHidden();
  await expect(page).toHaveURL(new RegExp(`${searched}(#|$)`));
  await expect(page.locator("article")).toContainText(word);
});

/** Finds the longest word of a page's text that no other page contains in any form that the search would match. */
async function wordOnlyOn(page: Page, url: string): Promise<string> {
  await page.goto(url);
  const paragraphs = await page.locator("article .markdown > p").allTextContents();
  const others = await page.evaluate(
    async (urls) => {
      const parser = new DOMParser();
      const texts = urls.map(async (url) => {
        const html = await (await fetch(url)).text();
        return (
          parser.parseFromString(html, "text/html").querySelector("article")?.textContent ?? ""
        );
      });
      return (await Promise.all(texts)).join(" ").toLowerCase();
    },
    PAGES.filter((other) => other !== url),
  );
  const words: string[] = paragraphs.join(" ").match(/\b[a-zA-Z]{5,}\b/g) ?? [];
  const own = words.filter((word) => !others.includes(word.toLowerCase().slice(0, -3)));
  const [longest] = own.sort((a, b) => b.length - a.length);
  if (longest === undefined) {
    throw new Error(`${url} has no word of its own.`);
  }
  return longest;
}

test("arrow keys walk through what was found, Escape closes", async ({ page }) => {
  await open(page, "/");
  const dialog = await openSearch(page, "Control+k");
  await page.keyboard.type("Orthanc");
  const options = dialog.getByRole("option");
  await expect(options.nth(1)).toBeVisible();
  await expect(options.nth(0)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowDown");
  await expect(options.nth(0)).toHaveAttribute("aria-selected", "false");
  await expect(options.nth(1)).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowUp");
  await expect(options.last()).toHaveAttribute("aria-selected", "true");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
});

test("the search says so if nothing is found, and if there is no index", async ({ page }) => {
  await open(page, "/");
  const dialog = await openSearch(page);
  // Pagefind matches the first letters of a word, so these are letters that no page contains.
  await page.keyboard.insertText("ŵŷẑ");
  await expect(dialog.getByRole("status")).toHaveText("Nothing found for “ŵŷẑ”.");
  await page.route("**/pagefind/**", (route) => route.abort());
  await open(page, "/");
  await openSearch(page);
  await expect(dialog.getByRole("status")).toContainText("npm run build && npm run serve");
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the open search is accessible on a narrow screen, ${colorScheme}`, async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await page.emulateMedia({ colorScheme });
    await open(page, "/");
    const dialog = await openSearch(page);
    await page.keyboard.type("Orthanc");
    await expect(dialog.getByRole("option").first()).toBeVisible();
    const box = await dialog.boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(360);
    await expectAccessible(page, "dialog");
  });
}

for (const colorScheme of ["light", "dark"] as const) {
  test(`what a fix changes is readable on a narrow screen, ${colorScheme}`, async ({ page }) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.emulateMedia({ colorScheme });
    await open(page, "/hazards/killed-worker");
    await page.getByText("What changed").and(page.locator(":visible")).click();
    const changes = page.getByLabel("Changes in plugin.py").and(page.locator(":visible"));
    await expect(changes.getByRole("deletion").first()).toHaveText(/^− import multiprocessing/);
    await expect(changes.getByRole("insertion").first()).toHaveText(
      /^\+ from pool import WorkerPool/,
    );
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await expectAccessible(page, "details[open]");
  });
}

test.describe("without scripts", () => {
  test.use({ javaScriptEnabled: false });

  test("a page shows both twins and the recorded run, and no button that does nothing", async ({
    page,
  }) => {
    await page.goto(EXAMPLE_PAGE);
    const blocks = page.locator("[role=tabpanel] figure");
    expect(await blocks.count()).toBeGreaterThan(1);
    for (const block of await blocks.all()) {
      await expect(block.locator("pre")).toBeVisible();
    }
    const run = page.getByRole("region", { name: "Recorded run" });
    await expect(run).toBeVisible();
    await expect(run).toContainText("GET /computation");
    await expect(page.getByRole("button", { name: "Copy" })).toHaveCount(0);
    await expect(page.getByRole("button", { name: "Search" })).toHaveCount(0);
  });
});

test("a static deployment shows recorded runs, says so, and asks for nothing that is not there", async ({
  page,
}) => {
  const errors: string[] = [];
  const asked: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await page.goto("/blocking-computation");
  const run = page.getByLabel("Recorded run of blocking-computation");
  await run.evaluate((element) => element.scrollIntoView());
  await expect(run.getByText("When each call was sent and answered")).toBeVisible();
  await expect(page.getByText("Recorded runs", { exact: true })).toBeVisible();
  await page.waitForLoadState("networkidle");
  await expect(page.getByRole("button", { name: "Run both" })).toHaveCount(0);
  expect(asked.filter((path) => path.startsWith("/live"))).toEqual([]);
  expect(errors).toEqual([]);
});
