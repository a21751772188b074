//! `orch project`: umbrellas over repositories.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::output::{Role, Ui, age};
use super::spec::JsonFlag;
use super::table::{Table, print_fields};
use crate::api::request::{Archive, NewProject};
use crate::domain::limits::Caps;
use crate::domain::project::Project;
use crate::domain::slug::Slug;

/// The arguments.
#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    #[command(subcommand)]
    command: ProjectCommand,
}

/// What to do with projects.
#[derive(Debug, Subcommand)]
enum ProjectCommand {
    /// Make a project
    Create {
        /// Its name: a-z, 0-9 and hyphens
        #[arg(value_name = "PROJECT")]
        slug: Slug,
        /// What it is, for people
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        title: String,
        /// The customer that it is for
        #[arg(long, value_name = "NAME")]
        customer: Option<String>,
        /// How many of its runs may be active at once
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
        max_active: Option<u32>,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// List projects
    List {
        /// The archived ones too
        #[arg(long)]
        archived: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Show a project
    Show {
        /// Its name
        #[arg(value_name = "PROJECT")]
        slug: Slug,
        #[command(flatten)]
        json: JsonFlag,
    },
    /// Put a project away; its history stays
    Archive {
        /// Its name
        #[arg(value_name = "PROJECT")]
        slug: Slug,
        /// Take it back
        #[arg(long)]
        undo: bool,
        #[command(flatten)]
        json: JsonFlag,
    },
}

/// Makes, lists, shows or archives projects.
///
/// # Errors
/// Where the daemon does not answer, or refuses.
pub(crate) async fn run(context: &Context, args: ProjectArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    let client = context.client().await?;
    match args.command {
        ProjectCommand::Create { slug, title, customer, max_active, json } => {
            let new = NewProject { slug, title, customer, caps: Caps { max_active } };
            let project = client.create_project(&new).await?;
            print_done(&ui, &project, "created", json)?;
            if !json.json {
                ui.hint(&format!(
                    "add a repository with `orch repo create {}/NAME --source PATH`",
                    project.slug
                ));
            }
        }
        ProjectCommand::List { archived, json } => {
            let projects = client.projects(archived).await?;
            print_list(&ui, &projects, json)?;
        }
        ProjectCommand::Show { slug, json } => {
            let project = client.project(&slug).await?;
            if json.json { ui.json(&project)? } else { print_one(&ui, &project)? }
        }
        ProjectCommand::Archive { slug, undo, json } => {
            let project = client.archive_project(&slug, Archive { archived: !undo }).await?;
            print_done(&ui, &project, if undo { "taken back" } else { "archived" }, json)?;
        }
    }
    Ok(Exit::Succeeded)
}

fn print_done(ui: &Ui, project: &Project, done: &str, json: JsonFlag) -> Result<(), CliError> {
    if json.json { ui.json(project) } else { ui.line(&format!("project {} {done}", project.slug)) }
}

fn print_list(ui: &Ui, projects: &[Project], json: JsonFlag) -> Result<(), CliError> {
    if json.json {
        return ui.json(&projects);
    }
    if projects.is_empty() {
        ui.note("there is no project yet");
        ui.hint("make one with `orch project create NAME`");
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = Table::new(&["PROJECT", "TITLE", "CUSTOMER", "CREATED", ""]);
    for project in projects {
        table.row([
            (Role::Heading, project.slug.to_string()),
            (Role::Plain, project.title.clone()),
            (Role::Plain, project.customer.clone().unwrap_or_default()),
            (Role::Faint, age(project.created_at, now)),
            (Role::Faint, archived_mark(project.archived_at)),
        ]);
    }
    table.print(ui)
}

fn print_one(ui: &Ui, project: &Project) -> Result<(), CliError> {
    let now = Timestamp::now();
    print_fields(
        ui,
        &[
            ("project", project.slug.to_string()),
            ("title", project.title.clone()),
            ("customer", project.customer.clone().unwrap_or_default()),
            ("at once", cap(&project.caps)),
            ("created", age(project.created_at, now)),
            ("changed", age(project.updated_at, now)),
            ("archived", project.archived_at.map(|at| age(at, now)).unwrap_or_default()),
        ],
    )
}

/// The mark of what is put away.
pub(crate) fn archived_mark(archived_at: Option<Timestamp>) -> String {
    archived_at.map(|_| "archived".to_owned()).unwrap_or_default()
}

/// A cap in words; nothing where the wider scope decides.
pub(crate) fn cap(caps: &Caps) -> String {
    caps.max_active.map(|runs| format!("{runs} runs")).unwrap_or_default()
}
