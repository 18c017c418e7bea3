//! A bar on a terminal while layers are read; silence everywhere else.

use crate::alone::{Stage, Watch};
use crate::settings::Settings;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

/// Who is told how the work goes.
pub(super) fn watch(settings: &Settings) -> Watch {
    if settings.quiet || !std::io::stderr().is_terminal() {
        return Arc::new(|_| {});
    }
    let bar = Bar(ProgressBar::no_length());
    Arc::new(move |stage| bar.tell(stage))
}

/// The bar, gone from the screen with whoever held it.
struct Bar(ProgressBar);

impl Bar {
    fn tell(&self, stage: Stage) {
        let bar = &self.0;
        match stage {
            Stage::Begin { what, bytes } => {
                let style = ProgressStyle::with_template("{msg} [{bar:30}] {bytes}/{total_bytes}");
                if let Ok(style) = style {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar.set_message(what);
                bar.set_length(bytes);
                bar.set_position(0);
            }
            Stage::Bytes(count) => bar.inc(count),
            Stage::Note(text) => {
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
                    bar.set_style(style);
                }
                bar.set_message(text);
                bar.enable_steady_tick(Duration::from_millis(100));
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
