/** The configuration of a private Orthanc: it serves this machine alone, and asks for a password. */
import path from "node:path";
import type { Installation } from "./installation.ts";

/** The values that the configuration depends on. */
export interface ConfigurationOptions {
  installation: Installation;
  /** Orthanc's private folder. */
  folder: string;
  storage: string;
  ports: { http: number; dicom: number };
  /** Name to password. */
  users: Record<string, string>;
  /** The Python plugin's script; without it, Orthanc starts without the plugin. */
  script?: string;
  /** Settings that are added, or replace others. */
  settings?: Record<string, unknown>;
}

/** Makes the content of Orthanc's configuration file. */
export function makeConfiguration(options: ConfigurationOptions): Record<string, unknown> {
  const { installation, folder, storage, ports, users, script, settings } = options;
  return {
    Name: "Orthanc Twins",
    StorageDirectory: storage,
    HttpPort: ports.http,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: true,
    RegisteredUsers: users,
    DicomPort: ports.dicom,
    DicomAlwaysAllowStore: false,
    DicomCheckModalityHost: true,
    DicomModalities: { modality: storingModality(ports.dicom) },
    ...(script && {
      Plugins: [installation.plugin],
      PythonScript: path.resolve(folder, script),
    }),
    ...settings,
  };
}

/** A modality that may only store: DICOM has no passwords, and other accounts can use its name. */
function storingModality(port: number) {
  return {
    AET: "MODALITY",
    Host: "127.0.0.1",
    Port: port,
    AllowFind: false,
    AllowGet: false,
    AllowMove: false,
    AllowStore: true,
  };
}
