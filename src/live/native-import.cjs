// Docusaurus transpiles its configuration and what that imports, which our API does not survive. From here, Node
// itself imports.
exports.nativeImport = (specifier) => import(specifier);
