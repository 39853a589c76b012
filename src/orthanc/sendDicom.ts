import { execa } from "execa";
import type { Installation } from "./installation.ts";

/** Sends DICOM files to an Orthanc of this machine over the network, as a modality does. */
export async function sendDicom(
  { dcmsend: { command, args }, environment }: Installation,
  port: number,
  files: string[],
): Promise<void> {
  const options = ["--decompress-never", "-aet", "MODALITY", "-aec", "ORTHANC"];
  await execa(command, [...args, ...options, "127.0.0.1", String(port), ...files], {
    env: environment,
  });
}
