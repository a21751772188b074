//! Tasks.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::new_id;
use super::answer::{Answer, Body, Params, Refusal, document, invalid, page};
use super::policy::{check_image, missing};
use super::{Api, repositories};
use crate::api::notice::Notice;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::{Archive, NewTask};
use crate::api::view::Page;
use crate::domain::dependency::check_acyclic;
use crate::domain::slug::TaskPath;
use crate::domain::task::Task;
use crate::store::record::{self, Record as _};
use crate::store::{Filter, Order, Query, Store};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    archived: bool,
    repository: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Params(listing): Params<Listing>,
) -> Answer<Page<Task>> {
    let store = api.shared.store.as_ref();
    let mut filters = Vec::new();
    if let Some(path) = listing.repository {
        let repository = repositories::find(store, &path).await?;
        filters.push(Filter::Equals("repository", repository.path.to_string()));
    }
    let mut page =
        page::<Task>(store, filters, Order::OldestFirst, listing.cursor, listing.limit).await?;
    page.items.retain(|task| listing.archived || task.archived_at.is_none());
    document(page)
}

pub(super) async fn create(State(api): State<Api>, Body(new): Body<NewTask>) -> Answer<Task> {
    let store = api.shared.store.as_ref();
    let path = new.path.to_string();
    if let Some(known) = record::lookup::<Task>(store, "path", &path).await? {
        let problem =
            Problem::new(ProblemKind::Exists, format!("the task `{path}` is there already"));
        return Err(Refusal(match known.archived_at {
            Some(_) => problem.hint(format!("it is archived: orch task archive {path} --undo")),
            None => problem.hint(format!("look at it: orch task show {path}")),
        }));
    }
    document(make(&api, new, None).await?)
}

pub(super) async fn put(
    State(api): State<Api>,
    Path((project, repository, task)): Path<(String, String, String)>,
    headers: HeaderMap,
    Body(new): Body<NewTask>,
) -> Answer<Task> {
    let path = format!("{project}/{repository}/{task}");
    if new.path.to_string() != path {
        return Err(invalid(format!("the body is about `{}`, not `{path}`", new.path)));
    }
    let store = api.shared.store.as_ref();
    let known = record::lookup::<Task>(store, "path", &path).await?;
    if let Some(wanted) = headers.get("if-match") {
        let wanted = wanted.to_str().unwrap_or_default().trim_matches('"').parse::<u64>();
        let wanted = wanted.map_err(|_| invalid("If-Match is not a version"))?;
        let found = known.as_ref().map_or(0, |task| task.version);
        if found != wanted {
            let problem = Problem::new(
                ProblemKind::Conflict,
                format!("the task `{path}` has version {found}, not {wanted}"),
            );
            return Err(Refusal(problem.hint("look at it again, then repeat")));
        }
    }
    document(make(&api, new, known).await?)
}

/// Makes a task, or puts it in the place of a known one.
pub(super) async fn make(api: &Api, new: NewTask, known: Option<Task>) -> Result<Task, Refusal> {
    let store = api.shared.store.as_ref();
    let now = Timestamp::now();
    let repository = repositories::find(store, &new.path.repository_path().to_string()).await?;
    check_image(api, &new.spec.sandbox)?;
    let fresh = Task {
        kind: new.trigger,
        depends_on: new.depends_on,
        caps: new.caps,
        ..Task::new(new_id(), repository.id, new.path, new.spec, now)
    };
    let task = match &known {
        Some(known) => {
            Task { id: known.id, version: known.version + 1, created_at: known.created_at, ..fresh }
        }
        None => fresh,
    };
    task.validate(now).map_err(invalid)?;
    check_dependencies(store, &task).await?;
    match known {
        Some(_) => record::replace(store, &task).await?,
        None => record::insert(store, &task).await?,
    }
    told(api, &task).await?;
    Ok(task)
}

/// Dependencies are known tasks, and never lead back.
async fn check_dependencies(store: &dyn Store, task: &Task) -> Result<(), Refusal> {
    if task.depends_on.is_empty() {
        return Ok(());
    }
    let all: Vec<Task> = record::find(store, Query::all(Task::COLLECTION)).await?;
    let mut graph: BTreeMap<TaskPath, Vec<TaskPath>> =
        all.into_iter().map(|other| (other.path, other.depends_on)).collect();
    graph.insert(task.path.clone(), task.depends_on.clone());
    let names: Vec<String> = graph.keys().map(ToString::to_string).collect();
    for wanted in &task.depends_on {
        if !graph.contains_key(wanted) {
            return Err(missing("task", &wanted.to_string(), &names, "orch task create"));
        }
    }
    check_acyclic(&task.path, &graph).map_err(|cycle| {
        let problem = Problem::new(ProblemKind::Invalid, cycle.to_string());
        Refusal(problem.hint("remove one of these dependencies"))
    })
}

pub(super) async fn show(
    State(api): State<Api>,
    Path((project, repository, task)): Path<(String, String, String)>,
) -> Answer<Task> {
    let path = format!("{project}/{repository}/{task}");
    document(find(api.shared.store.as_ref(), &path).await?)
}

/// The task at this address, or a refusal that names the nearest.
pub(super) async fn find(store: &dyn Store, path: &str) -> Result<Task, Refusal> {
    let path: TaskPath = path.parse().map_err(invalid)?;
    if let Some(found) = record::lookup::<Task>(store, "path", &path.to_string()).await? {
        return Ok(found);
    }
    repositories::find(store, &path.repository_path().to_string()).await?;
    let all: Vec<Task> = record::find(store, Query::all(Task::COLLECTION)).await?;
    let names: Vec<String> = all.iter().map(|task| task.path.to_string()).collect();
    Err(missing("task", &path.to_string(), &names, "orch task create"))
}

pub(super) async fn archive(
    State(api): State<Api>,
    Path((project, repository, task)): Path<(String, String, String)>,
    Body(archive): Body<Archive>,
) -> Answer<Task> {
    let store = api.shared.store.as_ref();
    let mut task = find(store, &format!("{project}/{repository}/{task}")).await?;
    if archive.archived == task.archived_at.is_some() {
        return document(task);
    }
    let now = Timestamp::now();
    task.archived_at = archive.archived.then_some(now);
    task.updated_at = now;
    task.version += 1;
    record::replace(store, &task).await?;
    told(&api, &task).await?;
    document(task)
}

async fn told(api: &Api, task: &Task) -> Result<(), Refusal> {
    api.shared.news.tell(Notice::Task { task: Box::new(task.clone()) });
    api.handle.slots_changed().await?;
    Ok(())
}
