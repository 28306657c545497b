/** What was measured, a row a step and time; `samples` is a JSON object of metric to value. */
export const series = `
  CREATE TABLE series (
    step INTEGER NOT NULL, at INTEGER NOT NULL, samples TEXT NOT NULL,
    PRIMARY KEY (step, at)
  ) STRICT, WITHOUT ROWID;
`;
