/**
 * The log is a rowid table with an index, not `WITHOUT ROWID (log, seq)`: appends of hundreds of sessions then go to the
 * end of one table instead of writing a page per session twice. An event's id has no index at all: the writer knows the
 * ids of the sessions that are in use. The ids of forgotten events are kept, so that forgetting an old event does not
 * forget that it happened.
 */
export const logAndRecords = `
  CREATE TABLE logs (
    log INTEGER PRIMARY KEY,
    session TEXT NOT NULL UNIQUE,
    epoch TEXT NOT NULL
  ) STRICT;

  CREATE TABLE events (
    log INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    type TEXT NOT NULL,
    timestamp INTEGER NOT NULL,
    data TEXT NOT NULL,
    id TEXT
  ) STRICT;
  CREATE UNIQUE INDEX events_by_position ON events (log, seq);

  CREATE TABLE forgotten_ids (
    log INTEGER NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (log, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE records (
    collection TEXT NOT NULL,
    key TEXT NOT NULL,
    owner TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (collection, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX records_by_owner ON records (collection, owner);
`;
