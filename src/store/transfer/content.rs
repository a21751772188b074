//! What a store holds, as counts and one checksum.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Piece;
use crate::store::Document;

/// What a store holds: equal where the content is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Summary {
    /// How many documents each collection has; those without any are left out.
    pub documents: BTreeMap<String, u64>,
    /// How many events are there; what has expired is not.
    pub events: u64,
    /// The checksum over all of it.
    pub checksum: String,
}

impl Summary {
    /// How many documents there are in all.
    pub fn total(&self) -> u64 {
        self.documents.values().sum()
    }
}

/// Adds pieces up to a [`Summary`].
#[derive(Clone, Default)]
pub struct Content {
    documents: BTreeMap<String, u64>,
    events: u64,
    sum: Sha256,
}

impl Content {
    /// Adds a piece.
    pub fn add(&mut self, piece: &Piece) {
        match piece {
            Piece::Document(document) => self.add_document(document),
            Piece::Events { events, bodies } => {
                for (event, body) in events.iter().zip(bodies) {
                    self.add_event(&event.run.to_string(), event.seq, body);
                }
            }
            Piece::Numbers { run, last_seq, last_line, expired: _ } => {
                self.text("numbers");
                self.text(&run.to_string());
                self.number(*last_seq);
                self.number(*last_line);
            }
        }
    }

    /// What was added so far.
    pub fn summary(&self) -> Summary {
        Summary {
            documents: self.documents.clone(),
            events: self.events,
            checksum: format!("sha256:{}", hex(&self.sum.clone().finalize())),
        }
    }

    fn add_document(&mut self, document: &Document) {
        let Document { collection, id, version, schema, keys, body } = document;
        *self.documents.entry(collection.name().to_owned()).or_default() += 1;
        self.text("document");
        self.text(collection.name());
        self.text(id);
        self.number(*version);
        self.number(u64::from(*schema));
        self.number(keys.len() as u64);
        for (field, value) in keys {
            self.text(field);
            match value {
                Some(value) => {
                    self.number(1);
                    self.text(value);
                }
                None => self.number(0),
            }
        }
        self.text(body);
    }

    pub(super) fn add_event(&mut self, run: &str, seq: u64, body: &str) {
        self.events += 1;
        self.text("event");
        self.text(run);
        self.number(seq);
        self.text(body);
    }

    /// With its length before it, so that no two contents run together into the same bytes.
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.sum.update(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.sum.update(number.to_be_bytes());
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
