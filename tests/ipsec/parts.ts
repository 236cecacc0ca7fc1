/**
 * The programs of others that judge packets, and whether they are here.
 *
 * @module
 */

import { type RealPart, testWith } from "../../testing/real_parts.ts";

/** Debian's own: its packages are what `python3-scapy` installs. */
export const PYTHON = "/usr/bin/python3";

async function runs(
  command: string,
  args: readonly string[],
): Promise<boolean> {
  try {
    const options: Deno.CommandOptions = {
      args: [...args],
      stdout: "null",
      stderr: "null",
    };
    return (await new Deno.Command(command, options).output()).success;
  } catch {
    return false;
  }
}

const SCAPY: RealPart = {
  present: await runs(PYTHON, [
    "-c",
    "import scapy.layers.ipsec, cryptography",
  ]),
  name: "scapy",
  remedy: "install python3-scapy and python3-cryptography",
};

const TSHARK: RealPart = {
  present: await runs("tshark", ["--version"]),
  name: "tshark",
  remedy: "install tshark",
};

type Body = () => Promise<void>;

/** Registers a test that needs scapy. */
export const testWithScapy = (name: string, body: Body): void =>
  testWith(SCAPY, name, body);

/** Registers a test that needs tshark. */
export const testWithTshark = (name: string, body: Body): void =>
  testWith(TSHARK, name, body);
