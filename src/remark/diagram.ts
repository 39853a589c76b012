/** Draws diagrams at build time, so that a page needs no library for them. */
import { instance } from "@viz-js/viz";

const viz = instance();

/**
 * Draws a graph in Graphviz' language. src/components/Diagram.module.css defines the colours: a node's `class` is its
 * kind (`process`, `thread`, `data`; a `bad` edge is one that fails).
 * @returns an `<svg>` that fits a phone without being scaled
 * @throws Error with Graphviz' reason if the graph is invalid
 */
export async function draw(graph: string): Promise<string> {
  const svg = (await viz).renderString(graph, {
    format: "svg",
    // Graphviz knows Helvetica's widths. Browsers use other fonts, in a smaller size, so that the text always fits.
    graphAttributes: {
      bgcolor: "none",
      fontname: "Helvetica",
      fontsize: 15,
      pad: 0.05,
      nodesep: 0.3,
    },
    nodeAttributes: {
      shape: "box",
      style: "rounded",
      fontname: "Helvetica",
      fontsize: 15,
      margin: "0.14,0.08",
      height: 0.4,
    },
    edgeAttributes: { fontname: "Helvetica", fontsize: 15, arrowsize: 0.7 },
  });
  return svg
    .slice(svg.indexOf("<svg"))
    .replace(/<title>[^<]*<\/title>\n?/g, "")
    .replace(/<!--.*?-->\n?/gs, "")
    .replace(/ (?:fill|stroke|font-family|font-size|xmlns:xlink)="[^"]*"/g, "")
    .replace("<svg ", '<svg aria-hidden="true" ')
    .trim();
}
