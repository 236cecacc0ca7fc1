import { strictEqual, throws } from "node:assert/strict";
import { addressBytes } from "./ip_address.ts";

Deno.test("addresses become the bytes that packets have", () => {
  const answers = {
    "198.51.100.1": "c6336401",
    "0.0.0.0": "00000000",
    "2001:db8::1": "20010db8000000000000000000000001",
    "::": "00".repeat(16),
    "::1": "00".repeat(15) + "01",
    "fd00::": "fd00" + "00".repeat(14),
    "1:2:3:4:5:6:7:8": "00010002000300040005000600070008",
    "::ffff:192.0.2.1": "00000000000000000000ffffc0000201",
  };
  for (const [text, hex] of Object.entries(answers)) {
    strictEqual(addressBytes(text).toHex(), hex, text);
  }
});

Deno.test("what is no address is told", () => {
  for (
    const text of [
      ...["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "0x1.2.3.4", "host", "1:2"],
      ...[":::", "g::1", "1::2::3", "::1%eth0", "[::1]", "1.2.3.4:5"],
    ]
  ) throws(() => addressBytes(text), /is no IP address/, text);
});
