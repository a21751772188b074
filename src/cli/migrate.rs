//! `orch migrate`: the store into another back end, or another place.

use std::io::{self, Read};

use clap::Args;
use serde::Serialize;

use super::context::Context;
use super::error::CliError;
use super::exit::Exit;
use super::spec::JsonFlag;
use super::table::print_fields;
use super::transfer;
use crate::config::store_url::StoreUrl;
use crate::daemon::transfer::{Migrate, MigrateDone, Place, Summary};
use crate::domain::address::StoreAddress;

/// The longest address on the standard input.
const LIMIT: u64 = 16 << 10;
/// What stands for a secret.
const HIDDEN: &str = ":***@";

/// The arguments.
#[derive(Debug, Args)]
#[command(after_help = "\
An ADDRESS is one of
  sqlite:/path/to/orch.db            a file that is not there yet
  mongodb://user:password@host/orch  a database without anything in it
  env://VARIABLE                     a variable that holds the address
  file:///path                       a file that holds the address
  -                                  the standard input holds the address

Both stores hold the same afterwards, which their checksums prove; the one that is configured stays
as it is. It is used until the settings name the other one: the last line says how. No daemon may
run meanwhile. Repository caches, workspaces and the key of the secrets stay where they are.

Examples:
  orch migrate --to file:///etc/orch/store-url
  orch migrate --to sqlite:/srv/orch/orch.db")]
pub(crate) struct MigrateArgs {
    /// The other store
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    #[command(flatten)]
    json: JsonFlag,
}

/// Two stores, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    from: String,
    to: String,
    setting: String,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// Takes everything into another store.
///
/// # Errors
/// Where the other store would not hold the same.
pub(crate) async fn run(context: &Context, args: &MigrateArgs) -> Result<Exit, CliError> {
    let ui = context.ui();
    let typed = if args.to == "-" { read_address()? } else { args.to.clone() };
    let url: StoreUrl = typed.parse()?;
    let address = transfer::resolve(context, &url)?;
    if address == StoreAddress::Embedded {
        return Err(CliError::usage("the address of the other store is blank")
            .hint("write sqlite:/path/to/orch.db, or mongodb://host/orch"));
    }
    let leads_on = matches!(url, StoreUrl::Variable(_) | StoreUrl::File(_));
    let has_secret = address.to_string().contains(HIDDEN);
    if has_secret && !leads_on && args.to != "-" {
        ui.warn("others can see the password in the list of processes; use file:///path or -");
    }
    // Without the password.
    let setting = url.to_string();
    let (paths, from) = transfer::configured(context)?;
    let to = Place::new(address, &paths);
    let (source, target) = (from.to_string(), to.to_string());
    let told = transfer::told(ui, transfer::is_terminal(&io::stderr()));
    let done = crate::daemon::transfer::migrate(Migrate { from, to, paths }, told).await;
    ui.status(None);
    let MigrateDone { summary } = done?;
    let setting = format!("[store] url = \"{setting}\"");
    if args.json.json {
        ui.json(&Told { from: source, to: target, setting, summary: &summary })?;
        return Ok(Exit::Succeeded);
    }
    let [documents, events, checksum] = transfer::fields(&summary);
    print_fields(&ui, &[("from", source), ("to", target), documents, events, checksum])?;
    ui.hint(&format!("orch goes on with the old store until the settings say {setting}"));
    if has_secret && !leads_on {
        ui.hint("*** stands for the password; url = \"file:///path\" keeps it out of the settings");
    }
    Ok(Exit::Succeeded)
}

fn read_address() -> Result<String, CliError> {
    let mut text = String::new();
    io::stdin().take(LIMIT).read_to_string(&mut text).map_err(|error| {
        CliError::usage("cannot read the address from the standard input").because(&error)
    })?;
    Ok(text.trim().to_owned())
}
