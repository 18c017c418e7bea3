//! The stage of the demo: a folder, a shell whose every line is shown before it runs, servers, and a clock.
//!
//! What is shown is what runs: each line goes to `sh -c` in the stage's folder as it stands on the screen.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it is ready.
const READY_MAX: Duration = Duration::from_secs(30);
/// How long a server may take until it has stopped.
const STOP_MAX: Duration = Duration::from_secs(25);
/// The most output of a failed line that the error repeats.
const TAIL_CHARS: usize = 2000;

/// The stage.
pub(super) struct Stage {
    folder: PathBuf,
    environment: BTreeMap<String, String>,
    servers: Vec<(String, Child)>,
    marks: Vec<(String, Duration)>,
    colours: bool,
}

impl Stage {
    /// A stage in this folder, which is there and empty; the program that runs now is `refloat` in its lines.
    pub(super) fn new(folder: PathBuf) -> Result<Self> {
        let program = std::env::current_exe().context("this program has no path")?;
        let programs = folder.join("bin");
        std::fs::create_dir_all(&programs)?;
        std::os::unix::fs::symlink(&program, programs.join("refloat"))
            .context("cannot link this program into the demo's folder")?;
        let path = std::env::var("PATH").unwrap_or_default();
        let environment =
            BTreeMap::from([("PATH".to_owned(), format!("{}:{path}", programs.display()))]);
        Ok(Self {
            folder,
            environment,
            servers: Vec::new(),
            marks: Vec::new(),
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A heading.
    pub(super) fn chapter(&self, text: &str) {
        print(&format!("\n{}\n", self.painted("1", &format!("== {text}"))));
    }

    /// A sentence for whoever reads along.
    #[expect(clippy::unused_self, reason = "all that is said is said on a stage")]
    pub(super) fn say(&self, text: &str) {
        print(&format!("{text}\n"));
    }

    /// Sets a variable of the shell, and shows it. `$PWD` in it is the stage's folder.
    pub(super) fn export(&mut self, name: &str, value: &str) {
        self.show(&format!("export {name}={value}"));
        let value = value.replace("$PWD", &self.folder.display().to_string());
        self.environment.insert(name.to_owned(), value);
    }

    /// Writes a file as a shell would, and shows it.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<()> {
        let file = self.folder.join(path);
        if let Some(above) = file.parent() {
            std::fs::create_dir_all(above)?;
        }
        self.show(&format!(
            "mkdir -p $(dirname {path}); cat > {path} <<'END'\n{text}END"
        ));
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
    }

    /// Runs a line, shows what it prints, and returns it.
    pub(super) fn run(&self, line: &str) -> Result<String> {
        self.show(line);
        let mut child = self
            .shell(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("`sh` does not start")?;
        let mut output = String::new();
        let mut stdout = child.stdout.take().context("the line has no output")?;
        let mut piece = [0; 4096];
        loop {
            let read = stdout.read(&mut piece)?;
            if read == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&piece[..read]);
            print(&text);
            output.push_str(&text);
        }
        let status = child.wait()?;
        if !status.success() {
            let from = output.chars().count().saturating_sub(TAIL_CHARS);
            let tail: String = output.chars().skip(from).collect();
            bail!("`{line}` ended with {status}\n{tail}");
        }
        Ok(output)
    }

    /// Runs a line that is not part of the story, and returns what it prints.
    pub(super) fn ask(&self, line: &str) -> Result<String> {
        let output = self.shell(line).stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            bail!("`{line}` ended with {}", output.status);
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// A line that goes on while the others run; its output is read by the caller.
    pub(super) fn follow(&self, line: &str) -> Result<Child> {
        self.show(line);
        self.shell(line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("`sh` does not start")
    }

    /// Starts a server in the background and waits until it is ready.
    pub(super) fn serve(&mut self, name: &str, port: u16, more: &str) -> Result<()> {
        self.show(&format!(
            "refloat serve --data {name} --listen 127.0.0.1:{port}{more} > {name}.log 2>&1 &"
        ));
        let log = File::create(self.folder.join(format!("{name}.log")))?;
        let mut command = Command::new(self.folder.join("bin/refloat"));
        command
            .args(["serve", "--data", name, "--listen"])
            .arg(format!("127.0.0.1:{port}"))
            .args(more.split_whitespace())
            .current_dir(&self.folder)
            .envs(&self.environment)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn().context("the server does not start")?;
        self.servers.push((name.to_owned(), child));
        self.wait_until_listening(name)
    }

    fn wait_until_listening(&mut self, name: &str) -> Result<()> {
        let log = self.folder.join(format!("{name}.log"));
        let started = Instant::now();
        loop {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(line) = text.lines().find(|line| line.starts_with("listening on ")) {
                self.say(line);
                return Ok(());
            }
            let ended = match self.servers.last_mut() {
                Some((_, child)) => child.try_wait()?,
                None => None,
            };
            if ended.is_some() || started.elapsed() > READY_MAX {
                bail!("the server `{name}` is not ready; it says:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Notes how long something took, for the table at the end.
    pub(super) fn mark(&mut self, what: &str, since: Instant) {
        self.marks.push((what.to_owned(), since.elapsed()));
    }

    /// The table of what took how long.
    pub(super) fn timings(&self) -> String {
        let widest = self.marks.iter().map(|(what, _)| what.chars().count());
        let width = widest.max().unwrap_or(0);
        let line = |(what, took): &(String, Duration)| {
            format!("  {what:width$}  {:>7.1} s\n", took.as_secs_f64())
        };
        self.marks.iter().map(line).collect()
    }

    /// Text in a colour, where the terminal has them.
    pub(super) fn painted(&self, code: &str, text: &str) -> String {
        if self.colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn show(&self, line: &str) {
        print(&format!("{}\n", self.painted("36", &format!("$ {line}"))));
    }

    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command
            .args(["-ec", line])
            .current_dir(&self.folder)
            .envs(&self.environment);
        command
    }
}

impl Drop for Stage {
    /// Servers end with the demo, the newest first: asked first, killed if they do not.
    fn drop(&mut self) {
        for (name, child) in self.servers.iter_mut().rev() {
            let pid = i32::try_from(child.id())
                .ok()
                .and_then(rustix::process::Pid::from_raw);
            if let Some(pid) = pid {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let asked = Instant::now();
            while asked.elapsed() < STOP_MAX && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            if matches!(child.try_wait(), Ok(None)) {
                eprint(&format!("the server `{name}` did not stop and is killed\n"));
                let _ = child.kill();
                let _ = child.wait();
            }
        }
    }
}

/// Prints to standard output; whoever closed it does not want to read on.
pub(super) fn print(text: &str) {
    let mut stdout = std::io::stdout();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

fn eprint(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
