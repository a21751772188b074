//! Plain data and the rules over it: what a project, a task, a run, an event, an envelope and
//! whatever else is stored are, and which changes they allow. Time and identity come in as
//! parameters.

pub mod address;
pub mod artifact;
pub mod audit;
pub mod context;
pub mod dependency;
pub mod duration;
pub mod endpoint;
pub mod envelope;
pub mod event;
pub mod failure;
pub mod finding;
pub mod id;
pub mod ledger;
pub mod limits;
pub mod project;
pub mod provider;
pub mod repository;
pub mod run;
pub mod salvage;
pub mod schedule;
pub mod schema;
pub mod secret;
pub mod size;
pub mod slug;
pub mod stage;
pub mod task;
pub mod text;
pub mod worker;

#[cfg(test)]
mod tests;
