/**
 * Which algorithm a name that there is not may be meant to be.
 *
 * @module
 */

import {
  type Algorithm,
  ALGORITHMS,
  type Service,
} from "../algorithms/catalogue.ts";
import { closestName, plainName } from "../algorithms/closest_name.ts";

/** What a name that service `service` does not have may be meant to be, as a tail. */
export function suggestion(service: Service, name: string): string {
  const ofService = ALGORITHMS.filter((one) => one.service === service);
  const wanted = plainName(name);
  const isMeant = (one: Algorithm) =>
    plainName(one.name) === wanted || plainName(`aes-${one.name}`) === wanted;
  const here = ofService.find(isMeant);
  const elsewhere = here ? undefined : ALGORITHMS.find(isMeant);
  if (elsewhere) {
    return `; did you mean "${elsewhere.name}" of ${elsewhere.service}?`;
  }
  const near = here?.name ??
    closestName(name, ofService.map((one) => one.name));
  return near === undefined ? "" : `; did you mean "${near}"?`;
}
