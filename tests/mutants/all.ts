import { MUTANTS as algorithms } from "./algorithms.ts";
import { MUTANTS as backends } from "./backends.ts";
import { MUTANTS as bench } from "./benches.ts";
import { MUTANTS as cli } from "./cli.ts";
import { MUTANTS as device } from "./device.ts";
import { MUTANTS as driver } from "./driver.ts";
import { MUTANTS as frontEnd } from "./front_end.ts";
import { MUTANTS as ipsec } from "./ipsec.ts";
import { MUTANTS as keys } from "./keys.ts";
import { MUTANTS as lane } from "./lane.ts";
import { MUTANTS as memory } from "./memory.ts";
import { MUTANTS as moving } from "./moving.ts";
import type { Mutant } from "./mutant.ts";
import { MUTANTS as packages } from "./package.ts";
import { MUTANTS as restart } from "./restart.ts";
import { MUTANTS as ring } from "./ring.ts";
import { MUTANTS as session } from "./session.ts";
import { MUTANTS as transport } from "./transport.ts";
import { MUTANTS as wire } from "./wire.ts";

/** Every mutant, in a file for each room. */
export const ALL_MUTANTS: readonly Mutant[] = [
  ...algorithms,
  ...backends,
  ...bench,
  ...cli,
  ...device,
  ...driver,
  ...frontEnd,
  ...ipsec,
  ...keys,
  ...lane,
  ...memory,
  ...moving,
  ...packages,
  ...restart,
  ...ring,
  ...session,
  ...transport,
  ...wire,
];
