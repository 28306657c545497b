import { spawnSync } from "node:child_process";

const [core = "0", pid = ""] = process.argv.slice(2);
spawnSync("taskset", ["-a", "-p", "-c", core, pid]);
