//! Reading a backup file, and refusing what is none, or none any more. What the reader gives out
//! is in order and whole: a store that is empty can take it.

use std::io::{BufRead, Read};

use serde::Deserialize;
use serde_json::Value;

use super::content::{Content, Summary};
use super::line::{Chain, FORMAT, Head, Line, MARK};
use super::{BackupError, Piece};
use crate::domain::event::RunEvent;
use crate::domain::id::RunId;
use crate::store::record::newest_schema;
use crate::store::{Collection, Document, MAX_BODY};

/// The longest line. The largest body has six bytes for each of its own at worst.
const MAX_LINE: u64 = 6 * MAX_BODY as u64 + (1 << 20);
const MAX_HEAD: u64 = 64 << 10;

/// Reads the pieces of a backup.
pub struct Reader<R> {
    input: R,
    head: Head,
    line: u64,
    bytes: u64,
    chain: Chain,
    /// What was read, as it was written.
    content: Content,
    last: Option<(usize, String)>,
    run: Option<Following>,
    end: Option<Summary>,
}

/// The run whose events are being read.
struct Following {
    run: RunId,
    seq: u64,
    line: u64,
    expired: u64,
}

/// The part of the head that every format has.
#[derive(Deserialize)]
struct AnyHead {
    #[serde(rename = "orchBackup")]
    said: AnyFormat,
}

#[derive(Deserialize)]
struct AnyFormat {
    format: u64,
    #[serde(default)]
    version: String,
}

