-- The log read along its causes. Both tables are made from records, and go with them.

-- A cause, and what it led to.
create table record_cause (
    cause text not null,
    record_id text not null references record (id) on delete cascade,
    primary key (cause, record_id)
) strict, without rowid;
create index record_cause_record on record_cause (record_id);

-- A digest, and the records by which it came to be or came somewhere.
create table record_digest (
    digest blob not null,
    record_id text not null references record (id) on delete cascade,
    primary key (digest, record_id)
) strict, without rowid;
create index record_digest_record on record_digest (record_id);
