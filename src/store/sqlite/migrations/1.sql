-- The beginning. Documents with their indexed values as columns; the id belongs to a plain index,
-- so that it also gives the order of its pages. The events of runs by number; lines of logs are
-- found by the range that an event covers.

CREATE TABLE projects (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  slug TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX projects_by_slug ON projects (slug);

CREATE TABLE repositories (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  path TEXT,
  project TEXT,
  source TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX repositories_by_path ON repositories (path);
CREATE INDEX repositories_by_project ON repositories (project, id);
CREATE INDEX repositories_by_source ON repositories (source, id);

CREATE TABLE tasks (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  path TEXT,
  repository TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX tasks_by_path ON tasks (path);
CREATE INDEX tasks_by_repository ON tasks (repository, id);

CREATE TABLE runs (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  idempotency_key TEXT,
  tail TEXT,
  live TEXT,
  task TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (idempotency_key);
CREATE UNIQUE INDEX runs_by_tail ON runs (tail);
CREATE INDEX runs_by_live ON runs (live, id);
CREATE INDEX runs_by_task ON runs (task, id);

CREATE TABLE findings (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL,
  fingerprint TEXT,
  open TEXT
) WITHOUT ROWID;
CREATE UNIQUE INDEX findings_by_fingerprint ON findings (fingerprint);
CREATE INDEX findings_by_open ON findings (open, id);

CREATE TABLE envelopes (
  id TEXT NOT NULL PRIMARY KEY,
  version INTEGER NOT NULL,
  schema INTEGER NOT NULL,
  body TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE run_events (
  run TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  first_line INTEGER,
  last_line INTEGER,
  stage TEXT,
  attempt INTEGER,
  body TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
CREATE INDEX run_events_by_line ON run_events (run, last_line) WHERE last_line IS NOT NULL;
CREATE INDEX run_events_by_stage ON run_events (run, stage, attempt, seq) WHERE last_line IS NOT NULL;
