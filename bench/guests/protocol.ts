/**
 * What the bench of many guests asks of the process that plays them, one line of
 * JSON each way.
 *
 * @module
 */

/** Guests from `first` on, `count` of them. */
export interface GuestRange {
  readonly first: number;
  readonly count: number;
}

/** What guests are to do. */
export type GuestOrder =
  /** Connect, open sessions, get an answer: how long each took until then. */
  | GuestRange & { readonly do: "attach"; readonly sessions: number }
  | GuestRange & { readonly do: "detach" }
  /** Keep requests of 1 KiB under way: how many each had answered. */
  | GuestRange & { readonly do: "load"; readonly milliseconds: number }
  /** Private operations of RSA-4096, one after the other, as part of the load. */
  | GuestRange & { readonly do: "sign"; readonly milliseconds: number }
  /** Single requests at a rate: how long each took. */
  | GuestRange & {
    readonly do: "pace";
    readonly perSecond: number;
    readonly milliseconds: number;
  };

/** Milliseconds or requests, of each guest or each request. */
export interface GuestAnswer {
  readonly figures: readonly number[];
}
