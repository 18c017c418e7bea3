-- The spine: projects, accounts, repositories and what they hold, the log, jobs.
-- Digests are bytes (one for the algorithm, then the hash), instants microseconds since 1970, flags 0 or 1.
-- A reference restricts deletion unless it says otherwise: liveness is the existence of rows, never a flag.

-- What this data folder is: format, region, feature level.
create table meta (
    key text primary key,
    value text not null
) strict, without rowid;

-- Counts the changes of rules, members, policies and prefixes: whoever makes a repository holds it in share mode,
-- so that no rule that is committed at the same time is missed.
insert into meta (key, value) values ('access_generation', '1');

-- The log -----------------------------------------------------------------------------------------

create table stream (
    name text primary key,
    version integer not null
) strict, without rowid;

-- sequence, previous and hash are null until the record is numbered (at once on SQLite).
create table record (
    id text primary key,
    sequence integer unique,
    project_id text not null,
    stream text not null,
    stream_version integer not null,
    at integer not null,
    actor text not null,
    causes text not null,
    cascade text,
    origin text,
    type text not null,
    repository text,
    body blob,
    body_hash blob not null,
    personal_hash blob not null,
    previous blob,
    hash blob,
    unique (stream, stream_version)
) strict;
create index record_unnumbered on record (at, id) where sequence is null;
create index record_type on record (type, sequence);

create table personal (
    record_id text primary key references record (id) on delete cascade,
    salt blob not null,
    data text not null
) strict, without rowid;

create table segment (
    number integer primary key,
    first_sequence integer not null,
    last_sequence integer not null,
    last_hash blob not null,
    closed_at integer not null,
    signature blob not null,
    bodies_expired integer not null default 0,
    dropped integer not null default 0
) strict;

-- Tenants and access ------------------------------------------------------------------------------

create table project (
    id text primary key,
    name text not null unique,
    created_at integer not null
) strict, without rowid;

-- Owns what no prefix claims; administrators alone administer it, so its rules and policies reach every repository.
insert into project (id, name, created_at) values ('prj_00000000000000000000000000', 'default', 0);

create table project_prefix (
    prefix text primary key,
    project_id text not null references project (id) on delete cascade
) strict, without rowid;
create index project_prefix_project on project_prefix (project_id);

-- subject: the name of an account, which may come later, or 'anonymous'.
create table project_member (
    project_id text not null references project (id) on delete cascade,
    subject text not null,
    actions integer not null,
    primary key (project_id, subject)
) strict, without rowid;
create index project_member_subject on project_member (subject);

create table principal (
    id text primary key,
    project_id text not null references project (id),
    kind text not null,
    name text not null unique,
    password_hash text,
    administrator integer not null default 0,
    expires_at integer,
    created_at integer not null
) strict, without rowid;

-- Long-lived tokens: of robots, personal ones, and refresh tokens. Only their hashes are kept.
create table token (
    id text primary key,
    principal_id text not null references principal (id) on delete cascade,
    purpose text not null,
    hash blob not null unique,
    label text not null,
    scopes text,
    expires_at integer,
    created_at integer not null
) strict, without rowid;
create index token_principal on token (principal_id);

-- subject: a principal's id, or 'anonymous'. source: 'person' (granted by somebody) or 'member' (of the project's document).
create table grant_rule (
    subject text not null,
    pattern text not null,
    source text not null,
    project_id text not null references project (id) on delete cascade,
    actions integer not null,
    primary key (subject, pattern, source, project_id)
) strict, without rowid;
create index grant_rule_project on grant_rule (project_id);

-- The policies of repositories, read out of their documents. immutable_tags: JSON list of rules, null if it says nothing;
-- anonymous_pull: 0, 1, or null if it says nothing.
create table repository_policy (
    project_id text not null references project (id),
    name text not null,
    pattern text not null,
    immutable_tags text,
    anonymous_pull integer,
    primary key (project_id, name)
) strict, without rowid;

create table document (
    project_id text not null references project (id),
    kind text not null,
    name text not null,
    content text not null,
    version integer not null,
    updated_at integer not null,
    primary key (project_id, kind, name)
) strict, without rowid;

-- Envelope encryption: each secret under a key of its own, that key under the master key, which is not in the database.
create table secret (
    id text primary key,
    project_id text not null references project (id),
    purpose text not null,
    wrapped_key blob not null,
    ciphertext blob not null,
    created_at integer not null
) strict, without rowid;
-- The server's own keys: one of each purpose, whoever starts first.
create unique index secret_of_server on secret (purpose) where substr(purpose, 1, 7) = 'server.';
create index secret_project on secret (project_id);

create table credential (
    project_id text not null references project (id),
    name text not null,
    target text,
    username text,
    secret_id text not null references secret (id),
    primary key (project_id, name)
) strict, without rowid;

create table idempotency (
    actor text not null,
    key text not null,
    request_hash blob not null,
    status integer not null,
    body blob not null,
    created_at integer not null,
    primary key (actor, key)
) strict, without rowid;
create index idempotency_age on idempotency (created_at);

-- What a registry holds ---------------------------------------------------------------------------

-- immutable_tags: JSON list of the lists of rules of the policies that match.
create table repository (
    id text primary key,
    project_id text not null references project (id),
    name text not null unique,
    immutable_tags text not null default '[]',
    quarantine text not null default 'off',
    created_at integer not null
) strict, without rowid;
create index repository_project on repository (project_id, name);

