import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { headerFolders } from "../tests/qat_stand_in/parts.ts";
import { testWith } from "../testing/real_parts.ts";
import { CPA, STRUCTURES } from "./qat_layout.ts";

const INCLUDES = [
  "cpa.h",
  "cpa_cy_sym.h",
  "cpa_cy_rsa.h",
  "cpa_cy_ecdsa.h",
  "cpa_cy_im.h",
];

/** A program that prints every number as the headers have it. */
function program(): string {
  const fields = Object.entries(STRUCTURES).flatMap(([name, structure]) =>
    Object.keys(structure).map((field) => {
      const value = field === "sizeof"
        ? `sizeof(${name})`
        : `offsetof(${name}, ${field})`;
      return `  printf("${name} ${field} %ld\\n", (long)${value});`;
    })
  );
  const constants = Object.keys(CPA)
    .map((name) => `  printf("CPA ${name} %ld\\n", (long)${name});`);
  return [
    "#include <stddef.h>",
    "#include <stdio.h>",
    ...INCLUDES.map((name) => `#include "${name}"`),
    "int main(void) {",
    ...fields,
    ...constants,
    "}",
  ].join("\n");
}

async function run(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function numbersOf(headers: string): Promise<Record<string, number>> {
  const folder = await Deno.makeTempDir();
  try {
    const source = join(folder, "layout.c");
    await Deno.writeTextFile(source, program());
    const binary = join(folder, "layout");
    await run("gcc", [`-I${headers}`, "-o", binary, source]);
    const lines = (await run(binary, [])).trim().split("\n");
    return Object.fromEntries(lines.map((line) => {
      const [structure, field, value] = line.split(" ");
      return [`${structure} ${field}`, Number(value)];
    }));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function ourNumbers(): Record<string, number> {
  return Object.fromEntries(
    Object.entries({ ...STRUCTURES, CPA }).flatMap(([name, structure]) =>
      Object.entries(structure).map(([field, value]) => [
        `${name} ${field}`,
        value,
      ])
    ),
  );
}

const headers = headerFolders();

testWith(
  headers,
  "every structure and number of libqat is what its headers say",
  async () => {
    for (const folder of headers.folders) {
      deepStrictEqual(await numbersOf(folder), ourNumbers(), folder);
    }
  },
);
