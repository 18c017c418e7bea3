-- The graph, the watcher and the cascade. host is '' for this registry, otherwise a foreign one's host or host:port.

-- What a policy says about patches of images without a task, as JSON; null if it says nothing.
alter table repository_policy add column patch text collate "C";

-- What stands on what ------------------------------------------------------------------------------

-- One platform's image: pushed here, or named by a watched reference. chain is the ChainID of all its layers.
-- base_name, base_digest: what its annotations claim. history: how each layer was made, JSON.
-- problem: why no base can be found for it.
create table image (
    host text collate "C" not null,
    repository text collate "C" not null,
    digest bytea not null,
    platform text collate "C" not null,
    config bytea not null,
    chain bytea,
    layers bigint not null,
    base_name text collate "C",
    base_digest bytea,
    history text collate "C" not null,
    problem text collate "C",
    known_at bigint not null,
    primary key (host, repository, digest)
);
create index image_whole on image (chain, known_at);

-- The platforms of what a tag or digest names; a manifest is its own one.
create table image_platform (
    host text collate "C" not null,
    repository text collate "C" not null,
    digest bytea not null,
    child bytea not null,
    primary key (host, repository, digest, child)
);
create index image_platform_child on image_platform (host, repository, child);

-- The ChainID of the lowest `position` layers.
create table image_chain (
    host text collate "C" not null,
    repository text collate "C" not null,
    digest bytea not null,
    position bigint not null,
    chain bytea not null,
    primary key (host, repository, digest, position),
    foreign key (host, repository, digest) references image (host, repository, digest) on delete cascade
);
create index image_chain_prefix on image_chain (chain, position);

-- What an image was found to stand on. base_digest is the base's manifest of that platform; base_tag is '' if only the layers tell.
create table image_edge (
    host text collate "C" not null,
    repository text collate "C" not null,
    digest bytea not null,
    kind text collate "C" not null,
    base_host text collate "C" not null,
    base_repository text collate "C" not null,
    base_tag text collate "C" not null,
    base_digest bytea not null,
    base_layers bigint not null,
    found_by text collate "C" not null,
    record_id text collate "C" not null,
    primary key (host, repository, digest, kind)
);
create index image_edge_base on image_edge (base_digest);

-- The line that a task makes, the tags that its patch moves, and the kinds of edges whose move makes it run.
create table task_line (
    project_id text collate "C" not null references project (id) on delete cascade,
    task text collate "C" not null,
    host text collate "C" not null,
    repository text collate "C" not null,
    rule text collate "C" not null,
    stable text collate "C" not null,
    triggers text collate "C" not null,
    primary key (project_id, task)
);
create index task_line_repository on task_line (host, repository);

-- What its Dockerfile names. base_digest: what that was when its image was built; null if nobody knows.
create table task_edge (
    project_id text collate "C" not null,
    task text collate "C" not null,
    number bigint not null,
    kind text collate "C" not null,
    base_host text collate "C" not null,
    base_repository text collate "C" not null,
    base_tag text collate "C" not null,
    base_digest bytea,
    written text collate "C" not null,
    platform text collate "C",
    primary key (project_id, task, number),
    foreign key (project_id, task) references task_line (project_id, task) on delete cascade
);
create index task_edge_base on task_edge (base_host, base_repository, base_tag);

-- Watching -----------------------------------------------------------------------------------------

-- A reference that may move. digest is null if it is definitely absent. generation grows when another image is named,
-- not when the same one is wrapped anew.
create table base (
    host text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    digest bytea,
    generation bigint not null,
    moves bigint not null,
    answered_at bigint not null,
    primary key (host, repository, tag)
);

-- Every digest it ever named, by its last generation.
create table base_digest (
    host text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    digest bytea not null,
    generation bigint not null,
    first_at bigint not null,
    primary key (host, repository, tag, digest),
    foreign key (host, repository, tag) references base (host, repository, tag) on delete cascade
);
create index base_digest_digest on base_digest (digest);

-- A move that is to be planned: state is 'due', then 'planned', 'nothing' or 'inside' a cascade.
create table base_move (
    record_id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    host text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    from_digest bytea not null,
    to_digest bytea not null,
    state text collate "C" not null,
    at bigint not null
);
create index base_move_due on base_move (state, at);

create table upstream (
    project_id text collate "C" not null references project (id),
    name text collate "C" not null,
    host text collate "C" not null,
    credential text collate "C",
    watch text collate "C" not null,
    every_seconds bigint not null,
    due_at bigint not null,
    verified_until bigint,
    swept_at bigint,
    receipt text collate "C",
    primary key (project_id, name)
);
create index upstream_due on upstream (due_at);

-- What has to answer: what is watched by name, and what its patterns named at the last sweep. error: why it did not.
create table upstream_base (
    project_id text collate "C" not null,
    name text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    error text collate "C",
    primary key (project_id, name, repository, tag),
    foreign key (project_id, name) references upstream (project_id, name) on delete cascade
);

-- Patching -----------------------------------------------------------------------------------------

-- A frozen plan; content is its JSON, digest the SHA-256 of it.
create table patch_plan (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    digest bytea not null,
    content text collate "C" not null,
    host text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    from_digest bytea not null,
    to_digest bytea not null,
    record_id text collate "C" not null,
    created_at bigint not null
);

create table patch_cascade (
    id text collate "C" primary key,
    project_id text collate "C" not null references project (id),
    plan_id text collate "C" not null references patch_plan (id),
    state text collate "C" not null,
    superseded_by text collate "C",
    host text collate "C" not null,
    repository text collate "C" not null,
    tag text collate "C" not null,
    from_digest bytea not null,
    to_digest bytea not null,
    actor text collate "C" not null,
    record_id text collate "C" not null,
    created_at bigint not null,
    ended_at bigint
);
create index patch_cascade_base on patch_cascade (host, repository, tag, state);
create index patch_cascade_age on patch_cascade (project_id, created_at, id);

-- An image of a cascade. detail: what its plan froze for it, JSON. outcome: the verdict, packages and proof as they come to be known, JSON.
-- record_id: the newest record about it, which the next one names as its cause.
create table patch_node (
    cascade_id text collate "C" not null references patch_cascade (id) on delete cascade,
    number bigint not null,
    host text collate "C" not null,
    repository text collate "C" not null,
    rule text collate "C" not null,
    image bytea not null,
    state text collate "C" not null,
    reason text collate "C",
    method text collate "C",
    run_id text collate "C",
    result bytea,
    patch_tag text collate "C" not null,
    detail text collate "C" not null,
    outcome text collate "C",
    record_id text collate "C",
    updated_at bigint not null,
    primary key (cascade_id, number)
);
create index patch_node_run on patch_node (run_id);
create index patch_node_line on patch_node (host, repository, rule, state);

-- Patches that were made: the key is the hash of line, inputs, recipe and occasion, so each is made once.
create table patch (
    key bytea primary key,
    host text collate "C" not null,
    repository text collate "C" not null,
    rule text collate "C" not null,
    from_digest bytea not null,
    to_digest bytea not null,
    tag text collate "C" not null,
    cascade_id text collate "C" not null,
    record_id text collate "C" not null,
    at bigint not null
);
create index patch_result on patch (host, repository, to_digest);

-- Numbers of patched tags that are given away.
create table patch_tag (
    host text collate "C" not null,
    repository text collate "C" not null,
    original text collate "C" not null,
    number bigint not null,
    primary key (host, repository, original, number)
);
