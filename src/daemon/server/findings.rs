//! Findings.

use axum::extract::State;
use serde::Deserialize;

use super::Api;
use super::answer::{Answer, Params, document, page};
use crate::api::view::Page;
use crate::domain::finding::Finding;
use crate::store::{Filter, Order};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listing {
    #[serde(default)]
    open: bool,
    cursor: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Params(listing): Params<Listing>,
) -> Answer<Page<Finding>> {
    let filters =
        if listing.open { vec![Filter::Equals("open", "yes".to_owned())] } else { Vec::new() };
    let store = api.shared.store.as_ref();
    document(page(store, filters, Order::NewestFirst, listing.cursor, listing.limit).await?)
}
