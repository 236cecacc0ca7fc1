import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { TEST_LIBRARIES } from "../testing/ipsec_mb_parts.ts";
import { testWith } from "../testing/real_parts.ts";
import {
  ChainOrder,
  CipherDirection,
  CipherMode,
  FEATURE_AVX,
  FEATURE_AVX2,
  FEATURE_AVX512,
  FEATURE_SHANI,
  GCM_KEY_DATA_BYTES,
  HashAlgorithm,
  JOB,
  jobBytes,
  MANAGER,
  MAX_BURST_SIZE,
  STATUS_COMPLETED,
} from "./ipsec_mb_layout.ts";

/** C expression -> the value that the layout has for it. */
function expectations(): Map<string, number> {
  const expected = new Map<string, number>();
  const add = (
    values: Readonly<Record<string, number>>,
    expression: (name: string) => string,
  ) => {
    for (const [name, value] of Object.entries(values)) {
      expected.set(expression(name), value);
    }
  };
  add(JOB, (name) => `offsetof(IMB_JOB, ${name})`);
  add(MANAGER, (name) => `offsetof(IMB_MGR, ${name})`);
  add(CipherMode, (name) => `IMB_CIPHER_${name}`);
  add(HashAlgorithm, (name) => `IMB_AUTH_${name}`);
  add(CipherDirection, (name) => `IMB_DIR_${name}`);
  add(ChainOrder, (name) => `IMB_ORDER_${name}`);
  expected.set("IMB_STATUS_COMPLETED", STATUS_COMPLETED);
  expected.set("IMB_MAX_BURST_SIZE", MAX_BURST_SIZE);
  expected.set("IMB_FEATURE_SHANI", FEATURE_SHANI);
  expected.set("IMB_FEATURE_AVX", FEATURE_AVX);
  expected.set("IMB_FEATURE_AVX2", FEATURE_AVX2);
  expected.set("IMB_FEATURE_AVX512_SKX", FEATURE_AVX512);
  // Where the fields of `u` lie that jobs are given.
  expected.set("offsetof(IMB_JOB, u.GCM.aad_len_in_bytes)", JOB.u + 8);
  expected.set("offsetof(IMB_JOB, u.CMAC._skey2)", JOB.u + 16);
  expected.set("offsetof(IMB_JOB, u.SNOW3G_UIA2._iv)", JOB.u + 8);
  expected.set("offsetof(IMB_JOB, u.ZUC_EIA3._iv)", JOB.u + 8);
  expected.set("offsetof(IMB_JOB, u.GMAC._iv)", JOB.u + 8);
  expected.set("offsetof(IMB_JOB, u.GMAC.iv_len_in_bytes)", JOB.u + 16);
  return expected;
}

function run(command: string, args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command(command, { args })
    .outputSync();
  ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** Values of C expressions, and the version, as the header has them. */
function askHeader(includeFolder: string, expressions: string[]) {
  const folder = Deno.makeTempDirSync();
  try {
    const lines = expressions.map((one) =>
      `printf("%zu\\n", (size_t) (${one}));`
    );
    Deno.writeTextFileSync(
      `${folder}/layout.c`,
      `#include <stdio.h>\n#include <stddef.h>\n#include <intel-ipsec-mb.h>\n` +
        `int main(void) { puts(IMB_VERSION_STR); ${lines.join("\n")} }\n`,
    );
    run("gcc", [
      `-I${includeFolder}`,
      "-o",
      `${folder}/layout`,
      `${folder}/layout.c`,
    ]);
    const [version, ...values] = run(`${folder}/layout`, []).trim().split("\n");
    return { version: version!, values: values.map(Number) };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function canCompile(includeFolder: string): boolean {
  try {
    Deno.statSync(`${includeFolder}/intel-ipsec-mb.h`);
    return new Deno.Command("gcc", { args: ["--version"] }).outputSync()
      .success;
  } catch {
    return false;
  }
}

for (const { includeFolder, part } of TEST_LIBRARIES) {
  const header = {
    present: canCompile(includeFolder),
    name: `gcc and the header of ${part.name}`,
    remedy: `apt-get install gcc libc6-dev; ${part.remedy}`,
  };
  testWith(header, `the layout is the one of ${part.name}'s header`, () => {
    const expected = expectations();
    const names = [...expected.keys()];
    const { version, values } = askHeader(includeFolder, [
      ...names,
      "sizeof(IMB_JOB)",
      "sizeof(struct gcm_key_data)",
    ]);
    const found = new Map(names.map((name, i) => [name, values[i]!]));
    deepStrictEqual(found, expected);
    strictEqual(values[names.length], jobBytes(version));
    ok(values[names.length + 1]! <= GCM_KEY_DATA_BYTES);
  });
}

Deno.test("jobBytes() knows patch releases and no other versions", () => {
  strictEqual(jobBytes("1.3.0"), 200);
  strictEqual(jobBytes("1.5.0"), 240);
  strictEqual(jobBytes("2.0.2"), 216);
  strictEqual(jobBytes("1.2.0"), undefined);
  strictEqual(jobBytes("3.0.0-dev"), undefined);
  strictEqual(jobBytes(""), undefined);
});
