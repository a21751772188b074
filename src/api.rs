//! The wire: what the daemon serves and everybody else speaks. JSON in camel case over a unix
//! socket; the documents of the domain travel as they are stored.

pub mod client;
pub mod notice;
pub mod problem;
pub mod request;
pub mod sse;
pub mod transport;
pub mod view;
