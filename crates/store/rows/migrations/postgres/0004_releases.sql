-- Releases: changes of charts, and each of them on its way into each environment.

-- A change is made once for equal inputs that follow each other. base: the chart it began with, a digest or commit. version: what its chart is called. images: what moved, JSON.
create table release_change (
    id text collate "C" primary key,
    project_id text collate "C" not null,
    release text collate "C" not null,
    number bigint not null,
    inputs bytea not null,
    base text collate "C" not null,
    state text collate "C" not null check (state in ('making', 'made', 'failed')),
    version text collate "C" not null,
    images text collate "C" not null,
    causes text collate "C" not null,
    cascade text collate "C",
    chart text collate "C" not null,
    chart_digest bytea,
    commit_hash text collate "C",
    error text collate "C",
    record_id text collate "C",
    created_at bigint not null,
    unique (project_id, release, number)
);

-- rendered: what is deployed, JSON. images: the digests that run. started_record, ended_record: in the log.
create table release_deployment (
    id text collate "C" primary key,
    change_id text collate "C" not null references release_change (id),
    project_id text collate "C" not null,
    release text collate "C" not null,
    environment text collate "C" not null,
    position bigint not null,
    state text collate "C" not null check (state in ('waiting', 'started', 'deployed', 'failed', 'stopped', 'superseded')),
    rendered text collate "C" not null,
    manifest_digest bytea not null,
    images text collate "C" not null,
    revision bigint,
    error text collate "C",
    started_record text collate "C",
    ended_record text collate "C",
    started_at bigint,
    ended_at bigint,
    unique (change_id, environment)
);
create index release_deployment_release on release_deployment (project_id, release, environment);
