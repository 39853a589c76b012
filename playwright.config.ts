import { defineConfig } from "@playwright/test";
import getPort from "get-port";
import { findBrowser } from "./src/setup/browser.ts";

// Every worker reads this file: what the first reading has found out goes to the others in the environment.
process.env.SITE_PORT ??= String(await getPort());
process.env.LIVE_PORT ??= String(await getPort());
const origin = `http://127.0.0.1:${process.env.SITE_PORT}`;
const live = `http://127.0.0.1:${process.env.LIVE_PORT}`;
const browser = await findBrowser();

export default defineConfig({
  testDir: "src/browser",
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  reporter: "line",
  use: {
    launchOptions: {
      executablePath: browser.executablePath,
      env: { ...(process.env as Record<string, string>), ...browser.env },
      // Chromium's sandbox refuses to work for root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: [
    { name: "static", testMatch: "site.spec.ts", use: { baseURL: origin } },
    {
      name: "live",
      testMatch: "live.spec.ts",
      use: { baseURL: live },
      dependencies: ["static"],
      // Runs that go on side by side slow each other down.
      workers: 1,
    },
  ],
  webServer: [
    { command: `npm run serve -- --static --port ${process.env.SITE_PORT}`, url: origin },
    { command: `npm run serve -- --port ${process.env.LIVE_PORT}`, url: live },
  ],
});
