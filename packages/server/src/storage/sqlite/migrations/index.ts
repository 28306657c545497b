import { logAndRecords } from "./001-log-and-records.ts";
import { search } from "./002-search.ts";
import { series } from "./003-series.ts";

/** In order; the database's `user_version` counts how many of them it has seen. Never change one that was released. */
export const migrations: readonly string[] = [logAndRecords, search, series];
