// Docusaurus transpiles its configuration and everything that the configuration imports, which breaks our API. An
// import from here is Node's own.
exports.nativeImport = (specifier) => import(specifier);
