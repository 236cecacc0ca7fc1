/**
 * `deno task bench:ipsec`: packets per second through an outbound tunnel of
 * AES-128-GCM, of a device in this process and of DPDK's librte_ipsec, one core
 * each and one after the other, round by round.
 *
 *     deno task bench:ipsec [--backend LIST] [--seconds S] [--rounds N]
 *
 * What is measured here is the whole way: the driver's rings, the request, the
 * packet's copies in and out. The peer encapsulates in place, in the packet's own
 * memory, which it fills anew each time.
 *
 * @module
 */

import {
  encodeIpsecRequest,
  IPSEC_SOURCE_AT,
  IpsecOpcode,
  IpsecRequest,
} from "../device/wire/ipsec_request.ts";
import { insideOf } from "../driver/driver.ts";
import type { Submission } from "../driver/request_queue.ts";
import { ipv4Packet, pattern } from "../testing/ip_packets.ts";
import { IpsecBed, SUITES } from "../testing/ipsec_bed.ts";
import { runTask, taskWords, wholeNumber } from "../testing/task.ts";
import { DpdkProgram } from "../tests/ipsec/dpdk_peer.ts";
import { run } from "../tests/guest/initramfs.ts";
import { chosenBackends } from "./runner/chosen_backends.ts";

const SIZES = [64, 576, 1500];
const BURST = 64;
const WARM_MS = 1500;
const ADDED_BYTES = 105;

/** The peer's cryptodev that has the same library; of others, OpenSSL's. */
const CRYPTODEVS: Readonly<Record<string, string>> = {
  "openssl": "crypto_openssl",
  "ipsec-mb": "crypto_aesni_mb",
};

/** Requests that are sent again and again. */
async function layOut(bed: IpsecBed, associationId: number, bytes: number) {
  const { memory } = insideOf(bed.driver);
  const request = new IpsecRequest();
  request.opcode = IpsecOpcode.Outbound;
  request.associationId = associationId;
  request.sourceBytes = bytes;
  request.destinationBytes = bytes + ADDED_BYTES;
  const header = encodeIpsecRequest(request, bed.driver.mode.revision1);
  const packet = ipv4Packet(pattern(bytes - 20));
  const counts = { done: 0, wrong: 0 };
  const submissions: Submission[] = [];
  for (let i = 0; i < BURST; i++) {
    const [input, output] = await memory.allocate([
      { lengthBytes: header.length + bytes },
      { lengthBytes: request.destinationBytes + 1 },
    ]);
    input!.segments.write(0, header);
    input!.segments.write(IPSEC_SOURCE_AT, packet);
    submissions.push({
      readable: input!.buffers,
      writable: output!.buffers,
      completed(writtenBytes) {
        counts.done++;
        if (writtenBytes <= bytes) counts.wrong++;
      },
      abandoned(reason) {
        throw reason;
      },
    });
  }
  return { submissions, counts };
}

/** Packets per second of a device on `backend`. */
async function measureHere(
  backend: string,
  bytes: number,
  seconds: number,
): Promise<number> {
  await using bed = await IpsecBed.start({ backend });
  const { id } = await bed.create({
    direction: "outbound",
    spi: 0x1001,
    algorithms: SUITES["AES-128-GCM"]!,
    tunnel: { source: "198.51.100.1", destination: "198.51.100.2" },
  });
  const { submissions, counts } = await layOut(bed, id, bytes);
  const queue = insideOf(bed.driver).dataQueues[0]!;
  const runFor = (ms: number): number => {
    const start = performance.now();
    counts.done = 0;
    let now = start;
    while (now < start + ms) {
      for (const submission of submissions) queue.stage(submission);
      queue.flush();
      queue.harvest();
      now = performance.now();
    }
    return counts.done / (now - start) * 1000;
  };
  runFor(WARM_MS);
  const rate = runFor(1000 * seconds);
  if (counts.wrong === 0) return rate;
  throw new Error(`${counts.wrong} packets came to nothing`);
}

const median = (values: number[]) =>
  values.sort((a, b) => a - b)[values.length >> 1]!;

async function main(words: string[]): Promise<void> {
  const { values } = taskWords({
    args: words,
    options: {
      backend: { type: "string", default: "ipsec-mb" },
      seconds: { type: "string", default: "1" },
      rounds: { type: "string", default: "3" },
    },
  });
  const backends = await chosenBackends(values.backend);
  const seconds = wholeNumber("seconds", values.seconds, 1);
  const rounds = wholeNumber("rounds", values.rounds, 1);
  await using peer = await DpdkProgram.compile();
  for (const { name, specifier } of backends) {
    const cryptodev = CRYPTODEVS[name] ?? "crypto_openssl";
    console.log(`AES-128-GCM, tunnel, ${name} beside ${cryptodev}`);
    await compareSizes(peer, specifier, cryptodev, seconds, rounds);
  }
}

async function compareSizes(
  peer: DpdkProgram,
  backend: string,
  cryptodev: string,
  seconds: number,
  rounds: number,
): Promise<void> {
  for (const bytes of SIZES) {
    const here: number[] = [];
    const there: number[] = [];
    for (let round = 0; round < rounds; round++) {
      here.push(await measureHere(backend, bytes, seconds));
      const words = [cryptodev, "bench", `${bytes}`, `${1000 * seconds}`];
      there.push(Number(new TextDecoder().decode(await run(peer.path, words))));
    }
    const ratio = median(here) / median(there);
    console.log(
      `${bytes} bytes: ${Math.round(median(here))} packets/s, librte_ipsec ` +
        `${Math.round(median(there))}, ratio ${ratio.toFixed(2)}`,
    );
  }
}

if (import.meta.main) {
  await runTask({
    usage: "bench:ipsec [--backend LIST] [--seconds S] [--rounds N]",
    about: "measures packets per second beside DPDK's librte_ipsec",
  }, main);
}
