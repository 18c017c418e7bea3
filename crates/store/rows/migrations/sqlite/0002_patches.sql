-- The graph, the watcher and the cascade. host is '' for this registry, otherwise a foreign one's host or host:port.

-- What a policy says about patches of images without a task, as JSON; null if it says nothing.
alter table repository_policy add column patch text;

-- What stands on what ------------------------------------------------------------------------------

-- One platform's image: pushed here, or named by a watched reference. chain is the ChainID of all its layers.
-- base_name, base_digest: what its annotations claim. history: how each layer was made, JSON.
-- problem: why no base can be found for it.
create table image (
    host text not null,
    repository text not null,
    digest blob not null,
    platform text not null,
    config blob not null,
    chain blob,
    layers integer not null,
    base_name text,
    base_digest blob,
    history text not null,
    problem text,
    known_at integer not null,
    primary key (host, repository, digest)
) strict, without rowid;
create index image_whole on image (chain, known_at);

-- The platforms of what a tag or digest names; a manifest is its own one.
create table image_platform (
    host text not null,
    repository text not null,
    digest blob not null,
    child blob not null,
    primary key (host, repository, digest, child)
) strict, without rowid;
create index image_platform_child on image_platform (host, repository, child);

-- The ChainID of the lowest `position` layers.
create table image_chain (
    host text not null,
    repository text not null,
    digest blob not null,
    position integer not null,
    chain blob not null,
    primary key (host, repository, digest, position),
    foreign key (host, repository, digest) references image (host, repository, digest) on delete cascade
) strict, without rowid;
create index image_chain_prefix on image_chain (chain, position);

-- What an image was found to stand on. base_digest is the base's manifest of that platform; base_tag is '' if only the layers tell.
create table image_edge (
    host text not null,
    repository text not null,
    digest blob not null,
    kind text not null,
    base_host text not null,
    base_repository text not null,
    base_tag text not null,
    base_digest blob not null,
    base_layers integer not null,
    found_by text not null,
    record_id text not null,
    primary key (host, repository, digest, kind)
) strict, without rowid;
create index image_edge_base on image_edge (base_digest);

-- The line that a task makes, the tags that its patch moves, and the kinds of edges whose move makes it run.
create table task_line (
    project_id text not null references project (id) on delete cascade,
    task text not null,
    host text not null,
    repository text not null,
    rule text not null,
    stable text not null,
    triggers text not null,
    primary key (project_id, task)
) strict, without rowid;
create index task_line_repository on task_line (host, repository);

-- What its Dockerfile names. base_digest: what that was when its image was built; null if nobody knows.
create table task_edge (
    project_id text not null,
    task text not null,
    number integer not null,
    kind text not null,
    base_host text not null,
    base_repository text not null,
    base_tag text not null,
    base_digest blob,
    written text not null,
    platform text,
    primary key (project_id, task, number),
    foreign key (project_id, task) references task_line (project_id, task) on delete cascade
) strict, without rowid;
create index task_edge_base on task_edge (base_host, base_repository, base_tag);

-- Watching -----------------------------------------------------------------------------------------

-- A reference that may move. digest is null if it is definitely absent. generation grows when another image is named,
-- not when the same one is wrapped anew.
create table base (
    host text not null,
    repository text not null,
    tag text not null,
    digest blob,
    generation integer not null,
    moves integer not null,
    answered_at integer not null,
    primary key (host, repository, tag)
) strict, without rowid;

-- Every digest it ever named, by its last generation.
create table base_digest (
    host text not null,
    repository text not null,
    tag text not null,
    digest blob not null,
    generation integer not null,
    first_at integer not null,
    primary key (host, repository, tag, digest),
    foreign key (host, repository, tag) references base (host, repository, tag) on delete cascade
) strict, without rowid;
create index base_digest_digest on base_digest (digest);

-- A move that is to be planned: state is 'due', then 'planned', 'nothing' or 'inside' a cascade.
create table base_move (
    record_id text primary key,
    project_id text not null references project (id),
    host text not null,
    repository text not null,
    tag text not null,
    from_digest blob not null,
    to_digest blob not null,
    state text not null,
    at integer not null
) strict, without rowid;
create index base_move_due on base_move (state, at);

create table upstream (
    project_id text not null references project (id),
    name text not null,
    host text not null,
    credential text,
    watch text not null,
    every_seconds integer not null,
    due_at integer not null,
    verified_until integer,
    swept_at integer,
    receipt text,
    primary key (project_id, name)
) strict, without rowid;
create index upstream_due on upstream (due_at);

-- What has to answer: what is watched by name, and what its patterns named at the last sweep. error: why it did not.
create table upstream_base (
    project_id text not null,
    name text not null,
    repository text not null,
    tag text not null,
    error text,
    primary key (project_id, name, repository, tag),
    foreign key (project_id, name) references upstream (project_id, name) on delete cascade
) strict, without rowid;

-- Patching -----------------------------------------------------------------------------------------

-- A frozen plan; content is its JSON, digest the SHA-256 of it.
create table patch_plan (
    id text primary key,
    project_id text not null references project (id),
    digest blob not null,
    content text not null,
    host text not null,
    repository text not null,
    tag text not null,
    from_digest blob not null,
    to_digest blob not null,
    record_id text not null,
    created_at integer not null
) strict, without rowid;

create table patch_cascade (
    id text primary key,
    project_id text not null references project (id),
    plan_id text not null references patch_plan (id),
    state text not null,
    superseded_by text,
    host text not null,
    repository text not null,
    tag text not null,
    from_digest blob not null,
    to_digest blob not null,
    actor text not null,
    record_id text not null,
    created_at integer not null,
    ended_at integer
) strict, without rowid;
create index patch_cascade_base on patch_cascade (host, repository, tag, state);
create index patch_cascade_age on patch_cascade (project_id, created_at, id);

-- An image of a cascade. detail: what its plan froze for it, JSON. outcome: the verdict, packages and proof as they come to be known, JSON.
-- record_id: the newest record about it, which the next one names as its cause.
create table patch_node (
    cascade_id text not null references patch_cascade (id) on delete cascade,
    number integer not null,
    host text not null,
    repository text not null,
    rule text not null,
    image blob not null,
    state text not null,
    reason text,
    method text,
    run_id text,
    result blob,
    patch_tag text not null,
    detail text not null,
    outcome text,
    record_id text,
    updated_at integer not null,
    primary key (cascade_id, number)
) strict, without rowid;
create index patch_node_run on patch_node (run_id);
create index patch_node_line on patch_node (host, repository, rule, state);

-- Patches that were made: the key is the hash of line, inputs, recipe and occasion, so each is made once.
create table patch (
    key blob primary key,
    host text not null,
    repository text not null,
    rule text not null,
    from_digest blob not null,
    to_digest blob not null,
    tag text not null,
    cascade_id text not null,
    record_id text not null,
    at integer not null
) strict, without rowid;
create index patch_result on patch (host, repository, to_digest);

-- Numbers of patched tags that are given away.
create table patch_tag (
    host text not null,
    repository text not null,
    original text not null,
    number integer not null,
    primary key (host, repository, original, number)
) strict, without rowid;
