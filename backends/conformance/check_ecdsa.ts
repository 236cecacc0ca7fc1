import type { Bench } from "./bench.ts";
export function checkEcdsa(_bench: Bench): void {}
