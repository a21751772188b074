//! Server-sent events, read: bytes in, whole events out.

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// Its id, to resume after.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: String,
}

/// The longest event that is put together; a stream with a longer one is broken.
const MAX_EVENT: usize = 16 << 20;

/// Puts events together from pieces of any size.
#[derive(Debug, Default)]
pub struct SseReader {
    line: Vec<u8>,
    event: SseEvent,
    size: usize,
}

/// An event that does not end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT} bytes")]
pub struct TooLong;

impl SseReader {
    /// Takes the next piece and returns the events that it completed.
    ///
    /// # Errors
    /// [`TooLong`] where an event does not end.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, TooLong> {
        let mut complete = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.size += piece.len();
            if self.size > MAX_EVENT {
                return Err(TooLong);
            }
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                if let Some(event) = self.take_line(line.trim_end_matches(['\n', '\r'])) {
                    complete.push(event);
                }
            }
        }
        Ok(complete)
    }

    fn take_line(&mut self, line: &str) -> Option<SseEvent> {
        if line.is_empty() {
            self.size = 0;
            let mut event = std::mem::take(&mut self.event);
            let says_something = !event.data.is_empty() || !event.name.is_empty();
            event.data.pop();
            return says_something.then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                // Each line of data ends; the end of the last one is taken off with the event.
                self.event.data.push_str(value);
                self.event.data.push('\n');
            }
            // Comments keep the connection alive; other fields are not ours.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