impl<R: BufRead> Reader<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// Where it is no backup that this orch can read.
    pub fn begin(mut input: R) -> Result<Self, BackupError> {
        let mut first = Vec::new();
        input.by_ref().take(MAX_HEAD).read_until(b'\n', &mut first).map_err(BackupError::Read)?;
        if first.is_empty() || !first.starts_with(&MARK[..MARK.len().min(first.len())]) {
            return Err(BackupError::Foreign);
        }
        let bytes = first.len() as u64;
        if first.pop() != Some(b'\n') {
            return Err(BackupError::CutOff { line: 0 });
        }
        let damaged = |what: &str| BackupError::Damaged { line: 1, what: what.to_owned() };
        let text = String::from_utf8(first).map_err(|_| damaged("it is not UTF-8"))?;
        if let Ok(AnyHead { said: AnyFormat { format, version } }) = serde_json::from_str(&text)
            && format > FORMAT
        {
            return Err(BackupError::Newer { version, format });
        }
        let mut chain = Chain::default();
        let json = chain.open(&text).ok_or_else(|| damaged("its sum is another"))?;
        let Ok(Line::Head(head)) = serde_json::from_str(&json) else {
            return Err(damaged("it is no head"));
        };
        Ok(Self {
            input,
            head,
            line: 1,
            bytes,
            chain,
            content: Content::default(),
            last: None,
            run: None,
            end: None,
        })
    }

    /// What the first line says.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How many bytes were read.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the file says of itself; there behind the last piece.
    pub fn end(&self) -> Option<&Summary> {
        self.end.as_ref()
    }

    /// The next piece; `None` behind the last, when the whole file has proved to be right.
    ///
    /// # Errors
    /// Where a line is not what was written, or not known here.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, BackupError> {
        let Some(text) = self.read()? else {
            return match self.end {
                Some(_) => Ok(None),
                None => Err(BackupError::CutOff { line: self.line }),
            };
        };
        self.line += 1;
        if self.end.is_some() {
            return Err(self.damaged("it lies behind the end"));
        }
        let json = self.chain.open(&text).ok_or_else(|| self.damaged("its sum is another"))?;
        let line = serde_json::from_str(&json).map_err(|error| self.unknown(error.to_string()))?;
        match line {
            Line::Head(_) => Err(self.damaged("it is a second head")),
            Line::Document { collection, id, version, schema, keys, body } => {
                self.ends_no_run()?;
                let collection = Collection::named(&collection)
                    .ok_or_else(|| self.unknown(format!("a document of `{collection}`")))?;
                let keys: Vec<(&str, Option<String>)> = keys
                    .iter()
                    .map(|(field, value)| (field.as_ref(), value.as_deref().map(str::to_owned)))
                    .collect();
                let keys = self.known_keys(collection, &keys)?;
                let (id, body) = (id.into_owned(), body.into_owned());
                let known = newest_schema(collection);
                if schema > known {
                    let what = format!("a document of {collection} in schema {schema}");
                    return Err(self.unknown(format!("{what} (here up to {known})")));
                }
                self.document(Document { collection, id, version, schema, keys, body })
            }
            Line::Events { run, first, bodies } => self.events(&run, first, &bodies),
            Line::Numbers { run, last_event, last_line, expired } => {
                self.numbers(&run, last_event, last_line, expired)
            }
            Line::End(said) => {
                self.ends_no_run()?;
                if said != self.content.summary() {
                    return Err(self.damaged("it says that the file holds something else"));
                }
                self.end = Some(said);
                // Nothing may follow.
                self.next_piece()
            }
        }
    }

    /// A line without its end; `None` at the end of the file.
    fn read(&mut self) -> Result<Option<String>, BackupError> {
        let mut line = Vec::new();
        self.input
            .by_ref()
            .take(MAX_LINE)
            .read_until(b'\n', &mut line)
            .map_err(BackupError::Read)?;
        if line.is_empty() {
            return Ok(None);
        }
        let length = line.len() as u64;
        self.bytes += length;
        if line.pop() != Some(b'\n') {
            if length == MAX_LINE {
                self.line += 1;
                return Err(self.damaged("it has no end"));
            }
            return Err(BackupError::CutOff { line: self.line });
        }
        match String::from_utf8(line) {
            Ok(text) => Ok(Some(text)),
            Err(_) => {
                self.line += 1;
                Err(self.damaged("it is not UTF-8"))
            }
        }
    }

    fn document(&mut self, document: Document) -> Result<Option<Piece>, BackupError> {
        let place = Collection::ALL.iter().position(|known| *known == document.collection);
        let here = (place.unwrap_or_default(), document.id.clone());
        if self.last.as_ref().is_some_and(|last| *last >= here) {
            return Err(self.damaged("it is out of order"));
        }
        if document.version == 0 {
            return Err(self.damaged("its document has no version"));
        }
        document.check_size().map_err(|error| self.damaged(&error.to_string()))?;
        if document.collection == Collection::Runs {
            let run = document.id.parse().map_err(|_| self.damaged("its run has no id"))?;
            self.run = Some(Following { run, seq: 0, line: 0, expired: 0 });
        }
        self.last = Some(here);
        let piece = Piece::Document(document);
        self.content.add(&piece);
        Ok(Some(piece))
    }

    fn events(
        &mut self,
        run: &str,
        first: u64,
        texts: &[String],
    ) -> Result<Option<Piece>, BackupError> {
        let line = self.line;
        let damaged = |what: &str| BackupError::Damaged { line, what: what.to_owned() };
        let mut following = self
            .run
            .take()
            .filter(|following| following.run.to_string() == run)
            .ok_or_else(|| damaged("its events have no run"))?;
        if following.seq == 0 {
            following.expired = first.saturating_sub(1);
            following.seq = following.expired;
        }
        let mut events = Vec::with_capacity(texts.len());
        let mut bodies = Vec::with_capacity(texts.len());
        for text in texts {
            let (event, body) = self.event(text)?;
            following.seq += 1;
            if event.run != following.run || event.seq != following.seq {
                return Err(damaged("its events do not follow"));
            }
            if let Some(chunk) = event.chunk() {
                following.line = chunk.next_line().saturating_sub(1);
            }
            self.content.add_event(run, event.seq, text);
            events.push(event);
            bodies.push(body);
        }
        if events.is_empty() || first != events[0].seq {
            return Err(damaged("its events do not follow"));
        }
        self.run = Some(following);
        Ok(Some(Piece::Events { events, bodies }))
    }

    /// An event, and how this orch writes it; an older one may have left out what is said now.
    fn event(&self, text: &str) -> Result<(RunEvent, String), BackupError> {
        let unknown = || self.unknown("an event".to_owned());
        let event: RunEvent = serde_json::from_str(text).map_err(|_| unknown())?;
        let body = serde_json::to_string(&event).map_err(|_| unknown())?;
        if body != text {
            let said: Value = serde_json::from_str(text).map_err(|_| unknown())?;
            let kept: Value = serde_json::from_str(&body).map_err(|_| unknown())?;
            if !holds(&kept, &said) {
                return Err(unknown());
            }
        }
        Ok((event, body))
    }

    fn numbers(
        &mut self,
        run: &str,
        last_seq: u64,
        last_line: u64,
        expired: u64,
    ) -> Result<Option<Piece>, BackupError> {
        let Some(following) = self.run.take() else {
            return Err(self.damaged("its numbers have no run"));
        };
        let has_events = following.seq > following.expired;
        let fits = following.run.to_string() == run
            && last_line >= following.line
            && if has_events {
                (last_seq, expired) == (following.seq, following.expired)
            } else {
                expired == last_seq
            };
        if !fits {
            return Err(self.damaged("its numbers are not those of the events before it"));
        }
        let piece = Piece::Numbers { run: following.run, last_seq, last_line, expired };
        self.content.add(&piece);
        Ok(Some(piece))
    }

    fn ends_no_run(&self) -> Result<(), BackupError> {
        match &self.run {
            Some(following) => {
                Err(self.damaged(&format!("the numbers of run {} are missing", following.run)))
            }
            None => Ok(()),
        }
    }

    fn known_keys(
        &self,
        collection: Collection,
        keys: &[(&str, Option<String>)],
    ) -> Result<Vec<(&'static str, Option<String>)>, BackupError> {
        let indexes = collection.indexes();
        let fits = indexes.len() == keys.len()
            && indexes.iter().zip(keys).all(|(index, (field, _))| index.field == *field);
        if !fits {
            let what = format!("a document of {collection} that is found by other fields");
            return Err(self.unknown(what));
        }
        Ok(indexes
            .iter()
            .zip(keys)
            .map(|(index, (_, value))| (index.field, value.clone()))
            .collect())
    }

    fn damaged(&self, what: &str) -> BackupError {
        BackupError::Damaged { line: self.line, what: what.to_owned() }
    }

    fn unknown(&self, what: String) -> BackupError {
        BackupError::Unknown { line: self.line, what }
    }
}

/// Whether everything in `said` is in `kept`.
fn holds(kept: &Value, said: &Value) -> bool {
    match (kept, said) {
        (Value::Object(kept), Value::Object(said)) => said.iter().all(|(name, said)| {
            said.is_null() || kept.get(name).is_some_and(|kept| holds(kept, said))
        }),
        (Value::Array(kept), Value::Array(said)) => {
            kept.len() == said.len() && kept.iter().zip(said).all(|(kept, said)| holds(kept, said))
        }
        (kept, said) => kept == said,
    }
}
