//! How a run comes in: of a task that is known, or of something said in passing.

use jiff::Timestamp;

use super::super::new_id;
use super::answer::{Refusal, invalid};
use super::policy::{check_image, check_source};
use super::{Api, projects, repositories, tasks};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::{NewProject, NewRepository, NewRun, NewTask, RunTarget};
use crate::domain::limits::Caps;
use crate::domain::project::Project;
use crate::domain::repository::Repository;
use crate::domain::run::{self, Outcome, Run};
use crate::domain::slug::{RepositoryPath, Slug, TaskPath};
use crate::domain::task::{Task, TaskKind, TaskSpec};
use crate::store::record::{self, Record as _};
use crate::store::{Filter, Order, Query, Store};

/// The project of repositories that were only named in passing.
const LOCAL_PROJECT: &str = "local";
/// The task that holds what was last asked in passing.
const AD_HOC_TASK: &str = "adhoc";

/// How often those who ask at once may come second.
const AD_HOC_ATTEMPTS: usize = 50;

/// Makes a run, or finds the one that was made under the same key.
pub(super) async fn run(api: &Api, new: NewRun) -> Result<Run, Refusal> {
    let store = api.shared.store.as_ref();
    if let Some(key) = &new.idempotency_key {
        if key.is_empty() || key.len() > 200 {
            return Err(invalid("an idempotency key has 1 to 200 characters"));
        }
        if let Some(known) = record::lookup::<Run>(store, "idempotency_key", key).await? {
            return Ok(known);
        }
    }
    let (task, repository) = match new.of {
        RunTarget::Task(path) => known_task(store, &path).await?,
        RunTarget::AdHoc { source, spec } => ad_hoc_patiently(api, &source, &spec).await?,
    };
    let mut spec = task.spec.clone();
    if let Some(priority) = new.priority {
        spec.priority = priority;
    }
    check_image(api, &spec.sandbox)?;
    api.shared.sandbox(spec.sandbox.kind).check(&spec.sandbox.image).await?;
    let run = Run::create(
        run::NewRun {
            id: new_id(),
            project: repository.project,
            repository: repository.id,
            task: task.id,
            path: task.path,
            spec,
            repository_setup: repository.setup,
            source: repository.source,
            base_branch: repository.branch,
            idempotency_key: new.idempotency_key,
        },
        Timestamp::now(),
    );
    Ok(api.handle.submit(run).await?)
}

async fn known_task(store: &dyn Store, path: &TaskPath) -> Result<(Task, Repository), Refusal> {
    let task = tasks::find(store, &path.to_string()).await?;
    let repository = repositories::find(store, &path.repository_path().to_string()).await?;
    let project = projects::find(store, path.project.as_str()).await?;
    let archived = [
        ("project", project.archived_at, path.project.to_string()),
        ("repo", repository.archived_at, path.repository_path().to_string()),
        ("task", task.archived_at, path.to_string()),
    ];
    for (noun, since, name) in archived {
        if since.is_some() {
            let problem = Problem::new(ProblemKind::Conflict, format!("`{name}` is archived"));
            let hint = format!("take it back: orch {noun} archive {name} --undo");
            return Err(Refusal(problem.hint(hint)));
        }
    }
    for wanted in &task.depends_on {
        if !has_succeeded(store, wanted).await? {
            let detail = format!("`{path}` needs a success of `{wanted}` first");
            let problem = Problem::new(ProblemKind::Conflict, detail);
            return Err(Refusal(problem.hint(format!("run it: orch run {wanted}"))));
        }
    }
    Ok((task, repository))
}

async fn has_succeeded(store: &dyn Store, path: &TaskPath) -> Result<bool, Refusal> {
    let task = tasks::find(store, &path.to_string()).await?;
    let latest = Query {
        order: Order::NewestFirst,
        limit: 1,
        ..Query::all(Run::COLLECTION).filter(Filter::Equals("task", task.id.to_string()))
    };
    let runs: Vec<Run> = record::find(store, latest).await?;
    Ok(runs.first().and_then(Run::outcome) == Some(&Outcome::Succeeded))
}

/// Several who ask in passing at once make the same project, repository and task; who comes second
/// finds them made.
async fn ad_hoc_patiently(
    api: &Api,
    source: &str,
    spec: &TaskSpec,
) -> Result<(Task, Repository), Refusal> {
    for _ in 0..AD_HOC_ATTEMPTS {
        match ad_hoc(api, source.to_owned(), spec.clone()).await {
            Err(Refusal(problem))
                if matches!(problem.kind, ProblemKind::Conflict | ProblemKind::Exists) => {}
            other => return other,
        }
    }
    ad_hoc(api, source.to_owned(), spec.clone()).await
}

/// What was asked in passing becomes a task too, so that it has a place and a history.
async fn ad_hoc(api: &Api, source: String, spec: TaskSpec) -> Result<(Task, Repository), Refusal> {
    check_source(&source)?;
    spec.validate().map_err(invalid)?;
    check_image(api, &spec.sandbox)?;
    let store = api.shared.store.as_ref();
    let named = Query::all(Repository::COLLECTION).filter(Filter::Equals("source", source.clone()));
    let known: Vec<Repository> = record::find(store, named).await?;
    let repository = match known.into_iter().find(|known| known.archived_at.is_none()) {
        Some(known) => known,
        None => local_repository(api, source).await?,
    };
    let slug: Slug = AD_HOC_TASK.parse().map_err(invalid)?;
    let path = repository.path.task(slug);
    let known = record::lookup::<Task>(store, "path", &path.to_string()).await?;
    let new = NewTask {
        path,
        trigger: TaskKind::OneShot,
        spec,
        depends_on: Vec::new(),
        caps: Caps::default(),
    };
    Ok((tasks::make(api, new, known).await?, repository))
}

async fn local_repository(api: &Api, source: String) -> Result<Repository, Refusal> {
    let store = api.shared.store.as_ref();
    let project: Slug = LOCAL_PROJECT.parse().map_err(invalid)?;
    if record::lookup::<Project>(store, "slug", project.as_str()).await?.is_none() {
        let new = NewProject {
            slug: project.clone(),
            title: "repositories named in passing".to_owned(),
            customer: None,
            caps: Caps::default(),
        };
        projects::make(api, new).await?;
    }
    let name = source.trim_end_matches('/').trim_end_matches(".git");
    let name = name.rsplit(['/', ':']).next().unwrap_or_default();
    let base = Slug::from_words(name).map_or_else(|| "repository".to_owned(), String::from);
    for number in 1..1_000 {
        let candidate = if number == 1 { base.clone() } else { format!("{base}-{number}") };
        let Some(slug) = Slug::from_words(&candidate) else { continue };
        let path = RepositoryPath { project: project.clone(), repository: slug };
        if record::lookup::<Repository>(store, "path", &path.to_string()).await?.is_none() {
            let new = NewRepository {
                path,
                source,
                branch: None,
                setup: Vec::new(),
                caps: Caps::default(),
            };
            return repositories::make(api, new).await;
        }
    }
    Err(invalid(format!("there are too many repositories called `{base}`")))
}
