import { AxeBuilder } from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

const CONTRAST = "color-contrast";

/** Expects that axe finds no fault in a page, or in the part of it that a selector names. */
export async function expectAccessible(page: Page, part = "html"): Promise<void> {
  await expectNoViolation(page, part);
}

/** Expects that axe finds no fault in a page's colors: all that another color scheme changes. */
export async function expectContrast(page: Page): Promise<void> {
  await expectNoViolation(page, "html", [CONTRAST]);
}

async function expectNoViolation(page: Page, part: string, runOnly?: string[]): Promise<void> {
  await page.evaluate(markRepeatedTokens);
  const { violations, passes } = await new AxeBuilder({ page })
    .include(part)
    .exclude("[data-repeated]")
    // No page has frames, and of what passes one element for each rule is enough: this halves the time.
    .setLegacyMode()
    .options({ resultTypes: ["violations"], ...(runOnly && { runOnly }) })
    .analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.html}: ${node.failureSummary}`),
  );
  expect.soft(found).toEqual([]);
  expect.soft(passes.map((rule) => rule.id)).toContain(CONTRAST);
}

/** Marks the tokens of code whose colors another token of the page has: axe takes seconds for thousands of tokens. */
function markRepeatedTokens(): void {
  const found = new Set<string>();
  for (const token of document.querySelectorAll("pre code span")) {
    const colors = `${token.className} ${token.closest("ins, del")?.nodeName}`;
    token.toggleAttribute("data-repeated", found.has(colors));
    found.add(colors);
  }
}
