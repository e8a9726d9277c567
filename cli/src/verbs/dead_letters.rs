//! `murmur dead-letters`: messages that were set aside, and putting them back.

use clap::{Args, Subcommand};

use crate::exit::{Exit, Failure};
use crate::output::paint::Paint;
use crate::output::table::{Fit, Table, faint, plain};
use crate::output::time::Zone;
use crate::output::{Screen, note};
use crate::target::local::DataFolder;
use crate::target::{DeadLetter, Target};
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
    pub fn run(self, screen: Screen) -> Result<Exit, Failure> {
        let target = self.data.open()?;
        let command = self.command.unwrap_or(Command::List);
        pollster::block_on(async {
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
    let known: Vec<String> = letters.iter().map(|letter| letter.id.clone()).collect();
    let one = |id: &String| {
        let letter = letters.iter().find(|letter| letter.id == *id);
        letter
            .cloned()
            .ok_or_else(|| find::unknown("dead letter", id, &known))
    };
    ids.iter().map(one).collect()
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
            (letter.id.clone(), Paint::Strong),
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
