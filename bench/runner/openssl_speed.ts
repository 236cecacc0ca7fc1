/**
 * `openssl speed` as the yardstick of a whole core. It counts processor time, so
 * neighbours on the machine disturb it little.
 *
 * @module
 */

async function speed(words: readonly string[]): Promise<string[]> {
  const { success, stdout } = await new Deno.Command("openssl", {
    args: ["speed", "-mr", "-seconds", "1", ...words],
    stderr: "null",
  }).output();
  if (!success) throw new Error(`openssl speed ${words.join(" ")} failed`);
  return new TextDecoder().decode(stdout).split("\n");
}

/** Bytes per second of an algorithm in messages of `size` bytes. */
export async function opensslSpeed(
  algorithm: string,
  size: number,
  decrypt = false,
): Promise<number> {
  const direction = decrypt ? ["-decrypt"] : [];
  const lines = await speed([
    ...["-evp", algorithm, "-bytes", `${size}`],
    ...direction,
  ]);
  const figures = lines.find((line) => line.startsWith("+F:"));
  return Number(figures?.split(":").at(-1));
}

/** RSA-2048 signatures per second. */
export async function opensslSignatures(): Promise<number> {
  const lines = await speed(["rsa2048"]);
  const figures = lines.find((line) => line.startsWith("+F2:"));
  return Number(figures?.split(":").at(3));
}
