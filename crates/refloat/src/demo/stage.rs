//! The stage of the demo: a folder, a shell whose every line is shown before it runs, programs in the background, a clock.
//!
//! What is shown is what runs: each line goes to `sh` in the stage's folder as it stands on the screen, so that
//! the lines behind `$ `, typed or piped into a shell, do the same again.

use super::interrupt::{Interrupt, pid};
use super::waiting::Waiting;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a program in the background may take until it has stopped.
const STOP_MAX: Duration = Duration::from_secs(25);
/// How often a program that should stop is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The most output of a failed line that the error repeats.
const TAIL_CHARS: usize = 2000;

/// The stage.
pub(super) struct Stage {
    folder: PathBuf,
    environment: BTreeMap<String, String>,
    background: Vec<(String, Child)>,
    marks: Vec<(String, Duration)>,
    colours: bool,
    interrupt: Interrupt,
}

impl Stage {
    /// A stage in this folder, which is there and empty.
    pub(super) fn new(folder: PathBuf, interrupt: Interrupt) -> Self {
        Self {
            folder,
            environment: BTreeMap::new(),
            background: Vec::new(),
            marks: Vec::new(),
            colours: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
            interrupt,
        }
    }

    /// Goes to the folder and makes the program that runs now the `refloat` of all lines.
    pub(super) fn enter(&mut self) -> Result<()> {
        let program = std::env::current_exe().context("this program has no path")?;
        let folder = quoted(&self.folder);
        self.show(&format!("mkdir -p {folder}/bin && cd {folder}"));
        std::fs::create_dir_all(self.folder.join("bin"))?;
        self.run(&format!("ln -s {} bin/refloat", quoted(&program)))?;
        self.export("PATH", "$PWD/bin:$PATH")
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

    /// Sets a variable for all further lines; the shell expands the value.
    pub(super) fn export(&mut self, name: &str, value: &str) -> Result<()> {
        self.show(&format!("export {name}={value}"));
        let output = self.shell(&format!("printf %s {value}")).output()?;
        let value = String::from_utf8(output.stdout).context("a variable is no text")?;
        self.environment.insert(name.to_owned(), value);
        Ok(())
    }

    /// Writes a file as a shell does.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<()> {
        let above = Path::new(path).parent().and_then(Path::to_str);
        let folder = match above.filter(|above| !above.is_empty()) {
            Some(above) if !self.folder.join(above).is_dir() => format!("mkdir -p {above} && "),
            _ => String::new(),
        };
        self.run(&format!("{folder}cat > {path} <<'END'\n{text}END"))?;
        Ok(())
    }

