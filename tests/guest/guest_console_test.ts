import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type GuestOptions, guestProblems, type GuestReport } from "./guest.ts";
import { GuestConsole } from "./guest_console.ts";

const OPTIONS: GuestOptions = {
  mode: "builtin",
  qemu: "11.1",
  tests: ["aes-kat"],
};

const GOOD_BOOT = [
  "GUEST boot 6.12",
  "BEGIN aes-kat",
  "CHECK aes-kat.128-encrypt ok",
  "END aes-kat",
  "GUEST done 3.5",
];

function reportOf(lines: readonly string[]): GuestReport {
  const guestConsole = new GuestConsole();
  for (const line of lines) guestConsole.read(line);
  return {
    boots: guestConsole.boots,
    complaints: guestConsole.complaints,
    consoleTail: guestConsole.tail,
    qemuErrors: "",
    exitCode: 0,
    timedOut: false,
    seconds: 1,
  };
}

function problemsOf(lines: readonly string[], options = OPTIONS): string[] {
  return guestProblems(options, reportOf(lines));
}

Deno.test("a boot whose checks all pass has no problem", () => {
  deepStrictEqual(problemsOf(GOOD_BOOT), []);
});

Deno.test("the guest waits to hear what comes next after its last line only", () => {
  const guestConsole = new GuestConsole();
  deepStrictEqual(GOOD_BOOT.map((line) => guestConsole.read(line)), [
    ...[false, false, false, false, true],
  ]);
});

Deno.test("a failed check is a problem, also if it passes later", () => {
  const lines = GOOD_BOOT.with(2, "CHECK aes-kat.128-encrypt FAIL it differs");
  lines.splice(3, 0, "CHECK aes-kat.128-encrypt ok");
  deepStrictEqual(problemsOf(lines), ["aes-kat.128-encrypt: it differs"]);
});

Deno.test("a check line that another line has cut is a problem", () => {
  const lines = GOOD_BOOT.with(2, "CHECK aes-kat.128-encrypt o[ 3.1] virtio");
  strictEqual(problemsOf(lines).length, 1);
});

Deno.test("a test that does not come to its end is a problem", () => {
  deepStrictEqual(problemsOf(GOOD_BOOT.slice(0, 3)), [
    "not finished: aes-kat; the last begun: aes-kat",
    "the guest did not come to its end",
  ]);
});

Deno.test("a boot without any check is a problem", () => {
  deepStrictEqual(problemsOf(GOOD_BOOT.toSpliced(2, 1)), [
    "the guest made no check",
  ]);
});

Deno.test("a missing and a surplus boot are problems", () => {
  deepStrictEqual(problemsOf([]), ["0 boots instead of 1"]);
  const twice = [...GOOD_BOOT, ...GOOD_BOOT];
  deepStrictEqual(problemsOf(twice), ["2 boots instead of 1"]);
  deepStrictEqual(problemsOf(twice, { ...OPTIONS, boots: 2 }), []);
});

Deno.test("a complaint of the guest's kernel is a problem", () => {
  const complaint = "virtio_crypto virtio0: dataq.0:id 4 is not a head!";
  deepStrictEqual(problemsOf([...GOOD_BOOT, complaint]), [
    `the guest's kernel says: ${complaint}`,
  ]);
});

Deno.test("QEMU's messages, exit code and a timeout are problems", () => {
  const report = reportOf(GOOD_BOOT);
  deepStrictEqual(
    guestProblems(OPTIONS, { ...report, qemuErrors: "no\n", exitCode: 1 }),
    ["QEMU ended with exit code 1", "QEMU says: no"],
  );
  deepStrictEqual(
    guestProblems(OPTIONS, { ...report, timedOut: true, exitCode: 137 }),
    ["not done after 1 s"],
  );
});
