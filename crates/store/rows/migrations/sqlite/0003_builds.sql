-- Tasks and their runs. host is '' for this registry, otherwise a foreign one's host or host:port.

-- What a task builds, and what its Dockerfile stands on as of a commit: edges is JSON, problem why it is not known.
create table task (
    project_id text not null references project (id),
    name text not null,
    host text not null,
    repository text not null,
    commit_id text,
    edges text not null,
    problem text,
    derived_at integer,
    primary key (project_id, name)
) strict, without rowid;
create index task_repository on task (host, repository);

-- A run. once: the occasion, so that asking twice makes one; spec: the task's document when it was asked for.
-- bases: JSON, [name, digest] each; cancel: why somebody wants it ended;
-- turns: how often it was looked at; log_bytes: how much of the builder's log has been read; record_id: its newest record;
-- settled: whether everything that follows its end is done.
create table run (
    id text primary key,
    project_id text not null references project (id),
    task text not null,
    host text not null,
    repository text not null,
    once text unique,
    spec text not null,
    cause text not null,
    actor text not null,
    commit_id text,
    bases text not null,
    state text not null,
    step text,
    digest blob,
    tag text,
    error text,
    builder text,
    cancel text,
    cascade text,
    turns integer not null,
    log_bytes integer not null,
    record_id text not null,
    settled integer not null,
    requested_at integer not null,
    started_at integer,
    finished_at integer
) strict, without rowid;
create index run_state on run (state, id);
create index run_task on run (project_id, task, id);

-- What its builder said, in parts by the position of their first byte.
create table run_log (
    run_id text not null references run (id) on delete cascade,
    position integer not null,
    bytes blob not null,
    primary key (run_id, position)
) strict, without rowid;
