import type { Bench } from "./bench.ts";
export function checkRsa(_bench: Bench): void {}
