//! Projects.

use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Deserialize;

use super::super::new_id;
use super::Api;
use super::answer::{Answer, Body, Params, Refusal, document, invalid, page};
use super::policy::missing;
use crate::api::notice::Notice;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::{Archive, NewProject};
use crate::api::view::Page;
use crate::domain::project::Project;
use crate::store::record::{self, Record as _};
use crate::store::{Order, Query, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    archived: bool,
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Params(listing): Params<Listing>,
) -> Answer<Page<Project>> {
    let store = api.shared.store.as_ref();
    let mut page =
        page::<Project>(store, Vec::new(), Order::OldestFirst, listing.cursor, listing.limit)
            .await?;
    page.items.retain(|project| listing.archived || project.archived_at.is_none());
    document(page)
}

pub(super) async fn create(State(api): State<Api>, Body(new): Body<NewProject>) -> Answer<Project> {
    document(make(&api, new).await?)
}

/// Makes a project.
pub(super) async fn make(api: &Api, new: NewProject) -> Result<Project, Refusal> {
    let store = api.shared.store.as_ref();
    if let Some(known) = record::lookup::<Project>(store, "slug", new.slug.as_str()).await? {
        return Err(exists(&known));
    }
    let now = Timestamp::now();
    let project = Project {
        title: new.title,
        customer: new.customer,
        caps: new.caps,
        ..Project::new(new_id(), new.slug, now)
    };
    record::insert(store, &project).await?;
    told(api, &project).await?;
    Ok(project)
}

fn exists(known: &Project) -> Refusal {
    let slug = &known.slug;
    let problem =
        Problem::new(ProblemKind::Exists, format!("the project `{slug}` is there already"));
    Refusal(match known.archived_at {
        Some(_) => problem.hint(format!("it is archived: orch project archive {slug} --undo")),
        None => problem.hint(format!("look at it: orch project show {slug}")),
    })
}

pub(super) async fn show(State(api): State<Api>, Path(slug): Path<String>) -> Answer<Project> {
    document(find(api.shared.store.as_ref(), &slug).await?)
}

/// The project with this slug, or a refusal that names the nearest.
pub(super) async fn find(store: &dyn Store, slug: &str) -> Result<Project, Refusal> {
    if let Err(error) = slug.parse::<crate::domain::slug::Slug>() {
        return Err(invalid(error));
    }
    if let Some(project) = record::lookup::<Project>(store, "slug", slug).await? {
        return Ok(project);
    }
    let all: Vec<Project> = record::find(store, Query::all(Project::COLLECTION)).await?;
    let names: Vec<String> = all.iter().map(|project| project.slug.to_string()).collect();
    Err(missing("project", slug, &names, "orch project create"))
}

pub(super) async fn archive(
    State(api): State<Api>,
    Path(slug): Path<String>,
    Body(archive): Body<Archive>,
) -> Answer<Project> {
    let store = api.shared.store.as_ref();
    let mut project = find(store, &slug).await?;
    if archive.archived == project.archived_at.is_some() {
        return document(project);
    }
    let now = Timestamp::now();
    project.archived_at = archive.archived.then_some(now);
    project.updated_at = now;
    project.version += 1;
    record::replace(store, &project).await?;
    told(&api, &project).await?;
    document(project)
}

async fn told(api: &Api, project: &Project) -> Result<(), Refusal> {
    api.shared.news.tell(Notice::Project { project: Box::new(project.clone()) });
    api.handle.slots_changed().await?;
    Ok(())
}
