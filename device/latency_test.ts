import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import {
  histogramOf,
  LATENCY_BOUNDS_MS,
  LATENCY_WORDS,
  LatencySamples,
} from "./latency.ts";

Deno.test("one burst in 64 is timed, and the request that waits is timed to its end", () => {
  const words = new Float64Array(LATENCY_WORDS);
  const samples = new LatencySamples(words);
  let timed = 0;
  for (let i = 0; i < 128; i++) {
    if (samples.begins()) {
      timed++;
      samples.ended("hash");
    }
    samples.next();
  }
  strictEqual(timed, 2);
  ok(samples.begins());
  samples.waitsFor(5);
  samples.next();
  for (let i = 0; i < 63; i++) samples.next();
  strictEqual(samples.begins(), false);
  strictEqual(samples.waiting, 5);
  samples.ended("cipher");
  strictEqual(samples.waiting, -1);
  strictEqual(histogramOf(words, "hash").count, 2);
  const { count, buckets, sumMs } = histogramOf(words, "cipher");
  deepStrictEqual([count, buckets.length], [1, LATENCY_BOUNDS_MS.length + 1]);
  ok(sumMs > 0);
  strictEqual(histogramOf(words, "akcipher").count, 0);
});
