/** Takes the place of what would load languages into Prism, which this site does not use. */
export default function prismIncludeLanguages(): void {}
