import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { cpioArchive } from "./cpio.ts";

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

Deno.test("cpioArchive() pads names and contents to four bytes", () => {
  const content = new TextEncoder().encode("hello");
  const archive = text(cpioArchive([{ path: "bin/a", content }]));
  const header = "070701" + "00000001" + "000081a4";
  strictEqual(archive.slice(0, header.length), header);
  strictEqual(archive.slice(110, 116), "bin/a\0");
  strictEqual(archive.slice(116, 124), "hello\0\0\0");
  strictEqual(archive.slice(124, 130), "070701");
  strictEqual(archive.length % 4, 0);
});

Deno.test("cpioArchive() says the lengths of content and name in hexadecimal", () => {
  const archive = text(
    cpioArchive([{
      path: "init",
      content: new Uint8Array(300),
      executable: true,
    }]),
  );
  deepStrictEqual(
    [archive.slice(14, 22), archive.slice(54, 62), archive.slice(94, 102)],
    ["000081ed", "0000012c", "00000005"],
  );
});

Deno.test("cpioArchive() marks a folder and ends with the trailer", () => {
  const archive = text(cpioArchive([{ path: "dev" }]));
  strictEqual(archive.slice(14, 22), "000041ed");
  strictEqual(archive.includes("TRAILER!!!\0"), true);
});
