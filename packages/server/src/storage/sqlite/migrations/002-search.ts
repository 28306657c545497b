/**
 * The words of people and agents, for searching. An entry's rowid is its event's. Filled beside the log, not with it:
 * `indexed` says how far, and a search goes on from there first, so that no append waits for it.
 */
export const search = `
  CREATE VIRTUAL TABLE event_texts USING fts5 (
    text, session UNINDEXED, type UNINDEXED, seq UNINDEXED, timestamp UNINDEXED,
    tokenize = "unicode61 remove_diacritics 2"
  );
  CREATE TABLE indexed (up_to INTEGER NOT NULL) STRICT;
  INSERT INTO indexed VALUES (0);
`;
