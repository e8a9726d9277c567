//! `murmur dead-letters`: messages that were set aside, and putting them back.

use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, plain};
use crate::output::time::Zone;
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{At, DeadLetter, Target, block_on};
use crate::view::find;

const EXAMPLES: &str = "\
Examples:
  murmur dead-letters                # lists them; exits with 1 when there are any
  murmur dead-letters show 3
  murmur dead-letters redrive 3 4    # puts them back; always safe, a duplicate changes nothing
  murmur dead-letters redrive --all

In JSON each letter has: id, inbox, reason, set_aside_at, receives and message.";

/// Lists messages that were set aside, shows them, puts them back
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DeadLetters {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    data: DataFolder,
}

/// What is done with them.
#[derive(Debug, Subcommand)]
enum Command {
    /// Lists them, the oldest first
    List,
    /// Shows one, with its message
    Show {
        /// Its number
        id: String,
    },
    /// Puts some back into their inboxes
    Redrive {
        /// Their numbers
        #[arg(required_unless_present = "all")]
        ids: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

impl DeadLetters {
    /// Does what is asked.
    pub fn run(self, at: &At, screen: Screen) -> Result<Exit, Failure> {
        let target = at.open(&self.data)?;
        let command = self.command.unwrap_or(Command::List);
        block_on(async {
            let letters = target.dead_letters().await?;
            match command {
                Command::List => list(&letters, screen),
                Command::Show { id } => show(&found(&letters, &[id])?, screen),
                Command::Redrive { ids, all } => {
                    let chosen = if all { letters } else { found(&letters, &ids)? };
                    redrive(&target, &chosen).await
                }
            }
        })
    }
}

fn found(letters: &[DeadLetter], ids: &[String]) -> Result<Vec<DeadLetter>, Failure> {
    let known: Vec<String> = letters.iter().map(shown_id).collect();
    let one = |id: &String| {
        let own = |letter: &&DeadLetter| letter.id == *id;
        // Long ids are shown cut short.
        let meant = |letter: &&DeadLetter| shown_id(letter) == *id;
        let letter = letters
            .iter()
            .find(own)
            .or_else(|| letters.iter().find(meant));
        letter
            .cloned()
            .ok_or_else(|| find::unknown("dead letter", id, &known))
    };
    ids.iter().map(one).collect()
}

/// An id as people are shown it: the beginning of one that is long.
fn shown_id(letter: &DeadLetter) -> String {
    const LONG: usize = 16;
    const BEGINNING: usize = 8;
    if letter.id.len() > LONG {
        letter.id.chars().take(BEGINNING).collect()
    } else {
        letter.id.clone()
    }
}

fn list(letters: &[DeadLetter], screen: Screen) -> Result<Exit, Failure> {
    let exit = if letters.is_empty() {
        Exit::Fine
    } else {
        Exit::NotAsItShouldBe
    };
    if screen.is_json() {
        screen.json(&letters)?;
        return Ok(exit);
    }
    if letters.is_empty() {
        note("there are no dead letters");
        return Ok(exit);
    }
    let zone = Zone::default();
    let mut table = Table::new([
        ("id", Fit::Whole),
        ("inbox", Fit::Whole),
        ("set aside", Fit::Drop),
        ("receives", Fit::Drop),
        ("reason", Fit::Wrap),
    ]);
    for letter in letters {
        table.row([
            (shown_id(letter), Paint::Strong),
            plain(letter.inbox.clone()),
            faint(zone.full(letter.set_aside_at)),
            plain(letter.receives.to_string()),
            (letter.reason.clone(), Paint::Bad),
        ]);
    }
    screen.table(&table)?;
    Ok(exit)
}

fn show(letters: &[DeadLetter], screen: Screen) -> Result<Exit, Failure> {
    for letter in letters {
        screen.json(letter)?;
    }
    Ok(Exit::Fine)
}

async fn redrive(target: &impl Target, letters: &[DeadLetter]) -> Result<Exit, Failure> {
    let count = target.redrive(letters).await?;
    note(&match count {
        1 => "1 letter is back in its inbox".to_owned(),
        count => format!("{count} letters are back in their inboxes"),
    });
    if !target.is_at_work()? {
        note(&format!(
            "nobody is at work; they are taken up when `{}` runs",
            target.how_to_start()
        ));
    }
    Ok(Exit::Fine)
}
