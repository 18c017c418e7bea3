-- Each kind of job has its own queue: what to take next, and when the next one is due, is found without looking at the
-- jobs of others or at those that wait behind it.
drop index job_due;
create index job_next on job (state, kind, priority, run_at, id);
create index job_due on job (state, kind, run_at);
