//! Names in addresses: a slug names one thing among its siblings, a [`TaskPath`] addresses a task
//! as `project/repo/task` everywhere.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MAX_LENGTH: usize = 48;

/// A short lower-case name: letters, digits and single hyphens inside.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Text that cannot be a slug, with one that could.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a usable name: {why}{}", suggestion(.proposal))]
pub struct InvalidSlug {
    text: String,
    why: &'static str,
    proposal: Option<String>,
}

fn suggestion(proposal: &Option<String>) -> String {
    proposal.as_ref().map(|slug| format!("; try `{slug}`")).unwrap_or_default()
}

impl Slug {
    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest slug to any text, such as the name of a folder; `None` where nothing is left.
    pub fn from_words(text: &str) -> Option<Self> {
        let mut slug = String::new();
        for character in text.chars().flat_map(char::to_lowercase) {
            if character.is_ascii_alphanumeric() {
                slug.push(character);
            } else if !slug.ends_with('-') && !slug.is_empty() {
                slug.push('-');
            }
            if slug.len() == MAX_LENGTH {
                break;
            }
        }
        let slug = slug.trim_end_matches('-');
        (!slug.is_empty()).then(|| Self(slug.to_owned()))
    }
}

fn defect(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > MAX_LENGTH {
        return Some("it is longer than 48 characters");
    }
    if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Some("only a-z, 0-9 and hyphens are allowed");
    }
    if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
        return Some("hyphens stand alone and inside");
    }
    None
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        match defect(text) {
            None => Ok(Self(text.to_owned())),
            Some(why) => Err(InvalidSlug {
                text: super::text::excerpt(text, 60),
                why,
                proposal: Self::from_words(text).map(|slug| slug.0),
            }),
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a repository: `project/repo`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryPath {
    /// The project's slug.
    pub project: Slug,
    /// The repository's slug.
    pub repository: Slug,
}

/// The address of a task: `project/repo/task`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TaskPath {
    /// The project's slug.
    pub project: Slug,
    /// The repository's slug.
    pub repository: Slug,
    /// The task's slug.
    pub task: Slug,
}

/// Text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// The wrong number of parts.
    #[error("`{text}` is not an address: write {form}")]
    Form {
        /// What was written.
        text: String,
        /// What is expected.
        form: &'static str,
    },
    /// A part that is no slug.
    #[error(transparent)]
    Slug(#[from] InvalidSlug),
}

impl TaskPath {
    /// The address of the repository that the task belongs to.
    pub fn repository_path(&self) -> RepositoryPath {
        RepositoryPath { project: self.project.clone(), repository: self.repository.clone() }
    }
}

impl RepositoryPath {
    /// The address of a task in this repository.
    pub fn task(&self, task: Slug) -> TaskPath {
        TaskPath { project: self.project.clone(), repository: self.repository.clone(), task }
    }
}

impl FromStr for RepositoryPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [project, repository] => {
                Ok(Self { project: project.parse()?, repository: repository.parse()? })
            }
            _ => Err(InvalidPath::Form {
                text: super::text::excerpt(text, 80),
                form: "project/repo",
            }),
        }
    }
}

impl FromStr for TaskPath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [project, repository, task] => Ok(Self {
                project: project.parse()?,
                repository: repository.parse()?,
                task: task.parse()?,
            }),
            _ => Err(InvalidPath::Form {
                text: super::text::excerpt(text, 80),
                form: "project/repo/task",
            }),
        }
    }
}

impl TryFrom<String> for RepositoryPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl TryFrom<String> for TaskPath {
    type Error = InvalidPath;

    fn try_from(text: String) -> Result<Self, InvalidPath> {
        text.parse()
    }
}

impl From<RepositoryPath> for String {
    fn from(path: RepositoryPath) -> Self {
        path.to_string()
    }
}

impl From<TaskPath> for String {
    fn from(path: TaskPath) -> Self {
        path.to_string()
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.repository)
    }
}

impl fmt::Display for TaskPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.project, self.repository, self.task)
    }
}

#[cfg(test)]
mod tests;
