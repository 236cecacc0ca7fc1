import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Region } from "../memory/region.ts";
import { RequestSlot } from "./request_slot.ts";
import { sessionRules } from "./session/session_rules.ts";
import { DataRequest, decodeDataRequest } from "./wire/data_request.ts";
import { wireMode } from "./wire/mode.ts";

const HEADER_BYTES = 72;
const FIELDS_END = 24 + 12;
const OP_TYPE_AT = 24 + 40;

/** A slot that has decoded a CIPHER request, and the header in guest memory. */
function slotWithHeader() {
  const slot = new RequestSlot(new DataRequest());
  const guest = new Region(new Uint8Array(128));
  slot.chain.readable.append(guest, 8, HEADER_BYTES);
  const at = (offset: number) => 8 + offset;
  guest.view.setUint32(at(OP_TYPE_AT), 1, true);
  strictEqual(slot.takeHeader(HEADER_BYTES), false);
  const mode = wireMode("virtio", 0n);
  const { header, request } = slot;
  strictEqual(decodeDataRequest(header.view, HEADER_BYTES, mode, request), 0);
  // A request that has been refused is nothing to compare with.
  strictEqual(slot.takeHeader(HEADER_BYTES), false);
  slot.rules = sessionRules({
    service: "cipher",
    algorithm: "aes-cbc",
    direction: "encrypt",
    key: new Uint8Array(16),
  });
  strictEqual(slot.takeHeader(HEADER_BYTES), true);
  return { slot, guest, at };
}

Deno.test("a slot knows its header again by every field but the session", () => {
  for (let offset = 0; offset < HEADER_BYTES; offset++) {
    const { slot, guest, at } = slotWithHeader();
    guest.bytes[at(offset)]! ^= 1;
    const isField = offset < FIELDS_END ||
      (offset >= OP_TYPE_AT && offset < OP_TYPE_AT + 4);
    const isSession = offset >= 8 && offset < 16;
    strictEqual(slot.takeHeader(HEADER_BYTES), !isField || isSession);
    const copied = isSession ? [8, 16] as const : [0, FIELDS_END] as const;
    deepStrictEqual(
      slot.header.bytes.slice(...copied),
      guest.bytes.slice(at(copied[0]), at(copied[1])),
    );
  }
});

Deno.test("a header in pieces, unaligned or of another length is taken anew", () => {
  const pieces = slotWithHeader();
  pieces.slot.chain.readable.clear();
  pieces.slot.chain.readable.append(pieces.guest, 8, 40);
  const rest = new Region(pieces.guest.bytes.slice(48));
  pieces.slot.chain.readable.append(rest, 0, 32);
  strictEqual(pieces.slot.takeHeader(HEADER_BYTES), false);
  const odd = slotWithHeader();
  odd.slot.chain.readable.clear();
  odd.slot.chain.readable.append(odd.guest, 9, HEADER_BYTES);
  strictEqual(odd.slot.takeHeader(HEADER_BYTES), false);
  const short = slotWithHeader();
  strictEqual(short.slot.takeHeader(HEADER_BYTES - 4), false);
});
