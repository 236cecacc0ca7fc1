import { deepStrictEqual, ok } from "node:assert/strict";
import { bytesOf, LISTINGS } from "./sigbus_code.ts";

/** How a disassembler is asked for each machine. */
const MACHINES = {
  x86_64: ["-m", "i386:x86-64", "-M", "intel"],
  aarch64: ["-m", "aarch64"],
} as const;
type Machine = keyof typeof MACHINES;

/** The instructions of a listing, with addresses in place of labels. */
function assembly(listing: string): string[] {
  const labels = new Map<string, number>();
  const lines: { text: string; at: number }[] = [];
  let at = 0;
  for (const line of listing.split("\n")) {
    const label = /^(\w+):$/.exec(line)?.[1];
    if (label) labels.set(label, at);
    const text = /\| ([^;]*)/.exec(line)?.[1]?.trim();
    if (!text) continue;
    lines.push({ text, at });
    at += bytesOf(line).length;
  }
  labels.set("table", at);
  return lines.map(({ text, at }) =>
    `${at.toString(16)}: ` +
    text.replace(/\b[a-z]+$/, (word) => {
      const target = labels.get(word);
      return target === undefined ? word : `0x${target.toString(16)}`;
    })
  );
}

/** What the system's disassembler makes of bytes; undefined without one. */
async function disassembled(
  machine: Machine,
  bytes: Uint8Array,
): Promise<string[] | undefined> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, bytes);
  try {
    const args = ["-D", "-b", "binary", ...MACHINES[machine], path];
    const { success, stdout } = await new Deno.Command("objdump", {
      args,
      stderr: "null",
    }).output();
    if (!success) return undefined;
    // Bytes that do not fit one line go on in the next, without an instruction.
    return [
      ...new TextDecoder().decode(stdout).matchAll(
        /^ +([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/gm,
      ),
    ].map(([, at, text]) =>
      `${at}: ` + text!.replace(/\s*(#|\/\/) .*$/, "").replace(/\s+/g, " ")
        .trim()
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  } finally {
    await Deno.remove(path);
  }
}

for (const machine of Object.keys(MACHINES) as Machine[]) {
  const known = await disassembled(machine, new Uint8Array(4)) !== undefined;
  Deno.test({
    name: `the handler's bytes are its assembly: ${machine}` +
      (known ? "" : ` (needs objdump for ${machine}: binutils)`),
    ignore: !known,
    fn: async () => {
      const listing = LISTINGS[machine]!;
      const expected = assembly(listing);
      ok(expected.length > 50);
      deepStrictEqual(await disassembled(machine, bytesOf(listing)), expected);
    },
  });
}

Deno.test("every line of a listing has its bytes, and no other", () => {
  for (const listing of Object.values(LISTINGS)) {
    for (const line of listing.split("\n")) {
      ok(
        /^(\w+:| {2}([0-9a-f]{2} )+ *\| [^;]+(; .*)?)?$/.test(line),
        line,
      );
    }
  }
});
