//! Why a store did not do as asked.

/// What lies below an error, for people.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the store did not do as asked. Callers act on the variant; the source is for people.
///
/// A name in it is the document's, as `collection/id`. No variant carries an address with its
/// password, nor the body of a document.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The document is not there.
    #[error("{0} is not there")]
    NotFound(String),
    /// The id, or a value that must be unique, is taken.
    #[error("{0} is there already")]
    Exists(String),
    /// The document has another version, or the log another end, than the caller believes.
    #[error("{0} was changed by somebody else")]
    Conflict(String),
    /// Somebody else has taken the lead since the caller did; whatever it decides is void.
    #[error("{0} was written by a daemon that no longer leads")]
    Fenced(String),
    /// It is larger than every store can hold. Repeating the call does not help.
    #[error("{what} has {bytes} bytes, and the store takes {limit}")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// The largest that would do.
        limit: usize,
    },
    /// The store is there and does not let us in, or does not let us write. A person has to act.
    #[error("the store refuses: {0}")]
    Refused(String),
    /// The store cannot be reached, or cannot write now. The call may be repeated, after a look at
    /// what is there: it may have happened.
    #[error("the store does not answer")]
    Unavailable(#[source] Source),
    /// What is stored cannot be read, or is not ours. Nothing was overwritten.
    #[error("the store cannot be used: {0}")]
    Corrupt(String),
}
