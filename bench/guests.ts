/**
 * `deno task bench:guests`: many guests of one device process, each figure beside
 * its target. Guests are played by a process of their own.
 *
 *     deno task bench:guests [--guests N] [--seconds S] [--only TEXT]
 *         [--output FILE] [-- OPTIONS OF serve]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { GuestProcess, ManyGuestsDevice } from "./guests/processes.ts";
import { guestRows } from "./guests/rows.ts";
import { describeMachine, machineLine } from "./runner/machine.ts";
import {
  type Finding,
  findingLine,
  findingTable,
  verdict,
} from "./runner/targets.ts";

function wholeNumber(name: string, word: string): number {
  if (/^[1-9]\d{0,5}$/.test(word)) return Number(word);
  throw new RangeError(`--${name} ${word}: expected a whole number from 1 on`);
}

async function main(): Promise<void> {
  const at = Deno.args.indexOf("--");
  const own = at < 0 ? Deno.args : Deno.args.slice(0, at);
  const options = at < 0 ? [] : Deno.args.slice(at + 1);
  const { values } = parseArgs({
    args: [...own],
    options: {
      guests: { type: "string", default: "1000" },
      seconds: { type: "string", default: "3" },
      only: { type: "string", default: "" },
      output: { type: "string" },
    },
  });
  const guests = wholeNumber("guests", values.guests);
  const milliseconds = 1000 * wholeNumber("seconds", values.seconds);
  const machine = await describeMachine();
  const findings: Finding[] = [];
  const rows = guestRows({ guests, milliseconds })
    .filter(({ name }) => name.includes(values.only));
  for (const { measure, sockets } of rows) {
    await using device = await ManyGuestsDevice.start(sockets, options);
    await using players = new GuestProcess(device.folder);
    for (const finding of await measure(device, players)) {
      findings.push(finding);
      console.error(findingLine(finding));
    }
  }
  console.log(`${machineLine(machine)}\n\n${findingTable(findings)}`);
  if (values.output === undefined) return;
  const figures = findings.map((one) => ({ ...one, verdict: verdict(one) }));
  await Deno.writeTextFile(
    values.output,
    `${JSON.stringify({ machine, guests, findings: figures }, null, 2)}\n`,
  );
}

if (import.meta.main) await main();