    /// Runs a line, shows what it prints, and returns it.
    pub(super) fn run(&self, line: &str) -> Result<String> {
        let mut child = self.begin(line)?;
        let mut output = String::new();
        let mut stdout = child.stdout.take().context("the line has no output")?;
        let mut waiting = Waiting::begin();
        let mut piece = [0; 4096];
        loop {
            let read = stdout.read(&mut piece)?;
            if read == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&piece[..read]);
            waiting.end();
            print(&text);
            output.push_str(&text);
        }
        waiting.end();
        let status = child.wait()?;
        self.interrupt.runs(None);
        self.interrupt.check()?;
        if !status.success() {
            let from = output.chars().count().saturating_sub(TAIL_CHARS);
            let tail: String = output.chars().skip(from).collect();
            bail!("`{}` ended with {status}\n{tail}", first_line(line));
        }
        Ok(output)
    }

    /// Shows a line and starts it; its output is read by the caller, who says when it has ended.
    pub(super) fn begin(&self, line: &str) -> Result<Child> {
        self.interrupt.check()?;
        self.show(line);
        let child = self
            .shell(line)
            .stdout(Stdio::piped())
            .spawn()
            .context("`sh` does not start")?;
        self.interrupt.runs(Some(&child));
        Ok(child)
    }

    /// Waits for a line that was begun; `look` is asked again and again until it has ended.
    pub(super) fn end(&self, mut child: Child, mut look: impl FnMut() -> Result<()>) -> Result<()> {
        let ended = loop {
            if let Err(error) = look().and_then(|()| self.interrupt.check()) {
                kill_group(&child);
                let _waited = child.wait();
                break Err(error);
            }
            match child.try_wait()? {
                Some(status) if status.success() => break look(),
                Some(status) => break Err(anyhow::anyhow!("it ended with {status}")),
                None => std::thread::sleep(LOOK_EVERY),
            }
        };
        self.interrupt.runs(None);
        ended
    }

    /// Starts `refloat ARGUMENTS` in the background, its output in the file `output`, its remarks in `NAME.log`, its process id in `NAME.pid`.
    pub(super) fn start(&mut self, name: &str, arguments: &str, output: &str) -> Result<()> {
        self.interrupt.check()?;
        self.show(&format!(
            "refloat {arguments} > {output} 2> {name}.log & echo $! > {name}.pid"
        ));
        let open = |name: &str| File::create(self.folder.join(name));
        let (file, errors) = (open(output)?, open(&format!("{name}.log"))?);
        let child = Command::new(self.folder.join("bin/refloat"))
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .envs(&self.environment)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .context("it does not start")?;
        let id = format!("{}\n", child.id());
        self.background.push((name.to_owned(), child));
        std::fs::write(self.folder.join(format!("{name}.pid")), id)?;
        Ok(())
    }

    /// Starts a server and waits until it is ready.
    pub(super) fn serve(&mut self, name: &str, port: u16) -> Result<()> {
        let arguments = format!("serve --data {name} --listen 127.0.0.1:{port}");
        let out = format!("{name}.out");
        self.start(name, &arguments, &out)?;
        let ready =
            format!("timeout 30 sh -c 'until grep -s \"^listening on\" {out}; do sleep 0.1; done'");
        self.run(&ready).map(drop).map_err(|error| {
            let said = std::fs::read_to_string(self.folder.join(format!("{name}.log")))
                .unwrap_or_default();
            error.context(format!(
                "the server `{name}` is not ready; it says:\n{said}"
            ))
        })
    }

    /// Ends what runs in the background, the newest first, and shows how.
    pub(super) fn close(&mut self) {
        let names = self.background.iter().rev();
        let files: Vec<_> = names
            .into_iter()
            .map(|(name, _)| format!("{name}.pid"))
            .collect();
        self.show(&format!("kill $(cat {})", files.join(" ")));
        self.stop();
    }

    /// Asked first, killed if they do not end.
    fn stop(&mut self) {
        while let Some((name, mut child)) = self.background.pop() {
            if let Some(pid) = pid(&child) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            }
            let asked = Instant::now();
            while asked.elapsed() < STOP_MAX && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(LOOK_EVERY);
            }
            if matches!(child.try_wait(), Ok(None)) {
                eprint(&format!("`{name}` did not stop and is killed\n"));
                kill_group(&child);
                let _ = child.wait();
            }
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
            .envs(&self.environment)
            .process_group(0)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Stage {
    /// Whatever happened: nothing keeps running.
    fn drop(&mut self) {
        self.stop();
    }
}

/// Kills a line with all that it started. It is not waited for yet: nobody else has its number.
fn kill_group(child: &Child) {
    if let Some(pid) = pid(child) {
        let _gone = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// A path as one word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |one: char| one.is_ascii_alphanumeric() || "/._-+:@%".contains(one);
    if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::quoted;
    use std::path::Path;

    #[test]
    fn a_path_is_one_word() {
        assert_eq!(quoted(Path::new("/tmp/a-1")), "/tmp/a-1");
        assert_eq!(quoted(Path::new("/tmp/it's")), r"'/tmp/it'\''s'");
    }
}
