-- Runs that test an image and build nothing.

-- The image that is tested, where it lies; null: the run builds one. spec is then {"tests": .., "timeout_seconds": ..}, and task is '' for
-- an image without one.
alter table run add column candidate bytea;
