/**
 * What a row of the option table has.
 *
 * @module
 */

/** One option as a person sees it. */
export interface OptionEntry {
  readonly name: string;
  /** Placeholder of the value; absent for a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** Shown as the default; absent where there is none. */
  readonly default?: string;
  readonly help: string;
  /** The words that a value is one of. */
  readonly choices?: readonly string[];
  /** What a shell offers for a value that has no choices. */
  readonly completes?: "file" | "folder" | "backend";
  /** The backend's own option that it sets, and the form of a value. */
  readonly sets?: BackendOptionEntry;
}

/** How an option reaches a backend; values of a repeatable one get commas. */
export interface BackendOptionEntry {
  readonly backend: string;
  readonly option: string;
  readonly form: RegExp;
  /** The form in words. */
  readonly expected: string;
}
