/**
 * Figures beside what was aimed at.
 *
 * @module
 */

import { markdownTable } from "./table.ts";

/** What a figure shall reach at least, or take at most. */
export interface Target {
  readonly bound: "≥" | "≤";
  readonly value: number;
}

export const atLeast = (value: number): Target => ({ bound: "≥", value });
export const atMost = (value: number): Target => ({ bound: "≤", value });

/** One figure. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Absent: the figure is stated only. */
  readonly target?: Target;
  /** What stands behind it, such as the two rates of a ratio. */
  readonly detail?: string;
}

/** A part of the table. */
export interface Row {
  readonly name: string;
  /** Each finding as soon as it is there. */
  measure(): AsyncIterable<Finding>;
}

const shown = (value: number) => value.toFixed(Math.abs(value) >= 20 ? 0 : 2);

/** `met` or `missed`; of a figure that could not be had, so. */
export function verdict({ value, target }: Finding): string {
  if (Number.isNaN(value)) return "not measured";
  if (!target) return "";
  const met = target.bound === "≥"
    ? value >= target.value
    : value <= target.value;
  return met ? "met" : "missed";
}

/** One line, for those who wait. */
export function findingLine(finding: Finding): string {
  const { name, value, unit, target, detail } = finding;
  const aim = target ? ` (${target.bound} ${target.value})` : "";
  const measured = `${name}: ${shown(value)} ${unit}${aim} ${verdict(finding)}`
    .trimEnd();
  return detail === undefined ? measured : `${measured}; ${detail}`;
}

/** All of them. */
export function findingTable(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const { name, value, unit, target, detail } = finding;
    return [
      name,
      `${shown(value)} ${unit}`.trim(),
      target ? `${target.bound} ${target.value}` : "",
      verdict(finding),
      detail ?? "",
    ];
  });
  return markdownTable(["what", "measured", "target", "", "of"], rows);
}
