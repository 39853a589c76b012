/** Replaces the theme's module that loads languages into Prism, which this site does not use. */
export default function prismIncludeLanguages(): void {}
