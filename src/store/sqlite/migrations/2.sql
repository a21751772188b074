-- The record in full: the rest of the collections, claims under caps, the lease, expiry.

CREATE TABLE task_schedules (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  active TEXT
) WITHOUT ROWID;
CREATE INDEX task_schedules_by_active ON task_schedules (active, id);

CREATE TABLE due_times (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  moment TEXT,
  task TEXT,
  open TEXT,
  age TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX due_times_by_moment ON due_times (moment);
CREATE INDEX due_times_by_task ON due_times (task, id);
CREATE INDEX due_times_by_open ON due_times (open, id);
CREATE INDEX due_times_by_age ON due_times (age, id);

CREATE TABLE artifacts (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  entry TEXT,
  run TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX artifacts_by_entry ON artifacts (entry);
CREATE INDEX artifacts_by_run ON artifacts (run, id);

CREATE TABLE workers (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  name TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX workers_by_name ON workers (name);

CREATE TABLE provider_configs (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  name TEXT,
  harness TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX provider_configs_by_name ON provider_configs (name);
CREATE INDEX provider_configs_by_harness ON provider_configs (harness, id);

CREATE TABLE contexts (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  entry TEXT,
  scope TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX contexts_by_entry ON contexts (entry);
CREATE INDEX contexts_by_scope ON contexts (scope, id);

CREATE TABLE secrets (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  entry TEXT,
  name TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX secrets_by_entry ON secrets (entry);
CREATE INDEX secrets_by_name ON secrets (name, id);

CREATE TABLE audit (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  subject TEXT,
  age TEXT
) WITHOUT ROWID;
CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_age ON audit (age, id);

CREATE TABLE salvages (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  reference TEXT,
  run TEXT,
  repository TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX salvages_by_reference ON salvages (reference);
CREATE INDEX salvages_by_run ON salvages (run, id);
CREATE INDEX salvages_by_repository ON salvages (repository, id);

-- Who holds a slot is counted at each claim; who ended when is asked at each expiry; the runs of a
-- project and of a repository are listed. A run is larger than a quarter of a page: in a table
-- without rowid nearly all of it would lie in a page of its own. So do envelopes.
ALTER TABLE runs RENAME TO old_runs;
DROP INDEX runs_by_idempotency_key;
DROP INDEX runs_by_tail;
DROP INDEX runs_by_live;
DROP INDEX runs_by_task;
CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  idempotency_key TEXT,
  tail TEXT,
  live TEXT,
  slot TEXT,
  project TEXT,
  repository TEXT,
  task TEXT,
  age TEXT
);
INSERT INTO runs SELECT
    id, version, schema, body, idempotency_key, tail, live,
    CASE WHEN body ->> '$.state' IN ('active', 'ending') THEN 'yes' END,
    body ->> '$.project',
    body ->> '$.repository',
    task,
    CASE WHEN live = 'no'
      THEN printf('%015d', CAST(round(unixepoch(body ->> '$.updatedAt', 'subsec') * 1000) AS INTEGER)) END
  FROM old_runs ORDER BY id;
DROP TABLE old_runs;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (idempotency_key);
CREATE UNIQUE INDEX runs_by_tail ON runs (tail);
CREATE INDEX runs_by_live ON runs (live, id);
-- Few runs hold a slot; what caps count by lies in the index itself.
CREATE INDEX runs_by_slot ON runs (slot, id, project, repository, task) WHERE slot IS NOT NULL;
CREATE INDEX runs_by_project ON runs (project, id);
CREATE INDEX runs_by_repository ON runs (repository, id);
CREATE INDEX runs_by_task ON runs (task, id);
CREATE INDEX runs_by_age ON runs (age, id) WHERE age IS NOT NULL;

ALTER TABLE envelopes RENAME TO old_envelopes;
CREATE TABLE envelopes (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL
);
INSERT INTO envelopes SELECT id, version, schema, body FROM old_envelopes ORDER BY id;
DROP TABLE old_envelopes;

ALTER TABLE findings ADD COLUMN age TEXT;
UPDATE findings SET age = CASE WHEN open = 'no'
  THEN printf('%015d', CAST(round(unixepoch(body ->> '$.lastAt', 'subsec') * 1000) AS INTEGER)) END;
CREATE INDEX findings_by_age ON findings (age, id);

-- A chunk of a log is larger than a page, and rows of a table without rowid lie in the inner nodes
-- of its tree too: each look-up by number had to pass over the overflow of its neighbours.
ALTER TABLE run_events RENAME TO old_run_events;
DROP INDEX run_events_by_line;
DROP INDEX run_events_by_stage;
CREATE TABLE run_events (
  run TEXT NOT NULL,
  seq INTEGER NOT NULL,
  first_line INTEGER,
  last_line INTEGER,
  stage TEXT,
  attempt INTEGER,
  body TEXT NOT NULL
);
INSERT INTO run_events SELECT run, seq, first_line, last_line, stage, attempt, body
  FROM old_run_events ORDER BY run, seq;
DROP TABLE old_run_events;
CREATE UNIQUE INDEX run_events_by_seq ON run_events (run, seq);
CREATE INDEX run_events_by_line ON run_events (run, last_line) WHERE last_line IS NOT NULL;
CREATE INDEX run_events_by_stage ON run_events (run, stage, attempt, seq) WHERE last_line IS NOT NULL;

-- How far the events and lines of a run are numbered: after an expiry no number is given again.
-- Events up to the floor have expired. The age is that of the run, so that those whose events are to
-- expire are found without a look at all the others.
CREATE TABLE run_heads (
  run TEXT NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL,
  line INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  age TEXT
) WITHOUT ROWID;
INSERT INTO run_heads
  SELECT runs.id, coalesce(max(seq), 0), coalesce(max(last_line), 0), 0, runs.age
  FROM runs LEFT JOIN run_events ON run_events.run = runs.id GROUP BY runs.id;
CREATE INDEX run_heads_by_age ON run_heads (age, run) WHERE age IS NOT NULL AND floor < seq;

-- Events that no reader finds any more, and that are still to be removed.
CREATE TABLE leftovers (
  run TEXT NOT NULL PRIMARY KEY,
  upto INTEGER NOT NULL
) WITHOUT ROWID;

-- Who leads, and the highest token that was ever given.
CREATE TABLE lease (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  holder TEXT NOT NULL,
  token INTEGER NOT NULL,
  until INTEGER NOT NULL
);
