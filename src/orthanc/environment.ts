/**
 * The variables of this process's environment that Orthanc inherits. Settings for Python are meant for another
 * interpreter than Orthanc's. Programs of this machine bypass any proxy: Python's requests would use it, and show it
 * the credentials.
 */
export function inheritedEnvironment(): NodeJS.ProcessEnv {
  const variables = Object.entries(process.env).filter(([name]) => !name.startsWith("PYTHON"));
  const { NO_PROXY, no_proxy = NO_PROXY } = process.env;
  const direct = [no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
  return { ...Object.fromEntries(variables), NO_PROXY: direct, no_proxy: direct };
}
