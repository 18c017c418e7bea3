-- The first bytes of an upload, as long as they are few: all that was received, and nothing lies under its key.
alter table upload add column held blob;