-- The rules written out per repository, with its name, so that lists page in SQL.
create table grant_repository (
    subject text not null,
    repository_id text not null references repository (id) on delete cascade,
    name text not null,
    actions integer not null,
    primary key (subject, repository_id)
) strict, without rowid;
create index grant_by_name on grant_repository (subject, name, actions);
create index grant_of_repository on grant_repository (repository_id);

-- Bytes lie in the row, or in one file under a storage key that is never reused.
-- checksums: XXH3-64 per MiB, little endian, in order.
create table blob (
    digest blob primary key,
    size integer not null,
    bytes blob,
    storage_key text unique,
    checksums blob not null,
    created_at integer not null,
    verified_at integer not null,
    damage text,
    check ((bytes is null) <> (storage_key is null))
) strict, without rowid;
create index blob_verified on blob (verified_at);

create table repository_blob (
    repository_id text not null references repository (id),
    digest blob not null references blob (digest),
    uploaded_by text not null,
    created_at integer not null,
    primary key (repository_id, digest)
) strict, without rowid;
create index repository_blob_digest on repository_blob (digest);

-- The quarantine state of a digest in a repository; it outlives the manifest.
create table image_state (
    repository_id text not null references repository (id),
    digest blob not null,
    quarantine text not null,
    changed_at integer not null,
    primary key (repository_id, digest)
) strict, without rowid;

create table manifest (
    repository_id text not null references repository (id),
    digest blob not null,
    media_type text not null,
    artifact_type text,
    subject blob,
    annotations text,
    bytes blob not null,
    size integer not null,
    pushed_at integer not null,
    primary key (repository_id, digest),
    foreign key (repository_id, digest) references image_state (repository_id, digest)
) strict, without rowid;
create index manifest_subject on manifest (repository_id, subject, digest) where subject is not null;

create table manifest_blob (
    repository_id text not null,
    manifest blob not null,
    blob blob not null,
    primary key (repository_id, manifest, blob),
    foreign key (repository_id, manifest) references manifest (repository_id, digest) on delete cascade,
    foreign key (repository_id, blob) references repository_blob (repository_id, digest)
) strict, without rowid;
create index manifest_blob_blob on manifest_blob (repository_id, blob);

create table manifest_child (
    repository_id text not null,
    parent blob not null,
    child blob not null,
    primary key (repository_id, parent, child),
    foreign key (repository_id, parent) references manifest (repository_id, digest) on delete cascade,
    foreign key (repository_id, child) references manifest (repository_id, digest)
) strict, without rowid;
create index manifest_child_child on manifest_child (repository_id, child);

create table tag (
    repository_id text not null references repository (id),
    name text not null,
    digest blob not null,
    updated_at integer not null,
    primary key (repository_id, name),
    foreign key (repository_id, digest) references manifest (repository_id, digest)
) strict, without rowid;
create index tag_digest on tag (repository_id, digest);
create index tag_newest on tag (repository_id, updated_at, name);

-- Every position a tag ever had; digest is null where it was deleted.
create table tag_history (
    repository_id text not null references repository (id),
    name text not null,
    version integer not null,
    digest blob,
    at integer not null,
    actor text not null,
    record_id text not null,
    primary key (repository_id, name, version)
) strict, without rowid;

-- source: 'default' (the newest pushed tag, while nobody declares another line of the repository) or 'declared'.
create table line (
    repository_id text not null references repository (id),
    rule text not null,
    source text not null,
    project_id text not null references project (id),
    tag text,
    digest blob,
    updated_at integer not null,
    primary key (repository_id, rule)
) strict, without rowid;

create table upload (
    id text primary key,
    repository_id text not null references repository (id),
    actor text not null,
    storage_key text not null unique,
    algorithm text not null,
    received integer not null,
    created_at integer not null,
    expires_at integer not null,
    lease_owner text,
    lease_until integer
) strict, without rowid;
create index upload_expiry on upload (expires_at);

-- Keys whose bytes may go: no row names them and none ever will.
create table dead (
    storage_key text primary key,
    not_before integer not null
) strict, without rowid;
create index dead_due on dead (not_before);

-- What the garbage collector looks at once it is old enough: kind 'member' (a blob that no manifest of its repository uses),
-- 'blob' (bytes that no repository has; repository_id is empty), 'referrer' (a manifest whose subject is absent).
create table review (
    kind text not null,
    repository_id text not null,
    digest blob not null,
    since integer not null,
    primary key (kind, repository_id, digest)
) strict, without rowid;
create index review_age on review (kind, since);

-- Work --------------------------------------------------------------------------------------------

create table job (
    id text primary key,
    project_id text not null references project (id),
    kind text not null,
    consumer text not null,
    cause text not null,
    command text not null,
    subject text not null,
    state text not null,
    priority integer not null,
    run_at integer not null,
    attempts integer not null,
    attempts_max integer not null,
    lease_owner text,
    lease_until integer,
    fence integer not null,
    last_error text,
    created_at integer not null,
    finished_at integer,
    unique (consumer, cause, command, subject)
) strict, without rowid;
create index job_due on job (state, priority, run_at);

create table cursor (
    consumer text primary key,
    sequence integer not null,
    updated_at integer not null
) strict, without rowid;
