import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { createLog, guestLog } from "./log.ts";
import { LogTail } from "./log_tail.ts";
import { formatterOf, type LogEvent } from "./log_format.ts";

const EVENT: LogEvent = {
  time: new Date(0),
  level: "warn",
  line: "queue 1 is broken: a loop",
  fields: { guest: "/s", queue: 1, reason: "a loop" },
};

Deno.test("text has a time and the level, and a journal gets the priority instead", () => {
  strictEqual(
    formatterOf("text", false)(EVENT),
    "1970-01-01T00:00:00.000Z vhost-device-crypto: warn: queue 1 is broken: a loop\n",
  );
  const journal = formatterOf("text", true);
  const priorities = (["error", "warn", "info", "debug"] as const).map((
    level,
  ) => journal({ ...EVENT, level, line: "x" }));
  deepStrictEqual(priorities, ["<3>x\n", "<4>x\n", "<6>x\n", "<7>x\n"]);
});

Deno.test("JSON has an object on a line, with what the event is about", () => {
  for (const isJournal of [false, true]) {
    deepStrictEqual(JSON.parse(formatterOf("json", isJournal)(EVENT)), {
      time: "1970-01-01T00:00:00.000Z",
      level: "warn",
      message: "queue 1 is broken: a loop",
      ...{ guest: "/s", queue: 1, reason: "a loop" },
    });
  }
});

Deno.test("what a guest or a plugin puts into an event begins no line of its own", () => {
  const line = "a\nfake: b\r\x1b[2J\u2028c";
  for (const format of ["text", "json"] as const) {
    for (const isJournal of [false, true]) {
      const text = formatterOf(format, isJournal)({ ...EVENT, line });
      // deno-lint-ignore no-control-regex
      match(text, /^[^\x00-\x1f\x7f-\x9f]+\n$/);
    }
  }
  match(formatterOf("text", true)({ ...EVENT, line }), /^<4>a\\nfake: b\\r/);
});

Deno.test("a command stands below its line for people, and on it for programs", () => {
  const event = { ...EVENT, line: "so:", fields: { command: "a \\\n  -b" } };
  match(formatterOf("text", false)(event), / warn: so:\na \\\n {2}-b\n$/);
  strictEqual(formatterOf("text", true)(event), "<4>so: a -b\n");
  const { command } = JSON.parse(formatterOf("json", false)(event));
  strictEqual(command, "a -b");
});

Deno.test("lines that are lost are counted, and told of before the next one", () => {
  const written: string[] = [];
  let isFull = false;
  const log = createLog(new LogTail("info"), ({ line }) => line, (text) => {
    if (!isFull) written.push(text);
    return !isFull;
  });
  log("info", "1");
  log("debug", "not of the level");
  isFull = true;
  for (const line of ["2", "3", "4"]) log("error", line);
  isFull = false;
  log("info", "5");
  log("info", "6");
  deepStrictEqual(written, [
    ...["1", "3 lines of the log could not be written", "5", "6"],
  ]);
});

Deno.test("a guest is a field always, and stands before the line where there are others", () => {
  const events: LogEvent[] = [];
  const log = createLog(new LogTail("info"), (event) => {
    events.push(event);
    return "";
  }, () => true);
  guestLog(log, "/a", true)("info", "x");
  guestLog(log, "/b", false)("info", "x", { queue: 2 });
  deepStrictEqual(events.map(({ line, fields }) => [line, fields]), [
    ["x", { guest: "/a" }],
    ["/b: x", { guest: "/b", queue: 2 }],
  ]);
});
