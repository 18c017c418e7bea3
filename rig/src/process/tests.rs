use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::Running;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Result<(tempfile::TempDir, Running)> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    let running = Running::start("shell", &mut command, &folder.path().join("log"))?;
    Ok((folder, running))
}

fn says(running: &Running, text: &str) -> Result<()> {
    running.wait_until(text, SOON, || {
        Ok(running.log_tail().contains(text).then_some(()))
    })
}

/// 'R' running, 'S' sleeping, 'T' stopped, none if there is no such process.
fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

#[test]
fn the_end_of_the_log_stands_in_the_error() -> Result<()> {
    let (_folder, running) = shell("echo out of cheese; exit 4")?;
    let error = running.wait_until("a prompt", SOON, || Ok(None::<()>));
    let message = error.err().map(|e| format!("{e:#}")).unwrap_or_default();
    assert!(message.contains("out of cheese"), "{message}");
    assert!(
        message.contains("ended while we waited for a prompt"),
        "{message}"
    );
    Ok(())
}

#[test]
fn dropping_the_guard_kills_the_whole_group() -> Result<()> {
    let (_folder, running) = shell("sleep 1000 & echo child $!; wait")?;
    says(&running, "child")?;
    let log = running.log_tail();
    let child: u32 = log.rsplit_once(' ').map_or(Ok(0), |(_, pid)| pid.parse())?;
    assert!(state(child).is_some());
    drop(running);
    // The orphan is reaped by whoever adopts it, a moment after it died.
    crate::wait::until("the child's end", SOON, || {
        Ok(matches!(state(child), None | Some('Z' | 'X')).then_some(()))
    })
}

#[test]
fn a_frozen_process_hangs_and_goes_on() -> Result<()> {
    let (_folder, running) = shell("echo up; exec sleep 1000")?;
    says(&running, "up")?;
    running.freeze()?;
    let reached = |wanted: char| {
        crate::wait::until("its state", SOON, || {
            Ok((state(running.pid()) == Some(wanted)).then_some(()))
        })
    };
    reached('T')?;
    assert!(running.is_running());
    running.thaw()?;
    reached('S')
}

#[test]
fn terminate_is_orderly_or_says_that_it_was_not() -> Result<()> {
    let (_folder, mut polite) =
        shell("trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done")?;
    says(&polite, "up")?;
    assert_eq!(polite.terminate(SOON)?.code(), Some(0));
    assert!(polite.log_tail().ends_with("bye"));

    let (_folder, mut stubborn) = shell("trap '' TERM; echo up; while :; do sleep 0.01; done")?;
    says(&stubborn, "up")?;
    assert!(stubborn.terminate(Duration::from_millis(100)).is_err());
    assert!(
        stubborn.kill().is_err(),
        "a stopped process is not signalled again"
    );
    Ok(())
}
