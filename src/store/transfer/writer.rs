//! Writing a backup file.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Piece;
use super::content::{Content, Summary};
use super::line::{Chain, Head, Line};

/// Writes pieces as the lines of a backup.
pub struct Writer<W> {
    output: W,
    chain: Chain,
    content: Content,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Begins with the head.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn begin(output: W, head: Head) -> io::Result<Self> {
        let (chain, content) = (Chain::default(), Content::default());
        let mut writer = Self { output, chain, content, bytes: 0 };
        writer.line(&Line::Head(head))?;
        Ok(writer)
    }

    /// Writes a piece.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, piece: &Piece) -> io::Result<()> {
        self.content.add(piece);
        match piece {
            Piece::Document(document) => {
                let keys = document.keys.iter().map(|(field, value)| {
                    (Cow::Borrowed(*field), value.as_deref().map(Cow::Borrowed))
                });
                self.line(&Line::Document {
                    collection: document.collection.name().into(),
                    id: document.id.as_str().into(),
                    version: document.version,
                    schema: document.schema,
                    keys: keys.collect(),
                    body: document.body.as_str().into(),
                })
            }
            Piece::Events { events, bodies } => {
                let Some(first) = events.first() else { return Ok(()) };
                let run = first.run.to_string().into();
                self.line(&Line::Events { run, first: first.seq, bodies: bodies.into() })
            }
            Piece::Numbers { run, last_seq, last_line, expired } => self.line(&Line::Numbers {
                run: run.to_string().into(),
                last_event: *last_seq,
                last_line: *last_line,
                expired: *expired,
            }),
        }
    }

    /// How many bytes are written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Ends with the foot, and gives back the output and what is in it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<(W, Summary, u64)> {
        let summary = self.content.summary();
        self.line(&Line::End(summary.clone()))?;
        self.output.flush()?;
        Ok((self.output, summary, self.bytes))
    }

    fn line(&mut self, line: &Line<'_>) -> io::Result<()> {
        let line = self.chain.close(&serde_json::to_string(line)?);
        self.bytes += line.len() as u64;
        self.output.write_all(line.as_bytes())
    }
}
