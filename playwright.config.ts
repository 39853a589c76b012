import { defineConfig } from "@playwright/test";
import { findBrowser } from "./src/setup/browser.ts";

// Each server takes a free port and prints it. Playwright adds the named part to the environment, and then every worker
// reads this file again.
const origin = `http://127.0.0.1:${process.env.SITE_PORT}`;
const live = `http://127.0.0.1:${process.env.LIVE_PORT}`;
const serve = "exec node --import @oxc-node/core/register src/cli/serve.ts";
const browser = await findBrowser();

export default defineConfig({
  testDir: "src/browser",
  fullyParallel: true,
  forbidOnly: true,
  workers: 4,
  reporter: "line",
  use: {
    launchOptions: {
      executablePath: browser.executablePath,
      env: { ...(process.env as Record<string, string>), ...browser.env },
      // Chromium's sandbox does not work for root.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    },
  },
  projects: [
    { name: "live", testMatch: "live.spec.ts", use: { baseURL: live }, workers: 2 },
    { name: "static", testMatch: "site.spec.ts", use: { baseURL: origin }, workers: 2 },
  ],
  webServer: [
    {
      command: `${serve} --static --port 0`,
      wait: { stdout: /http:\/\/127\.0\.0\.1:(?<site_port>\d+)\// },
    },
    {
      command: `${serve} --port 0`,
      wait: { stdout: /http:\/\/127\.0\.0\.1:(?<live_port>\d+)\// },
    },
  ],
});
