import { deepStrictEqual, ok, throws } from "node:assert/strict";
import {
  randomSections,
  type Section,
  sections,
  SHORT,
} from "../../testing/ring_oracle/sections.ts";
import { RingPair } from "../../testing/ring_oracle/ring_pair.ts";

const ORACLE = new URL("../../testing/ring_oracle/", import.meta.url);

function testSection(kind: string, { name, leastCases, run }: Section): void {
  Deno.test(`${kind} as the standard has them: ${name}`, () => {
    const cases = run();
    ok(cases >= leastCases, `${cases} cases`);
  });
}

for (const packed of [false, true]) {
  for (const section of sections(packed, SHORT)) {
    testSection(packed ? "packed rings" : "split rings", section);
  }
}
for (const section of randomSections(SHORT)) testSection("rings", section);

Deno.test("the oracle of rings shares no code with the product", async () => {
  const imported = new Set<string>();
  for (const file of ["ring_oracle", "split_oracle", "packed_oracle"]) {
    const text = await Deno.readTextFile(new URL(`${file}.ts`, ORACLE));
    for (const [, from] of text.matchAll(/from "([^"]+)"/g)) {
      imported.add(from!);
    }
  }
  deepStrictEqual([...imported], ["./ring_oracle.ts"]);
});

Deno.test("a byte that only one of product and oracle has is found wherever it is", () => {
  const kind = { size: 2, packed: false, eventIndex: false, inOrder: false };
  const stretches = [{ guestAddress: 0x1000, lengthBytes: 32, shift: 3 }];
  for (const place of [0, 64, 100, 143, 144, 195, 226, 227, 250]) {
    const pair = new RingPair(kind, stretches);
    pair.compareMemory();
    new Uint8Array(pair.memory.product.table[0]!.bytes.buffer)[place]! ^= 1;
    throws(() => pair.compareMemory(), /oracle/);
  }
});
