//! `murmur completions`: scripts that complete the command line in a shell.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::exit::{Exit, Failure};
use crate::output::Screen;

const EXAMPLES: &str = "\
Examples:
  murmur completions bash > ~/.local/share/bash-completion/completions/murmur
  murmur completions zsh  > ~/.zfunc/_murmur
  murmur completions fish > ~/.config/fish/completions/murmur.fish";

/// Prints a script that completes `murmur` in a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Completions {
    /// The shell; without it, that of $SHELL
    shell: Option<Shell>,
}

impl Completions {
    /// Prints the script.
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let shell = self.shell.or_else(Shell::from_env).ok_or_else(|| {
            Failure::usage("$SHELL does not say which shell this is")
                .help("name it: murmur completions bash")
        })?;
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Arguments::command(), "murmur", &mut script);
        screen.text(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Fine)
    }
}
