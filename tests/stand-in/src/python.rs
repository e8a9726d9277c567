//! The Python that emulator and boto3 run in: a virtual environment that is made once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// Exact versions, so that the same is tested everywhere.
const REQUIREMENTS: &str = include_str!("../../e2e/requirements.txt");

/// Makes the environment below a folder unless it is there; gives its Python.
pub fn install(folder: &Path) -> Result<PathBuf> {
    fs::create_dir_all(folder)?;
    let home = folder.join("emulator");
    let (python, done) = (home.join("bin/python"), home.join("requirements.txt"));
    let lock = File::create(folder.join("emulator.lock"))?;
    lock.lock()?;
    if fs::read_to_string(&done).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&home))?;
    let wanted = REQUIREMENTS.lines();
    let pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ];
    run(Command::new(&python).args(pip).args(wanted))?;
    fs::write(done, REQUIREMENTS)?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("{command:?} needs Python 3"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {said}");
    Ok(())
}
