//! Repositories.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::new_id;
use super::answer::{Answer, Body, Params, Refusal, document, invalid, page};
use super::policy::{check_source, missing};
use super::{Api, projects};
use crate::api::notice::Notice;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::{Archive, NewRepository};
use crate::api::view::Page;
use crate::domain::repository::Repository;
use crate::domain::slug::RepositoryPath;
use crate::store::record::{self, Record as _};
use crate::store::{Filter, Order, Query, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    archived: bool,
    project: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Params(listing): Params<Listing>,
) -> Answer<Page<Repository>> {
    let store = api.shared.store.as_ref();
    let mut filters = Vec::new();
    if let Some(slug) = listing.project {
        let project = projects::find(store, &slug).await?;
        filters.push(Filter::Equals("project", project.slug.to_string()));
    }
    let mut page =
        page::<Repository>(store, filters, Order::OldestFirst, listing.cursor, listing.limit)
            .await?;
    page.items.retain(|repository| listing.archived || repository.archived_at.is_none());
    document(page)
}

pub(super) async fn create(
    State(api): State<Api>,
    Body(new): Body<NewRepository>,
) -> Answer<Repository> {
    document(make(&api, new).await?)
}

/// Makes a repository known.
pub(super) async fn make(api: &Api, new: NewRepository) -> Result<Repository, Refusal> {
    let store = api.shared.store.as_ref();
    check_source(&new.source)?;
    let project = projects::find(store, new.path.project.as_str()).await?;
    let path = &new.path;
    if let Some(known) = record::lookup::<Repository>(store, "path", &path.to_string()).await? {
        let problem =
            Problem::new(ProblemKind::Exists, format!("the repository `{path}` is there already"));
        return Err(Refusal(match known.archived_at {
            Some(_) => problem.hint(format!("it is archived: orch repo archive {path} --undo")),
            None => problem.hint(format!("look at it: orch repo show {path}")),
        }));
    }
    let now = Timestamp::now();
    let repository = Repository {
        branch: new.branch,
        setup: new.setup,
        caps: new.caps,
        ..Repository::new(new_id(), project.id, new.path, new.source, now)
    };
    record::insert(store, &repository).await?;
    told(api, &repository).await?;
    Ok(repository)
}

pub(super) async fn show(
    State(api): State<Api>,
    Path((project, repository)): Path<(String, String)>,
) -> Answer<Repository> {
    let path = format!("{project}/{repository}");
    document(find(api.shared.store.as_ref(), &path).await?)
}

/// The repository at this address, or a refusal that names the nearest.
pub(super) async fn find(store: &dyn Store, path: &str) -> Result<Repository, Refusal> {
    let path: RepositoryPath = path.parse().map_err(invalid)?;
    if let Some(found) = record::lookup::<Repository>(store, "path", &path.to_string()).await? {
        return Ok(found);
    }
    projects::find(store, path.project.as_str()).await?;
    let all: Vec<Repository> = record::find(store, Query::all(Repository::COLLECTION)).await?;
    let names: Vec<String> = all.iter().map(|repository| repository.path.to_string()).collect();
    Err(missing("repository", &path.to_string(), &names, "orch repo create"))
}

pub(super) async fn archive(
    State(api): State<Api>,
    Path((project, repository)): Path<(String, String)>,
    Body(archive): Body<Archive>,
) -> Answer<Repository> {
    let store = api.shared.store.as_ref();
    let mut repository = find(store, &format!("{project}/{repository}")).await?;
    if archive.archived == repository.archived_at.is_some() {
        return document(repository);
    }
    let now = Timestamp::now();
    repository.archived_at = archive.archived.then_some(now);
    repository.updated_at = now;
    repository.version += 1;
    record::replace(store, &repository).await?;
    told(&api, &repository).await?;
    document(repository)
}

async fn told(api: &Api, repository: &Repository) -> Result<(), Refusal> {
    api.shared.news.tell(Notice::Repository { repository: Box::new(repository.clone()) });
    api.handle.slots_changed().await?;
    Ok(())
}
