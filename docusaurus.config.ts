import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Options, ThemeConfig } from "@docusaurus/preset-classic";
import type { Config, LoadContext, Plugin } from "@docusaurus/types";
import licenses from "./src/licenses/plugin.ts";
import live from "./src/live/plugin.ts";
import { ELEMENTS } from "./src/remark/elements.ts";
import remarkExamples from "./src/remark/index.ts";

const root = path.dirname(fileURLToPath(import.meta.url));

/** Where the site is published. Its path may name a folder, as it does on most of GitHub's Pages. */
const published = new URL(process.env.SITE_URL || "https://orthanc-twins.example");
const baseUrl = published.pathname.replace(/\/*$/, "/");

/** Without scripts, tabs and buttons that copy do not work: all tabs are open then, and the buttons hidden. */
const withoutScripts =
  "<style>[role=tabpanel][hidden]{display:block}[role=tablist],[data-needs-scripts]{display:none!important}</style>";

function bundling({ generatedFilesDir }: LoadContext): Plugin {
  return {
    name: "orthanc-twins-bundling",
    configureWebpack: (_config, isServer) => ({
      // Our package.json says that a .js file is an ES module. What is built for rendering on the server is
      // CommonJS, and what Docusaurus generates mixes both kinds.
      ...(isServer && { output: { chunkFilename: "[name].cjs" } }),
      module: {
        rules: [
          { test: /\.js$/, include: generatedFilesDir, type: "javascript/auto" },
          {
            test: /\.mdx$/,
            include: path.join(root, "docs"),
            enforce: "pre",
            use: [
              {
                loader: path.join(root, "src/remark/watch-examples.mjs"),
                options: { root, elements: ELEMENTS },
              },
            ],
          },
        ],
      },
      // The theme contains a highlighter for the browser; ours works at build time.
      resolve: { alias: { "prism-react-renderer": false } },
    }),
  };
}

const config: Config = {
  title: "Orthanc Twins",
  tagline: "Orthanc plugins that do not block, in Python and in TypeScript",
  favicon: "img/logo.svg",
  url: published.origin,
  baseUrl,
  trailingSlash: false,
  future: { v4: true },
  onBrokenLinks: "throw",
  onBrokenAnchors: "throw",
  onDuplicateRoutes: "throw",
  markdown: { hooks: { onBrokenMarkdownLinks: "throw", onBrokenMarkdownImages: "throw" } },
  headTags: [{ tagName: "noscript", attributes: {}, innerHTML: withoutScripts }],
  presets: [
    [
      "classic",
      {
        docs: {
          routeBasePath: "/",
          sidebarPath: "./sidebars.ts",
          remarkPlugins: [[remarkExamples, { root }]],
        },
        blog: false,
        pages: false,
        theme: { customCss: "./src/css/site.css" },
      } satisfies Options,
    ],
  ],
  plugins: [bundling, licenses, live],
  themeConfig: {
    colorMode: { respectPrefersColorScheme: true },
    navbar: {
      title: "Orthanc Twins",
      logo: { src: "img/logo.svg", alt: "" },
      items: [
        { type: "docSidebar", sidebarId: "docs", label: "Docs", position: "left" },
        { type: "custom-live", position: "right" },
      ],
    },
    footer: {
      copyright: `Code under the MIT license, prose under <a href="https://creativecommons.org/licenses/by-sa/4.0/">CC BY-SA 4.0</a>, other code under <a href="${baseUrl}licenses">its own licenses</a>.`,
    },
  } satisfies ThemeConfig,
};

export default config;
