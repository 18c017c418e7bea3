//! Tasks: builds of recorded commits by a runner, their logs and tests.
