//! What is printed, and how: tables for people, JSON for machines, data on stdout.
//!
//! Must not know what is printed. Everything else than data goes to stderr through [`note`].

pub mod paint;
pub mod progress;
pub mod table;
pub mod time;

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::exit::Failure;

/// For whom stdout is: tables for people, one JSON document for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// When colours are used; `Auto` is in a terminal, unless NO_COLOR is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

impl Color {
    /// Makes every stream go by it from now on.
    pub fn apply(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::Always,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// Where data goes.
#[derive(Debug, Clone, Copy)]
pub struct Screen {
    pub format: Format,
}

impl Screen {
    /// Whether a machine reads.
    pub fn is_json(self) -> bool {
        match self.format {
            Format::Json => true,
            Format::Table => false,
        }
    }

    /// Prints a JSON document.
    pub fn json<T: Serialize>(self, value: &T) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::trouble("cannot write JSON").because(error))?;
        text.push('\n');
        self.text(&text)
    }

    /// Prints text as it is; colours are taken out where nobody sees them.
    pub fn text(self, text: &str) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        Ok(stdout.flush()?)
    }

    /// Prints bytes exactly as they are.
    pub fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// Prints bytes exactly as they are, on stderr.
    pub fn aside(bytes: &[u8]) -> Result<(), Failure> {
        Ok(std::io::stderr().lock().write_all(bytes)?)
    }

    /// Prints a table.
    pub fn table(self, table: &table::Table) -> Result<(), Failure> {
        self.text(&table.render(width()))
    }
}

/// The terminal's width; `None` when stdout is none, so nothing is cut or wrapped.
pub fn width() -> Option<u16> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Tells people something that is not data.
pub fn note(text: &str) {
    progress::line(text);
}

/// Tells people why nothing, or not all, was done.
pub fn complain(failure: &Failure) {
    let (bad, dim) = (paint::Paint::Bad.style().bold(), paint::Paint::Busy.style());
    anstream::eprintln!("{bad}error:{bad:#} {failure}");
    for help in failure.helps() {
        anstream::eprintln!("  {dim}help:{dim:#} {help}");
    }
}
