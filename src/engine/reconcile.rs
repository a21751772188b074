//! What is stored against what is found in the world, after a start: live executions are adopted,
//! lost ones are told, what no run claims is removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::RunId;
use crate::domain::limits::SandboxKind;
use crate::domain::run::{Run, RunState};
use crate::domain::stage::Stage;

/// A sandbox of ours that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its name.
    pub name: String,
    /// The run that it says it belongs to.
    pub run: Option<RunId>,
}

/// What follows for one run or one sandbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Go on with the stage: follow what executes, or start what had not been started.
    Continue {
        /// The run.
        run: RunId,
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
        /// Whether it was being stopped.
        stop: bool,
    },
    /// What executed is gone.
    Lost {
        /// The run.
        run: RunId,
        /// Which stage.
        stage: Stage,
        /// Which execution of it.
        attempt: u32,
    },
    /// Tie the ends of a run anew.
    Settle {
        /// The run.
        run: RunId,
    },
    /// No run claims it.
    Orphan {
        /// Its name.
        name: String,
        /// The run that it says it belongs to.
        run: Option<RunId>,
    },
}

/// The name of the sandbox of a step. The only place that makes one.
pub fn sandbox_name(run: RunId, step: &str, attempt: u32) -> String {
    format!("orch-{run}-{step}-{attempt}")
}

/// Compares the runs that have not ended and use one kind of sandbox with what was found of it.
pub fn reconcile<'a>(
    kind: SandboxKind,
    runs: impl Iterator<Item = &'a Run>,
    found: &[Sighting],
) -> Vec<Finding> {
    let there: BTreeMap<&str, &Sighting> =
        found.iter().map(|sighting| (sighting.name.as_str(), sighting)).collect();
    // What belongs to a live run is that run's to remove, when it settles.
    let mut live: BTreeSet<RunId> = BTreeSet::new();
    let mut findings = Vec::new();
    for run in runs.filter(|run| run.spec().sandbox.kind == kind) {
        let id = run.id();
        live.insert(id);
        match run.state() {
            RunState::Active(active) => {
                let (stage, attempt) = (active.stage, active.attempt);
                let name = sandbox_name(id, stage.name(), attempt);
                let is_there = there.contains_key(name.as_str());
                let stop = active.stopping.is_some();
                // What was never seen running had at most been asked for: asking again is safe,
                // because the name is the same.
                let never_ran = !active.running && !stop;
                findings.push(if is_there || never_ran {
                    Finding::Continue { run: id, stage, attempt, stop }
                } else {
                    Finding::Lost { run: id, stage, attempt }
                });
            }
            RunState::Ending { .. } => findings.push(Finding::Settle { run: id }),
            RunState::Queued { .. } | RunState::Waiting { .. } | RunState::Ended { .. } => {}
        }
    }
    for sighting in found {
        if sighting.run.is_none_or(|run| !live.contains(&run)) {
            findings.push(Finding::Orphan { name: sighting.name.clone(), run: sighting.run });
        }
    }
    findings
}
