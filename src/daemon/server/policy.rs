//! What the policy says of what comes in, before anything is made of it.

use std::path::Path;

use super::Api;
use super::answer::{Refusal, invalid};
use crate::api::problem::{Problem, ProblemKind};
use crate::domain::limits::{SandboxKind, SandboxProfile};
use crate::domain::text::nearest;

/// A refusal for something that is not there.
pub(super) fn missing(noun: &str, name: &str, known: &[String], create: &str) -> Refusal {
    let problem = Problem::new(ProblemKind::NotFound, format!("there is no {noun} `{name}`"));
    Refusal(match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => problem.hint(format!("did you mean `{meant}`?")),
        None => problem.hint(format!("make it: {create} {name}")),
    })
}

/// What git is told to clone from must not be taken for one of its options.
pub(super) fn check_source(source: &str) -> Result<(), Refusal> {
    if source.is_empty() || source.starts_with('-') || source.contains(char::is_control) {
        return Err(invalid("the source of a repository is an absolute path or a URL"));
    }
    if let Some((_, rest)) = source.split_once("://")
        && rest
            .split('/')
            .next()
            .is_some_and(|host| host.split_once('@').is_some_and(|(user, _)| user.contains(':')))
    {
        // It would stand in the record, in logs and in the arguments of git.
        let problem = Problem::new(
            ProblemKind::Refused,
            "the URL carries a password, which would be stored and shown",
        );
        return Err(Refusal(problem.hint("use ssh, or a credential helper of git")));
    }
    if source.contains("://") || source.contains('@') {
        return Ok(());
    }
    let path = Path::new(source);
    if !path.is_absolute() {
        return Err(invalid(format!("`{source}` is neither an absolute path nor a URL")));
    }
    if !path.join(".git").exists() && !path.join("HEAD").exists() {
        let problem =
            Problem::new(ProblemKind::NotFound, format!("there is no git repository at {source}"));
        return Err(Refusal(problem.hint("make one: git init, then commit something")));
    }
    Ok(())
}

/// Whether the policy lets an image be used.
pub(super) fn check_image(api: &Api, profile: &SandboxProfile) -> Result<(), Refusal> {
    match profile.kind {
        SandboxKind::Process => return Ok(()),
        SandboxKind::Docker => {}
    }
    let settings = api.shared.settings();
    let allowed = &settings.docker.images;
    if allowed.iter().any(|pattern| fits(pattern, &profile.image)) {
        return Ok(());
    }
    let detail =
        format!("the image `{}` is not allowed; allowed are {}", profile.image, allowed.join(", "));
    let problem = Problem::new(ProblemKind::Refused, detail);
    Err(Refusal(problem.hint("add it to docker.images: orch config edit")))
}

/// Whether a pattern with stars fits the whole of a text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len()).any(|at| text.is_char_boundary(at) && fits(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_any_text_and_the_rest_for_itself() {
        assert!(fits("orch/*", "orch/base:1"));
        assert!(fits("*", "anything"));
        assert!(fits("a*c*e", "abcde"));
        assert!(fits("debian:bookworm-slim", "debian:bookworm-slim"));
        assert!(!fits("debian:bookworm-slim", "debian:bookworm"));
        assert!(!fits("orch/*", "evil/orch/base"));
        assert!(!fits("a*c", "abd"));
    }
}
