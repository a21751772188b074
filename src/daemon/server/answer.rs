//! Answers and refusals, and the reading of requests; both in the form that clients rely on.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::problem::{Problem, ProblemKind};
use crate::api::request::MAX_BODY;
use crate::api::view::Page;
use crate::domain::run::Refused;
use crate::domain::size::ByteSize;
use crate::sandbox::SandboxError;
use crate::store::record::{self, Record};
use crate::store::{Filter, Order, Query as Find, Store, StoreError};
use crate::workspace::GitError;

use super::super::broken::chain;
use super::super::handle::Gone;

/// A refusal on its way out.
pub(super) struct Refusal(pub(super) Problem);

/// An answer: the document, or why there is none.
pub(super) type Answer<T> = Result<Json<T>, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, kind, Json(self.0)).into_response()
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let kind = match &error {
            StoreError::NotFound(_) => ProblemKind::NotFound,
            StoreError::Exists(_) => ProblemKind::Exists,
            StoreError::Conflict(_) => ProblemKind::Conflict,
            StoreError::TooLarge { .. } => ProblemKind::TooLarge,
            StoreError::Unavailable(_) | StoreError::Fenced(_) => ProblemKind::Unavailable,
            StoreError::Refused(_) | StoreError::Corrupt(_) => ProblemKind::Internal,
        };
        tracing::warn!(error = chain(&error), "a request met an error of the store");
        let problem = Problem::new(kind, error.to_string());
        Self(match error {
            StoreError::Conflict(_) => problem.hint("look at it again, then repeat"),
            StoreError::Unavailable(_) => {
                problem.hint("check the disk's free space, and the daemon's log")
            }
            StoreError::Fenced(_) => problem.hint("ask the daemon that leads now"),
            StoreError::TooLarge { .. } => problem.hint("make it smaller, or split it"),
            StoreError::Refused(_) => problem.hint("check the store's settings and permissions"),
            StoreError::NotFound(_) | StoreError::Exists(_) | StoreError::Corrupt(_) => problem,
        })
    }
}

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        let kind = match &error {
            SandboxError::ImageMissing(_) | SandboxError::NotFound(_) => ProblemKind::NotFound,
            SandboxError::Unreachable { .. }
            | SandboxError::Permission { .. }
            | SandboxError::NotOurs(_)
            | SandboxError::Failed { .. } => ProblemKind::Unavailable,
        };
        Self(Problem::new(kind, chain(&error)).hint(error.hint()))
    }
}

impl From<GitError> for Refusal {
    fn from(error: GitError) -> Self {
        let mut problem = Problem::new(ProblemKind::Internal, format!("{error}: {}", error.words));
        problem.hints = error.hints;
        Self(problem)
    }
}

impl From<Gone> for Refusal {
    fn from(gone: Gone) -> Self {
        let problem = Problem::new(ProblemKind::Unavailable, gone.to_string());
        Self(problem.hint("try again: the next daemon answers"))
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self(Problem::new(ProblemKind::Conflict, refused.to_string()))
    }
}

/// A refusal of what was asked, because it is wrong in itself.
pub(super) fn invalid(why: impl std::fmt::Display) -> Refusal {
    Refusal(Problem::new(ProblemKind::Invalid, why.to_string()))
}

/// A body as JSON, or a refusal that says where it is wrong.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
            let limit = ByteSize::from_bytes(MAX_BODY as u64).rounded();
            match rejection.into_response().status() {
                StatusCode::PAYLOAD_TOO_LARGE => Refusal(
                    Problem::new(
                        ProblemKind::TooLarge,
                        format!("the request is larger than the {limit} that are taken"),
                    )
                    .hint("put long text into a file of the repository and name it in the prompt"),
                ),
                _ => invalid("the request broke off"),
            }
        })?;
        // An empty body stands for an empty document.
        let text: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| invalid(format!("the request cannot be read: {error}")))
    }
}

/// The query of a URL, or a refusal that says what is wrong with it.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + 'static> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Refusal> {
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(params)| Self(params))
            .map_err(|rejection| invalid(rejection.body_text()))
    }
}

/// The longest page.
const MAX_PAGE: usize = 500;

/// One page of records. One more than asked for is looked for, to know whether there is a next.
pub(super) async fn page<R: Record>(
    store: &dyn Store,
    filters: Vec<Filter>,
    order: Order,
    cursor: Option<String>,
    limit: Option<usize>,
) -> Result<Page<R>, StoreError> {
    let limit = limit.unwrap_or(100).clamp(1, MAX_PAGE);
    let query = Find { collection: R::COLLECTION, filters, order, after: cursor, limit: limit + 1 };
    let mut items: Vec<R> = record::find(store, query).await?;
    let next = (items.len() > limit).then(|| items[limit - 1].id());
    items.truncate(limit);
    Ok(Page { items, next })
}

/// The answer that is a document.
pub(super) fn document<T: Serialize>(value: T) -> Answer<T> {
    Ok(Json(value))
}
