//! Waiting on a level: the one way in which the rig waits.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks. Short enough that nobody notices it, long enough to leave the
/// processor to whom we wait for.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Looks again and again until `check` answers `Some`, an error, or `deadline` has passed.
///
/// `what` completes the sentence "waited for ..". An error of `check` ends the wait: it is
/// for what can never become true any more.
pub fn until<T>(
    what: &str,
    deadline: Duration,
    mut check: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = check()? {
            return Ok(answer);
        }
        if started.elapsed() > deadline {
            bail!("waited {} s for {what}, in vain", deadline.as_secs_f32());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_it_waited_for() {
        let error = until("the moon", Duration::from_millis(20), || Ok(None::<()>));
        let message = error.err().map(|error| error.to_string());
        assert!(message.is_some_and(|message| message.contains("for the moon")));
    }

    #[test]
    fn answers_as_soon_as_the_level_is_there() {
        let mut looks = 0;
        let answer = until("three looks", Duration::from_mins(1), || {
            looks += 1;
            Ok((looks == 3).then_some("there"))
        });
        assert_eq!(answer.ok(), Some("there"));
    }
}
