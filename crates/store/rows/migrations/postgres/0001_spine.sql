-- The spine: projects, accounts, repositories and what they hold, the log, jobs.
-- Digests are bytes (one for the algorithm, then the hash), instants microseconds since 1970, flags 0 or 1.
-- A reference restricts deletion unless it says otherwise: liveness is the existence of rows, never a flag.

-- What this data folder is: format, region, feature level.
create table meta (
    key text collate "C" primary key,
    value text collate "C" not null
);

-- Counts the changes of rules, members, policies and prefixes: whoever makes a repository holds it in share mode,
-- so that no rule that is committed at the same time is missed.
insert into meta (key, value) values ('access_generation', '1');

-- The log -----------------------------------------------------------------------------------------

create table stream (
    name text collate "C" primary key,
    version bigint not null
);

-- sequence, previous and hash are null until the record is numbered (at once on SQLite).
create table record (
    id text collate "C" primary key,
    sequence bigint unique,
    project_id text collate "C" not null,
    stream text collate "C" not null,
    stream_version bigint not null,
    at bigint not null,
    actor text collate "C" not null,
    causes text collate "C" not null,
    cascade text collate "C",
    origin text collate "C",
    type text collate "C" not null,
    repository text collate "C",
    body bytea,
    body_hash bytea not null,
    personal_hash bytea not null,
    previous bytea,
    hash bytea,
    unique (stream, stream_version)
);
create index record_unnumbered on record (at, id) where sequence is null;
create index record_type on record (type, sequence);

create table personal (
    record_id text collate "C" primary key references record (id) on delete cascade,
    salt bytea not null,
    data text collate "C" not null
);

create table segment (
    number bigint primary key,
    first_sequence bigint not null,
    last_sequence bigint not null,
    last_hash bytea not null,
    closed_at bigint not null,
    signature bytea not null,
    bodies_expired bigint not null default 0,
    dropped bigint not null default 0
);

-- Tenants and access ------------------------------------------------------------------------------

create table project (
    id text collate "C" primary key,
    name text collate "C" not null unique,
    created_at bigint not null
);

-- Owns what no prefix claims; administrators alone administer it, so its rules and policies reach every repository.
insert into project (id, name, created_at) values ('prj_00000000000000000000000000', 'default', 0);

create table project_prefix (
    prefix text collate "C" primary key,
    project_id text collate "C" not null references project (id) on delete cascade
);
create index project_prefix_project on project_prefix (project_id);

-- subject: the name of an account, which may come later, or 'anonymous'.
create table project_member (
    project_id text collate "C" not null references project (id) on delete cascade,
    subject text collate "C" not null,
    actions bigint not null,
    primary key (project_id, subject)
);
create index project_member_subject on project_member (subject);

create table principal (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    kind text collate "C" not null,
    name text collate "C" not null unique,
    password_hash text collate "C",
    administrator bigint not null default 0,
    expires_at bigint,
    created_at bigint not null
);

-- Long-lived tokens: of robots, personal ones, and refresh tokens. Only their hashes are kept.
create table token (
    id text collate "C" primary key,
    principal_id text collate "C" not null references principal (id) on delete cascade,
    purpose text collate "C" not null,
    hash bytea not null unique,
    label text collate "C" not null,
    scopes text collate "C",
    expires_at bigint,
    created_at bigint not null
);
create index token_principal on token (principal_id);

-- subject: a principal's id, or 'anonymous'. source: 'person' (granted by somebody) or 'member' (of the project's document).
create table grant_rule (
    subject text collate "C" not null,
    pattern text collate "C" not null,
    source text collate "C" not null,
    project_id text collate "C" not null references project (id) on delete cascade,
    actions bigint not null,
    primary key (subject, pattern, source, project_id)
);
create index grant_rule_project on grant_rule (project_id);

-- The policies of repositories, read out of their documents. immutable_tags: JSON list of rules, null if it says nothing;
-- anonymous_pull: 0, 1, or null if it says nothing.
create table repository_policy (
    project_id text collate "C" not null references project (id),
    name text collate "C" not null,
    pattern text collate "C" not null,
    immutable_tags text collate "C",
    anonymous_pull bigint,
    primary key (project_id, name)
);

create table document (
    project_id text collate "C" not null references project (id),
    kind text collate "C" not null,
    name text collate "C" not null,
    content text collate "C" not null,
    version bigint not null,
    updated_at bigint not null,
    primary key (project_id, kind, name)
);

-- Envelope encryption: each secret under a key of its own, that key under the master key, which is not in the database.
create table secret (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    purpose text collate "C" not null,
    wrapped_key bytea not null,
    ciphertext bytea not null,
    created_at bigint not null
);
-- The server's own keys: one of each purpose, whoever starts first.
create unique index secret_of_server on secret (purpose) where substr(purpose, 1, 7) = 'server.';
create index secret_project on secret (project_id);

create table credential (
    project_id text collate "C" not null references project (id),
    name text collate "C" not null,
    target text collate "C",
    username text collate "C",
    secret_id text collate "C" not null references secret (id),
    primary key (project_id, name)
);

create table idempotency (
    actor text collate "C" not null,
    key text collate "C" not null,
    request_hash bytea not null,
    status bigint not null,
    body bytea not null,
    created_at bigint not null,
    primary key (actor, key)
);
create index idempotency_age on idempotency (created_at);

-- What a registry holds ---------------------------------------------------------------------------

-- immutable_tags: JSON list of the lists of rules of the policies that match.
create table repository (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    name text collate "C" not null unique,
    immutable_tags text collate "C" not null default '[]',
    quarantine text collate "C" not null default 'off',
    created_at bigint not null
);
create index repository_project on repository (project_id, name);

