-- Releases: changes of charts, and each of them on its way into each environment.

-- A change is made once for equal inputs that follow each other. base: the chart it began with, a digest or commit. version: what its chart is called. images: what moved, JSON.
create table release_change (
    id text primary key,
    project_id text not null,
    release text not null,
    number integer not null,
    inputs blob not null,
    base text not null,
    state text not null check (state in ('making', 'made', 'failed')),
    version text not null,
    images text not null,
    causes text not null,
    cascade text,
    chart text not null,
    chart_digest blob,
    commit_hash text,
    error text,
    record_id text,
    created_at integer not null,
    unique (project_id, release, number)
) strict;

-- rendered: what is deployed, JSON. images: the digests that run. started_record, ended_record: in the log.
create table release_deployment (
    id text primary key,
    change_id text not null references release_change (id),
    project_id text not null,
    release text not null,
    environment text not null,
    position integer not null,
    state text not null check (state in ('waiting', 'started', 'deployed', 'failed', 'stopped', 'superseded')),
    rendered text not null,
    manifest_digest blob not null,
    images text not null,
    revision integer,
    error text,
    started_record text,
    ended_record text,
    started_at integer,
    ended_at integer,
    unique (change_id, environment)
) strict;
create index release_deployment_release on release_deployment (project_id, release, environment);
