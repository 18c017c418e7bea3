-- Tasks and their runs. host is '' for this registry, otherwise a foreign one's host or host:port.

-- What a task builds, and what its Dockerfile stands on as of a commit: edges is JSON, problem why it is not known.
create table task (
    project_id text collate "C" not null references project (id),
    name text collate "C" not null,
    host text collate "C" not null,
    repository text collate "C" not null,
    commit_id text collate "C",
    edges text collate "C" not null,
    problem text collate "C",
    derived_at bigint,
    primary key (project_id, name)
);
create index task_repository on task (host, repository);

-- A run. once: the occasion, so that asking twice makes one; spec: the task's document when it was asked for.
-- bases: JSON, [name, digest] each; cancel: why somebody wants it ended;
-- turns: how often it was looked at; log_bytes: how much of the builder's log has been read; record_id: its newest record;
-- settled: whether everything that follows its end is done.
create table run (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    task text collate "C" not null,
    host text collate "C" not null,
    repository text collate "C" not null,
    once text collate "C" unique,
    spec text collate "C" not null,
    cause text collate "C" not null,
    actor text collate "C" not null,
    commit_id text collate "C",
    bases text collate "C" not null,
    state text collate "C" not null,
    step text collate "C",
    digest bytea,
    tag text collate "C",
    error text collate "C",
    builder text collate "C",
    cancel text collate "C",
    cascade text collate "C",
    turns bigint not null,
    log_bytes bigint not null,
    record_id text collate "C" not null,
    settled bigint not null,
    requested_at bigint not null,
    started_at bigint,
    finished_at bigint
);
create index run_state on run (state, id);
create index run_task on run (project_id, task, id);

-- What its builder said, in parts by the position of their first byte.
create table run_log (
    run_id text collate "C" not null references run (id) on delete cascade,
    position bigint not null,
    bytes bytea not null,
    primary key (run_id, position)
);
