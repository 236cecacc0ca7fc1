/**
 * One device beside itself: packed and split rings, many sessions and one, long
 * requests and shorter ones.
 *
 * @module
 */

import type { BenchRun } from "../runner/bench_run.ts";
import type { BenchDevice } from "../runner/devices.ts";
import { compareSides, type Load } from "../runner/measure.ts";
import { sizeText, thousands } from "../runner/table.ts";
import { atLeast, atMost, type Row, type Target } from "../runner/targets.ts";

const CBC: Load = { algorithm: "aes-128-cbc", size: 64, depth: 32 };
const MANY_SESSIONS = 10_000;
const LANE_SIZE = 16384;

const FAST_BACKENDS = ["openssl", "ipsec-mb"];

/** Rates of one device under two loads, in turn. */
async function ratesOf(
  run: BenchRun,
  device: BenchDevice,
  first: Load,
  second: Load,
): Promise<readonly [number, number]> {
  const sides = [
    { name: "first", device, load: first },
    { name: "second", device, load: second },
  ];
  const { rates } = await compareSides(run.programs, sides, run.options);
  return [rates.first ?? NaN, rates.second ?? NaN];
}

/** Packed rings : split rings. */
export function packedRows(run: BenchRun): Row[] {
  return run.names(FAST_BACKENDS).map((backend) => ({
    name: `packed : split, ${backend}, AES-128-CBC`,
    async *measure() {
      const device = await run.device(backend);
      for (const size of [64, 1024]) {
        const split = { ...CBC, size };
        const packed = { ...split, packed: true };
        const [one, other] = await ratesOf(run, device, packed, split);
        yield {
          name: `${this.name}, ${sizeText(size)}`,
          value: one / other,
          unit: "×",
          target: atLeast(0.95),
          detail: `packed ${thousands(one)}, split ${thousands(other)} ` +
            "thousand/s",
        };
      }
    },
  }));
}

function sessionRow(
  run: BenchRun,
  name: string,
  start: () => Promise<BenchDevice>,
  target?: Target,
): Row {
  const text =
    `cost with ${MANY_SESSIONS} sessions in random use : with one, ` +
    `${name}, 64 B`;
  return {
    name: text,
    async *measure() {
      const many = { ...CBC, sessions: MANY_SESSIONS };
      const [one, shared] = await ratesOf(run, await start(), CBC, many);
      const detail = `one ${thousands(one)}, many ${thousands(shared)} ` +
        "thousand/s";
      const finding = { name: text, value: one / shared, unit: "×", detail };
      yield target ? { ...finding, target } : finding;
    },
  };
}

/** What many sessions cost; the C device for comparison. */
export function sessionRows(run: BenchRun): Row[] {
  const own = run.names(FAST_BACKENDS).map((backend) =>
    sessionRow(run, backend, () => run.device(backend), atMost(2))
  );
  return [...own, sessionRow(run, "C over EVP", () => run.evpDevice())];
}

/** Requests that no lane of ipsec-mb holds, per byte. */
export function longRequestRows(run: BenchRun): Row[] {
  if (!run.has("ipsec-mb")) return [];
  const work = [
    ["AES-128-CBC encryption", "aes-128-cbc"],
    ["AES-128-CBC + HMAC-SHA-1", "aes-128-cbc-hmac-sha1"],
    ["SHA-256", "sha256"],
  ] as const;
  return work.map(([name, algorithm]) => ({
    name: `ipsec-mb, above 64 KiB : 16 KiB per byte, ${name}`,
    async *measure() {
      const device = await run.device("ipsec-mb");
      for (const size of [128 * 1024, 1 << 20]) {
        const long = { algorithm, size, depth: 32 };
        const short = { algorithm, size: LANE_SIZE, depth: 32 };
        const [one, other] = await ratesOf(run, device, long, short);
        const megabytes = (rate: number, bytes: number) =>
          (rate * bytes / 1e6).toFixed(0);
        yield {
          name: `${this.name}, ${sizeText(size)}`,
          value: one * size / (other * LANE_SIZE),
          unit: "×",
          target: atLeast(0.8),
          detail: `${megabytes(one, size)}, ${
            megabytes(other, LANE_SIZE)
          } MB/s`,
        };
      }
    },
  }));
}
