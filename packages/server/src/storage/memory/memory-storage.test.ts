import { storageContract } from "../storage.contract.ts";
import { createMemoryStorage } from "./memory-storage.ts";

storageContract("memory", async (options) => createMemoryStorage(options));
