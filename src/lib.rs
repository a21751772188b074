//! orch runs coding agents the way a good CI runs builds: isolated, scheduled, bounded, watched
//! and recoverable, from a terminal.
//!
//! A run walks through this crate from the front door to the street:
//! trigger → queue → sandbox → harness → verify → publish. The modules, in reading order:
//!
//! - [`domain`]: plain data and rules; the run's state machine. No I/O, no clock, no randomness.
//! - [`engine`]: what decides. Facts in, effects out, without async.
//! - [`store`]: the record: typed documents, run events, log chunks.
//! - [`sandbox`]: where a stage executes: a Docker container or a process.
//! - [`workspace`]: the repository cache, a run's own clone, its result as a bundle and a diff.
//! - [`harness`]: adapters for agent programs; pure: bytes in, values out.
//! - [`api`]: the wire that the daemon serves and everybody else speaks.
//! - [`config`]: settings in layers, and where things lie on disk.
//! - [`daemon`]: the composition root, the only place where things happen.
//! - [`tui`]: the terminal interface, a client of the API.
//! - [`cli`]: the command line, a client of the API.
//!
//! Imports point down only; `tests/it/tidy.rs` enforces the picture in its table.

pub mod api;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod engine;
pub mod harness;
pub mod sandbox;
pub mod store;
pub mod tui;
pub mod workspace;
