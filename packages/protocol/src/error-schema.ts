import { z } from "zod";
import { type ErrorCode, errorCodes } from "./errors.ts";

/** The codes of the table in errors.ts as a schema. */
export const ErrorCodeSchema = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]]);
