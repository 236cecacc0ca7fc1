/**
 * This project's backends beside devices in C over the same libraries.
 *
 * @module
 */

import type { BenchRun } from "../runner/bench_run.ts";
import type { BenchDevice } from "../runner/devices.ts";
import { compare, type Comparison, type Load } from "../runner/measure.ts";
import { sizeText, thousands } from "../runner/table.ts";
import { atLeast, type Finding, type Row } from "../runner/targets.ts";

/** Least ratios by size. */
type Aims = Readonly<Record<number, number>>;

interface Work {
  readonly name: string;
  readonly algorithm: string;
  readonly depths: readonly number[];
  readonly aims: Aims;
}

const DPDK_DEPTHS = [32, 128];
const DPDK_WORK: readonly Work[] = [
  {
    name: "AES-128-CBC encryption",
    algorithm: "aes-128-cbc",
    depths: DPDK_DEPTHS,
    aims: { 64: 1, 256: 1.15, 1024: 1.2, 2048: 1.2 },
  },
  {
    name: "AES-128-CBC decryption",
    algorithm: "aes-128-cbc-decrypt",
    depths: DPDK_DEPTHS,
    aims: { 64: 1, 256: 1.1, 1024: 1.2, 2048: 1.2 },
  },
  {
    name: "AES-128-CBC + HMAC-SHA-1",
    algorithm: "aes-128-cbc-hmac-sha1",
    depths: DPDK_DEPTHS,
    aims: { 64: 1.1, 256: 1.1, 1024: 1.1, 2048: 1.1 },
  },
];
const EVP_WORK: readonly Work[] = [
  {
    name: "AES-128-CBC encryption",
    algorithm: "aes-128-cbc",
    depths: [32],
    aims: { 64: 0.9, 1024: 0.95, 16384: 0.99 },
  },
  {
    name: "AES-128-GCM",
    algorithm: "aes-128-gcm",
    depths: [32],
    aims: { 64: 0.8, 1024: 0.85, 16384: 0.97 },
  },
  {
    name: "SHA-256",
    algorithm: "sha256",
    depths: [32],
    aims: { 64: 0.8, 1024: 0.85, 16384: 0.97 },
  },
];

/** Aims are for these; a plugin's figures stand by themselves. */
const AIMED = ["openssl", "ipsec-mb"];

/** Both rates of a ratio. */
const ratesOf = ({ rates }: Comparison): string =>
  Object.entries(rates)
    .map(([name, rate]) => `${name} ${thousands(rate)}`).join(", ") +
  " thousand/s";

function peerRow(
  run: BenchRun,
  backend: string,
  peer: () => Promise<BenchDevice>,
  peerName: string,
  work: Work,
): Row {
  const name = `${backend} : ${peerName}, ${work.name}`;
  const isAimed = AIMED.includes(backend);
  const one = async (load: Load, aim?: number): Promise<Finding> => {
    const devices = [await run.device(backend), await peer()];
    const found = await compare(run.programs, devices, load, run.options);
    return {
      name: `${name}, ${sizeText(load.size)}, depth ${load.depth}`,
      value: found.ratios[backend] ?? NaN,
      unit: "×",
      ...(aim !== undefined && { target: atLeast(aim) }),
      detail: ratesOf(found),
    };
  };
  return {
    name,
    async *measure() {
      for (const depth of work.depths) {
        for (const [size, aim] of Object.entries(work.aims)) {
          const { algorithm } = work;
          yield await one(
            { algorithm, size: Number(size), depth },
            isAimed ? aim : undefined,
          );
        }
      }
    },
  };
}

/** ipsec-mb beside DPDK, where that takes part. */
export function dpdkRows(run: BenchRun): Row[] {
  if (!run.options.dpdk || !run.has("ipsec-mb")) return [];
  const peer = async () => (await run.dpdk())!;
  return DPDK_WORK.map((work) =>
    peerRow(run, "ipsec-mb", peer, "DPDK 22.11", work)
  );
}

/** openssl, and plugins, beside the C device over EVP. */
export function evpRows(run: BenchRun): Row[] {
  const peer = () => run.evpDevice();
  return run.names(["openssl"]).flatMap((backend) =>
    EVP_WORK.map((work) => peerRow(run, backend, peer, "C over EVP", work))
  );
}
