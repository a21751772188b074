//! `orch repo`: the repositories that runs are made from.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Role, Ui, age};
use super::place;
use super::project::{archived_mark, cap};
use super::spec::JsonFlag;
use super::table::{Table, print_fields};
use crate::api::request::{Archive, NewRepository};
use crate::domain::limits::Caps;
use crate::domain::repository::Repository;
use crate::domain::slug::{RepositoryPath, Slug};

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct RepoArgs {
    #[command(subcommand)]
    command: RepoCommand,
}

/// What to do with repositories.
#[derive(Debug, Subcommand)]
enum RepoCommand {
    /// Make a repository known
    Create {
        /// Its address
        #[arg(value_name = "PROJECT/REPO")]
        path: RepositoryPath,
        /// Where it is cloned from: a path or a URL
        #[arg(long, value_name = "PATH|URL")]
        source: String,
        /// The branch that runs start from [default: what the source calls HEAD]
        #[arg(long, value_name = "BRANCH")]
        branch: Option<String>,
        /// A command that makes a fresh clone ready; can be repeated
        #[arg(long, value_name = "COMMAND")]
        setup: Vec<String>,
        /// How many of its runs may be active at once
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        max_active: Option<u32>,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// List repositories
    List {
        /// Only those of one project
        #[arg(value_name = "PROJECT")]
        project: Option<Slug>,
        /// The archived ones too
        #[arg(long)]
        archived: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Show a repository
    Show {
        /// Its address
        #[arg(value_name = "PROJECT/REPO")]
        path: RepositoryPath,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Put a repository away; its history stays
    Archive {
        /// Its address
        #[arg(value_name = "PROJECT/REPO")]
        path: RepositoryPath,
        /// Take it back
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
}

/// Makes known, lists, shows or archives repositories.
///
/// # Errors
/// Where the source is no repository, or the daemon does not answer or refuses.
pub(crate) async fn run(context: &Context, args: RepoArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    match args.command {
        RepoCommand::Create { path, source, branch, setup, max_active, json } => {
            let source = place::source(&source)?;
            let new = NewRepository { path, source, branch, setup, caps: Caps { max_active } };
            let repository = context.client().await?.create_repository(&new).await?;
            print_done(&ui, &repository, "created", json)?;
        }
        RepoCommand::List { project, archived, json } => {
            let client = context.client().await?;
            let repositories = client.repositories(project.as_ref(), archived).await?;
            print_list(&ui, &repositories, json)?;
        }
        RepoCommand::Show { path, json } => {
            let repository = context.client().await?.repository(&path).await?;
            if json.json { ui.json(&repository)? } else { print_one(&ui, &repository)? }
        }
        RepoCommand::Archive { path, undo, json } => {
            let archive = Archive { archived: !undo };
            let repository = context.client().await?.archive_repository(&path, archive).await?;
            print_done(&ui, &repository, if undo { "taken back" } else { "archived" }, json)?;
        }
    }
    Ok(Exit::Succeeded)
}

fn print_done(
    ui: &Ui,
    repository: &Repository,
    done: &str,
    json: JsonFlag,
) -> Result<(), CliError> {
    if json.json {
        ui.json(repository)
    } else {
        ui.line(&format!("repository {} {done}", repository.path))
    }
}

fn print_list(ui: &Ui, repositories: &[Repository], json: JsonFlag) -> Result<(), CliError> {
    if json.json {
        return ui.json(&repositories);
    }
    if repositories.is_empty() {
        ui.note("there is no repository yet");
        ui.hint("make one known with `orch repo create PROJECT/REPO --source PATH`");
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["REPOSITORY", "SOURCE", "BRANCH", "CREATED", ""]);
    for repository in repositories {
        table.row([
            (Role::Heading, repository.path.to_string()),
            (Role::Plain, repository.source.clone()),
            (Role::Plain, repository.branch.clone().unwrap_or_else(|| "HEAD".to_owned())),
            (Role::Faint, age(repository.created_at, now)),
            (Role::Faint, archived_mark(repository.archived_at)),
        ]);
    }
    table.print(ui)
}

fn print_one(ui: &Ui, repository: &Repository) -> Result<(), CliError> {
    let now = Timestamp::now();
    print_fields(
        ui,
        &[
            ("repository", repository.path.to_string()),
            ("source", repository.source.clone()),
            ("branch", repository.branch.clone().unwrap_or_else(|| "HEAD".to_owned())),
            ("setup", repository.setup.join("; ")),
            ("at once", cap(&repository.caps)),
            ("created", age(repository.created_at, now)),
            ("changed", age(repository.updated_at, now)),
            ("archived", repository.archived_at.map(|at| age(at, now)).unwrap_or_default()),
        ],
    )
}
