import { strictEqual } from "node:assert/strict";
import { Region } from "../memory/region.ts";
import {
  type BackendThread,
  type Operation,
  OperationStatus,
} from "./backend.ts";
import { OperationsAdapter } from "./operations_adapter.ts";
import { BURST_WORDS, BurstField, RequestBurst } from "./request_burst.ts";

/** Ends an operation when it is given the next one, as who needs room may. */
class EagerThread implements BackendThread {
  #pending: Operation | undefined;

  openSession(): object {
    return {};
  }

  closeSession(): void {}

  run(operations: readonly Operation[], count: number): void {
    for (let i = 0; i < count; i++) {
      this.#end();
      this.#pending = operations[i]!;
      this.#pending.status = OperationStatus.Pending;
    }
  }

  #end(): void {
    if (!this.#pending) return;
    this.#pending.writtenBytes = this.#pending.destination.totalBytes;
    this.#pending.status = OperationStatus.Ok;
  }

  poll(): number {
    return 0;
  }

  close(): void {}
}

Deno.test("what a backend ends while it is given others is told when it is polled", () => {
  const adapter = new OperationsAdapter(new EagerThread());
  adapter.openSession({
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(new ArrayBuffer(16)),
  }, 0);
  const burst = new RequestBurst(3);
  burst.setRegion(0, new Region(new Uint8Array(64)));
  for (let slot = 0; slot < 3; slot++) {
    burst.clear(slot);
    burst.append(slot, BurstField.Source, 0, 0, 32);
    burst.append(slot, BurstField.Destination, 0, 32, 32);
    burst.fields[BURST_WORDS * slot + BurstField.Status] =
      OperationStatus.Pending;
  }
  adapter.run(burst, Int32Array.of(0), 1);
  adapter.run(burst, Int32Array.of(1), 1);
  // The ring has more requests under way than it ever had: all ranges move.
  burst.addSlots(4);
  adapter.run(burst, Int32Array.of(2), 1);
  strictEqual(adapter.poll(), 2);
  strictEqual(burst.fields[BurstField.Status], OperationStatus.Ok);
  strictEqual(burst.fields[BurstField.WrittenBytes], 32);
});
