import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { openLibc } from "../../../ffi/libc.ts";
import { clearForeign } from "../../../ffi/libc_foreign.ts";
import { Reactor } from "../../../ffi/reactor.ts";
import { eventually } from "../../../testing/vhost_user_server.ts";
import { type PassedKick, shareKick } from "./passed_kick.ts";

const libc = openLibc();

interface Ring {
  readonly kickFd: number;
  passedKick: PassedKick | undefined;
}

Deno.test("rings that read a kick themselves stop before it is passed on to all that have it", async () => {
  const reactor = Reactor.open(libc);
  const kick = libc.eventfd();
  const rings: Ring[] = [1, 2, 3].map(() => ({
    kickFd: libc.duplicate(kick),
    passedKick: undefined,
  }));
  const [first, second, third] = rings as [Ring, Ring, Ring];
  const { kickFd } = first;
  strictEqual(
    reactor.watch(kickFd, () => void clearForeign(libc, kickFd)),
    0,
  );
  const stopped: Ring[] = [];
  const stop = (ring: Ring) => {
    strictEqual(ring.passedKick, undefined);
    if (ring === first) reactor.unwatch(kickFd);
    stopped.push(ring);
    return Promise.resolve();
  };
  const pair = [first, second];
  deepStrictEqual(await shareKick(libc, reactor, second, pair, stop), stopped);
  deepStrictEqual(new Set(stopped), new Set(pair));
  const added = await shareKick(libc, reactor, third, rings, stop);
  deepStrictEqual(added, [third]);

  libc.signal(kick);
  for (const [index, { passedKick }] of rings.entries()) {
    await eventually(
      () => clearForeign(libc, passedKick!.fd) > 0,
      () => `the kick of ring ${index}`,
    );
  }
  for (const { passedKick, kickFd } of rings) {
    passedKick!.close();
    libc.close(kickFd);
  }
  await reactor.close();
  libc.close(kick);
});
