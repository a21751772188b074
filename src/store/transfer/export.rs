//! Reading a store from its beginning to its end.

use std::collections::VecDeque;

use super::Piece;
use super::content::{Content, Summary};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::store::changes::encode_events;
use crate::store::{Collection, Document, Query, Store, StoreError};

/// The most that one piece with events holds. Far below what one call may write.
const PIECE: usize = 1 << 20;
/// What a page should hold: it grows below the half of it and shrinks above.
const PAGE: usize = 4 << 20;
const MAX_DOCUMENTS: usize = 32;
const MAX_EVENTS: usize = 64;
/// Beyond every line, and a number in every database.
const NO_LINE: u64 = i64::MAX as u64;

/// Reads a store that nobody else writes to, piece by piece.
pub struct Export<'a> {
    store: &'a dyn Store,
    coming: std::slice::Iter<'static, Collection>,
    collection: Option<Collection>,
    after: Option<String>,
    documents: VecDeque<Document>,
    documents_page: PageSize,
    run: Option<Following>,
    events_page: PageSize,
}

/// How far the events of a run were read.
struct Following {
    run: RunId,
    last_seq: u64,
    last_line: u64,
    /// The last number that was read; 0 before the first.
    after: u64,
    expired: u64,
    events: VecDeque<(RunEvent, String)>,
}

struct PageSize {
    now: usize,
    max: usize,
}

impl PageSize {
    const fn up_to(max: usize) -> Self {
        Self { now: 4, max }
    }

    fn learn(&mut self, bytes: usize) {
        if bytes < PAGE / 2 {
            self.now = (self.now * 2).min(self.max);
        } else if bytes > PAGE {
            self.now = (self.now / 2).max(1);
        }
    }
}

/// What a store holds.
///
/// # Errors
/// As [`Export::next_piece`].
pub async fn summary(store: &dyn Store) -> Result<Summary, StoreError> {
    let mut content = Content::default();
    let mut export = Export::new(store);
    while let Some(piece) = export.next_piece().await? {
        content.add(&piece);
    }
    Ok(content.summary())
}

impl<'a> Export<'a> {
    /// Begins with the first piece.
    pub fn new(store: &'a dyn Store) -> Self {
        Self {
            store,
            coming: Collection::ALL.iter(),
            collection: None,
            after: None,
            documents: VecDeque::new(),
            documents_page: PageSize::up_to(MAX_DOCUMENTS),
            run: None,
            events_page: PageSize::up_to(MAX_EVENTS),
        }
    }

    /// The next piece; `None` behind the last.
    ///
    /// # Errors
    /// Where the store cannot be read; `Corrupt` where an event is missing.
    pub async fn next_piece(&mut self) -> Result<Option<Piece>, StoreError> {
        loop {
            if let Some(following) = self.run.take() {
                return self.follow(following).await.map(Some);
            }
            if let Some(document) = self.documents.pop_front() {
                if document.collection == Collection::Runs {
                    self.run = Some(self.begin(&document).await?);
                }
                return Ok(Some(Piece::Document(document)));
            }
            let Some(collection) = self.collection else {
                let Some(next) = self.coming.next() else { return Ok(None) };
                self.collection = Some(*next);
                self.after = None;
                continue;
            };
            let limit = self.documents_page.now;
            let query = Query { after: self.after.take(), limit, ..Query::all(collection) };
            let page = self.store.find(query).await?;
            self.documents_page.learn(page.iter().map(|document| document.body.len()).sum());
            match page.last() {
                Some(last) => self.after = Some(last.id.clone()),
                None => self.collection = None,
            }
            self.documents.extend(page);
        }
    }

    async fn begin(&self, document: &Document) -> Result<Following, StoreError> {
        let run = document
            .id
            .parse()
            .map_err(|_| StoreError::Corrupt(format!("{} has no id", document.name())))?;
        let range = self.store.log(run, NO_LINE, 0).await?;
        Ok(Following {
            run,
            last_seq: range.last_seq,
            last_line: range.last_line,
            after: 0,
            expired: 0,
            events: VecDeque::new(),
        })
    }

    async fn follow(&mut self, mut following: Following) -> Result<Piece, StoreError> {
        let run = following.run;
        if following.events.is_empty() && following.after < following.last_seq {
            self.read_events(&mut following).await?;
        }
        let mut events = Vec::new();
        let mut bodies = Vec::new();
        let mut bytes = 0;
        while let Some((event, body)) = following.events.pop_front() {
            bytes += body.len();
            if bytes > PIECE && !events.is_empty() {
                following.events.push_front((event, body));
                break;
            }
            events.push(event);
            bodies.push(body);
        }
        if events.is_empty() {
            let Following { last_seq, last_line, expired, .. } = following;
            return Ok(Piece::Numbers { run, last_seq, last_line, expired });
        }
        self.run = Some(following);
        Ok(Piece::Events { events, bodies })
    }

    async fn read_events(&mut self, following: &mut Following) -> Result<(), StoreError> {
        let Following { run, last_seq, after, .. } = *following;
        let events = self.store.events(run, after, self.events_page.now).await?;
        let missing =
            |seq| Err(StoreError::Corrupt(format!("event {seq} of run {run} is missing")));
        match events.first() {
            // The first that is there may have any number; behind it none is missing.
            Some(first) if after == 0 => following.expired = first.seq.saturating_sub(1),
            Some(_) => {}
            None if after == 0 => following.expired = last_seq,
            None => return missing(after + 1),
        }
        following.after = following.after.max(following.expired);
        let bodies = encode_all(&events)?;
        self.events_page.learn(bodies.iter().map(String::len).sum());
        for (event, body) in events.into_iter().zip(bodies) {
            if event.seq != following.after + 1 || event.seq > last_seq {
                return missing(following.after + 1);
            }
            following.after = event.seq;
            following.events.push_back((event, body));
        }
        Ok(())
    }
}

/// One by one: a page may be more than one call may write.
fn encode_all(events: &[RunEvent]) -> Result<Vec<String>, StoreError> {
    let mut bodies = Vec::with_capacity(events.len());
    for event in events {
        bodies.extend(encode_events(std::slice::from_ref(event))?);
    }
    Ok(bodies)
}
