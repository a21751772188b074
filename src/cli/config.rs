//! `orch config`: every setting with its value and where that comes from; checking and editing
//! the file.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::error::{CliError, ErrorKind};
use super::exit::Exit;
use super::output::Role;
use super::spec::JsonFlag;
use super::table::Table;
use crate::config::layers::{self, Loaded, Origin};
use crate::config::paths::Paths;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    command: Option<ConfigCommand>,
    #[command(flatten)]
    json: JsonFlag,
}

/// What to do with the settings.
#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show every setting with its value and where that comes from
    Show {
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Print where the config file lies
    Path,
    /// Edit the config file; it is checked before it takes the place of the old one
    Edit,
    /// Check the config file and the environment
    Check,
}

/// A setting, for programs.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    key: &'a str,
    value: &'a toml::Value,
    origin: String,
    variable: String,
}

/// Shows, checks or edits the settings.
///
/// # Errors
/// Where they cannot be used, read or written.
pub(crate) fn run(context: &Context, args: &ConfigArgs) -> Result<Exit, CliError> {
    let paths = context.paths()?;
    match &args.command {
        None => show(context, &context.settings(&[])?, args.json)?,
        Some(ConfigCommand::Show { json }) => {
            show(context, &context.settings(&[])?, JsonFlag { json: json.json || args.json.json })?;
        }
        Some(ConfigCommand::Path) => context.ui().line(&paths.config_file.display().to_string())?,
        Some(ConfigCommand::Check) => {
            context.settings(&[])?;
            let what =
                if paths.config_file.exists() { "fits" } else { "is not there, which is fine" };
            context.ui().line(&format!("{} {what}", paths.config_file.display()))?;
        }
        Some(ConfigCommand::Edit) => edit(context, &paths)?,
    }
    Ok(Exit::Succeeded)
}

fn show(context: &Context, loaded: &Loaded, json: JsonFlag) -> Result<(), CliError> {
    let ui = context.ui();
    if json.json {
        let shown: Vec<Shown<'_>> = loaded
            .origins
            .iter()
            .map(|(key, setting)| Shown {
                key,
                value: &setting.value,
                origin: setting.origin.to_string(),
                variable: layers::variable(key),
            })
            .collect();
        return ui.json(&shown);
    }
    let mut table = Table::new(&["SETTING", "VALUE", "FROM"]);
    for key in layers::keys() {
        let Some(setting) = loaded.origins.get(key) else { continue };
        let role = match setting.origin {
            Origin::Default => Role::Faint,
            Origin::File { .. } | Origin::Environment { .. } | Origin::Flag => Role::Good,
        };
        table.row([
            (Role::Heading, key.to_owned()),
            (Role::Plain, setting.value.to_string()),
            (role, setting.origin.to_string()),
        ]);
    }
    table.print(&ui)
}

/// Edits a copy until it fits or the person gives up; the file itself is replaced in one step.
fn edit(context: &Context, paths: &Paths) -> Result<(), CliError> {
    let ui = context.ui();
    let file = &paths.config_file;
    let before = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => commented(layers::DEFAULTS),
        Err(error) => return Err(cannot("read", file, &error)),
    };
    if let Some(folder) = file.parent() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| cannot("make", folder, &error))?;
    }
    let copy = file.with_extension(format!("edit-{}.toml", std::process::id()));
    write_private(&copy, &before).map_err(|error| cannot("write", &copy, &error))?;
    let edited = run_editor(context, &copy)
        .and_then(|()| fs::read_to_string(&copy).map_err(|error| cannot("read", &copy, &error)));
    let text = match edited {
        Ok(text) => text,
        Err(error) => {
            drop(fs::remove_file(&copy));
            return Err(error);
        }
    };
    if text == before {
        drop(fs::remove_file(&copy));
        ui.line("nothing was changed")?;
        return Ok(());
    }
    if let Err(error) = layers::check_file(&copy, &text) {
        // What was typed is kept: nobody types it twice.
        return Err(CliError::from(error).hint(format!(
            "{} is as it was; your text is in {}",
            file.display(),
            copy.display()
        )));
    }
    fs::rename(&copy, file).map_err(|error| cannot("replace", file, &error))?;
    ui.line(&format!("{} is changed", file.display()))?;
    ui.hint("a daemon that runs reads it on SIGHUP, or at its next start");
    Ok(())
}

fn run_editor(context: &Context, copy: &Path) -> Result<(), CliError> {
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| context.variable(name));
    let Some(editor) = editor.and_then(|editor| editor.to_str()) else {
        return Err(CliError::usage("neither VISUAL nor EDITOR says which editor to use")
            .hint("run it as `EDITOR=nano orch config edit`"));
    };
    // As git does it: the variable is a command line, the file its last argument.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("sh")
        .arg(copy)
        .status()
        .map_err(|error| CliError::usage(format!("cannot start `{editor}`")).because(&error))?;
    if status.success() {
        return Ok(());
    }
    Err(CliError::new(ErrorKind::Failed, format!("`{editor}` gave up ({status})"))
        .hint("the config file is as it was"))
}

fn write_private(path: &PathBuf, text: &str) -> io::Result<()> {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    io::Write::write_all(&mut file, text.as_bytes())
}

/// The defaults with each setting commented out: a file to begin with that changes nothing.
fn commented(defaults: &str) -> String {
    let lines = defaults.lines().map(|line| {
        let is_setting = !line.is_empty() && !line.starts_with(['#', '[']);
        if is_setting { format!("# {line}\n") } else { format!("{line}\n") }
    });
    lines.collect()
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> CliError {
    CliError::new(ErrorKind::Failed, format!("cannot {what} {}", path.display())).because(error)
}