-- The rules written out per repository, with its name, so that lists page in SQL.
create table grant_repository (
    subject text collate "C" not null,
    repository_id text collate "C" not null references repository (id) on delete cascade,
    name text collate "C" not null,
    actions bigint not null,
    primary key (subject, repository_id)
);
create index grant_by_name on grant_repository (subject, name, actions);
create index grant_of_repository on grant_repository (repository_id);

-- Bytes lie in the row, or in one file under a storage key that is never reused.
-- checksums: XXH3-64 per MiB, little endian, in order.
create table blob (
    digest bytea primary key,
    size bigint not null,
    bytes bytea,
    storage_key text collate "C" unique,
    checksums bytea not null,
    created_at bigint not null,
    verified_at bigint not null,
    damage text collate "C",
    check ((bytes is null) <> (storage_key is null))
);
create index blob_verified on blob (verified_at);

create table repository_blob (
    repository_id text collate "C" not null references repository (id),
    digest bytea not null references blob (digest),
    uploaded_by text collate "C" not null,
    created_at bigint not null,
    primary key (repository_id, digest)
);
create index repository_blob_digest on repository_blob (digest);

-- The quarantine state of a digest in a repository; it outlives the manifest.
create table image_state (
    repository_id text collate "C" not null references repository (id),
    digest bytea not null,
    quarantine text collate "C" not null,
    changed_at bigint not null,
    primary key (repository_id, digest)
);

create table manifest (
    repository_id text collate "C" not null references repository (id),
    digest bytea not null,
    media_type text collate "C" not null,
    artifact_type text collate "C",
    subject bytea,
    annotations text collate "C",
    bytes bytea not null,
    size bigint not null,
    pushed_at bigint not null,
    primary key (repository_id, digest),
    foreign key (repository_id, digest) references image_state (repository_id, digest)
);
create index manifest_subject on manifest (repository_id, subject, digest) where subject is not null;

create table manifest_blob (
    repository_id text collate "C" not null,
    manifest bytea not null,
    blob bytea not null,
    primary key (repository_id, manifest, blob),
    foreign key (repository_id, manifest) references manifest (repository_id, digest) on delete cascade,
    foreign key (repository_id, blob) references repository_blob (repository_id, digest)
);
create index manifest_blob_blob on manifest_blob (repository_id, blob);

create table manifest_child (
    repository_id text collate "C" not null,
    parent bytea not null,
    child bytea not null,
    primary key (repository_id, parent, child),
    foreign key (repository_id, parent) references manifest (repository_id, digest) on delete cascade,
    foreign key (repository_id, child) references manifest (repository_id, digest)
);
create index manifest_child_child on manifest_child (repository_id, child);

create table tag (
    repository_id text collate "C" not null references repository (id),
    name text collate "C" not null,
    digest bytea not null,
    updated_at bigint not null,
    primary key (repository_id, name),
    foreign key (repository_id, digest) references manifest (repository_id, digest)
);
create index tag_digest on tag (repository_id, digest);
create index tag_newest on tag (repository_id, updated_at, name);

-- Every position a tag ever had; digest is null where it was deleted.
create table tag_history (
    repository_id text collate "C" not null references repository (id),
    name text collate "C" not null,
    version bigint not null,
    digest bytea,
    at bigint not null,
    actor text collate "C" not null,
    record_id text collate "C" not null,
    primary key (repository_id, name, version)
);

-- source: 'default' (the newest pushed tag, while nobody declares another line of the repository) or 'declared'.
create table line (
    repository_id text collate "C" not null references repository (id),
    rule text collate "C" not null,
    source text collate "C" not null,
    project_id text collate "C" not null references project (id),
    tag text collate "C",
    digest bytea,
    updated_at bigint not null,
    primary key (repository_id, rule)
);

create table upload (
    id text collate "C" primary key,
    repository_id text collate "C" not null references repository (id),
    actor text collate "C" not null,
    storage_key text collate "C" not null unique,
    algorithm text collate "C" not null,
    received bigint not null,
    created_at bigint not null,
    expires_at bigint not null,
    lease_owner text collate "C",
    lease_until bigint
);
create index upload_expiry on upload (expires_at);

-- Keys whose bytes may go: no row names them and none ever will.
create table dead (
    storage_key text collate "C" primary key,
    not_before bigint not null
);
create index dead_due on dead (not_before);

-- What the garbage collector looks at once it is old enough: kind 'member' (a blob that no manifest of its repository uses),
-- 'blob' (bytes that no repository has; repository_id is empty), 'referrer' (a manifest whose subject is absent).
create table review (
    kind text collate "C" not null,
    repository_id text collate "C" not null,
    digest bytea not null,
    since bigint not null,
    primary key (kind, repository_id, digest)
);
create index review_age on review (kind, since);

-- Work --------------------------------------------------------------------------------------------

create table job (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    kind text collate "C" not null,
    consumer text collate "C" not null,
    cause text collate "C" not null,
    command text collate "C" not null,
    subject text collate "C" not null,
    state text collate "C" not null,
    priority bigint not null,
    run_at bigint not null,
    attempts bigint not null,
    attempts_max bigint not null,
    lease_owner text collate "C",
    lease_until bigint,
    fence bigint not null,
    last_error text collate "C",
    created_at bigint not null,
    finished_at bigint,
    unique (consumer, cause, command, subject)
);
create index job_due on job (state, priority, run_at);

create table cursor (
    consumer text collate "C" primary key,
    sequence bigint not null,
    updated_at bigint not null
);
