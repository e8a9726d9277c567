//! What moves: bars on stderr in a terminal, and lines above them; plain lines elsewhere.

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// All bars there are; hidden when stderr is no terminal.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);

/// Whether bars are seen.
pub fn is_shown() -> bool {
    !BARS.is_hidden()
}

/// Prints a line on stderr, above whatever moves.
pub fn line(text: &str) {
    BARS.suspend(|| anstream::eprintln!("{text}"));
}

/// Adds a line that moves, at the bottom or above another.
pub fn spinner(above: Option<&ProgressBar>) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    let bar = ProgressBar::new_spinner().with_style(style.expect("the template is one"));
    let bar = match above {
        Some(above) => BARS.insert_before(above, bar),
        None => BARS.add(bar),
    };
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Adds a bar of so many things to do, at the bottom.
pub fn bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}");
    let style = style.expect("the template is one").progress_chars("━╸─");
    BARS.add(ProgressBar::new(length as u64).with_style(style))
}

/// Collects what a log line says, and prints it above whatever moves.
#[derive(Debug, Default)]
pub struct LogLine(Vec<u8>);

impl io::Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        if !self.0.is_empty() {
            line(String::from_utf8_lossy(&self.0).trim_end());
        }
    }
}
