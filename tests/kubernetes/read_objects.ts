/**
 * Reads objects for Kubernetes as YAML from standard input, holds those whose
 * schema it has to that, and prints all as an object of JSON by kind. A program of
 * its own, so that its packages are nobody's who runs the device.
 *
 * @module
 */

import { ServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";
import { DaemonSet } from "kubernetes-models/apps/v1/DaemonSet";
import { Namespace } from "kubernetes-models/v1/Namespace";
import { PersistentVolume } from "kubernetes-models/v1/PersistentVolume";
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim";
import { Service } from "kubernetes-models/v1/Service";
import { parseAllDocuments } from "yaml";

// deno-lint-ignore no-explicit-any -- each model takes objects of its own
type Model = new (object: any) => { validate(): void };

const MODELS: Readonly<Record<string, Model>> = {
  DaemonSet,
  Namespace,
  PersistentVolume,
  PersistentVolumeClaim,
  Service,
  ServiceMonitor,
};

const text = await new Response(Deno.stdin.readable).text();
const objects: Record<string, unknown> = {};
const validated: string[] = [];
for (const document of parseAllDocuments(text)) {
  const [error] = document.errors;
  if (error) throw error;
  const object = document.toJS();
  const Model = MODELS[object.kind];
  if (Model) {
    new Model(object).validate();
    validated.push(object.kind);
  }
  objects[object.kind] = object;
}
console.log(JSON.stringify({ objects, validated }));
