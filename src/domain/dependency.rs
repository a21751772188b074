//! Tasks that wait for tasks. The whole must be free of cycles; one is refused with its path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::slug::TaskPath;

/// A path of dependencies that leads back to where it started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Cycle(pub Vec<TaskPath>);

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "the dependencies form a cycle: {}", names.join(" → "))
    }
}

/// Searches `dependencies` (task → what it waits for) for a cycle that contains `start`.
///
/// # Errors
/// The shortest such cycle, beginning and ending with `start`.
pub fn check_acyclic(
    start: &TaskPath,
    dependencies: &BTreeMap<TaskPath, Vec<TaskPath>>,
) -> Result<(), Cycle> {
    let mut reached_from: BTreeMap<&TaskPath, &TaskPath> = BTreeMap::new();
    let mut seen: BTreeSet<&TaskPath> = BTreeSet::new();
    let mut frontier = vec![start];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for task in frontier {
            for wanted in dependencies.get(task).map(Vec::as_slice).unwrap_or_default() {
                if wanted == start {
                    return Err(Cycle(path_back(start, task, &reached_from)));
                }
                if seen.insert(wanted) {
                    reached_from.insert(wanted, task);
                    next.push(wanted);
                }
            }
        }
        frontier = next;
    }
    Ok(())
}

fn path_back(
    start: &TaskPath,
    last: &TaskPath,
    reached_from: &BTreeMap<&TaskPath, &TaskPath>,
) -> Vec<TaskPath> {
    let mut path = vec![start.clone()];
    let mut at = last;
    while at != start {
        path.push(at.clone());
        let Some(previous) = reached_from.get(at) else { break };
        at = previous;
    }
    path.push(start.clone());
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
