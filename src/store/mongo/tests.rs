//! What needs no server: the meaning of errors, and that no address is repeated with its password.

use std::error::Error as _;

use mongodb::bson::{deserialize_from_document, doc};
use mongodb::error::{CommandError, Error, ErrorKind};

use super::errors::{Failed, failed};
use super::*;
use crate::domain::address::StoreAddress;

fn answer(code: i32, message: &str) -> Error {
    let answer = doc! { "code": code, "codeName": "Name", "errmsg": message };
    let command: CommandError = deserialize_from_document(answer).unwrap();
    Error::from(ErrorKind::Command(command))
}

/// The variant, and whether the call may be tried again.
fn meaning(error: Error) -> (&'static str, bool) {
    let (error, again) = match failed(error) {
        Failed::Duplicate => return ("Duplicate", false),
        Failed::Lost(error) => (error, true),
        Failed::Told(error) => (error, false),
    };
    let name = match error {
        StoreError::Refused(_) => "Refused",
        StoreError::Unavailable(_) => "Unavailable",
        StoreError::Corrupt(_) => "Corrupt",
        StoreError::NotFound(_)
        | StoreError::Exists(_)
        | StoreError::Conflict(_)
        | StoreError::Fenced(_)
        | StoreError::TooLarge { .. } => "another",
    };
    (name, again)
}

#[test]
fn codes_have_a_meaning() {
    for (code, message, expected) in [
        (11_000, "E11000 duplicate key error", ("Duplicate", false)),
        (13, "not authorized on orch to execute command", ("Refused", false)),
        (18, "Authentication failed.", ("Refused", false)),
        (8_000, "bad auth : Authentication failed.", ("Refused", false)),
        (8_000, "user is not authorized to do that", ("Refused", false)),
        (8_000, "something else", ("Unavailable", false)),
        (10_107, "not primary", ("Unavailable", true)),
        (11_602, "interrupted due to replica set state change", ("Unavailable", true)),
        (91, "shutting down", ("Unavailable", true)),
        (43, "cursor id 7 not found", ("Unavailable", true)),
        (50, "operation exceeded time limit", ("Unavailable", true)),
        (64, "waiting for replication timed out", ("Unavailable", true)),
        (14_031, "out of disk space", ("Unavailable", false)),
    ] {
        assert_eq!(meaning(answer(code, message)), expected, "{code} {message}");
    }
}

#[test]
fn a_lost_connection_may_be_tried_again() {
    let lost = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    assert_eq!(meaning(Error::from(lost)), ("Unavailable", true));
}

#[test]
fn what_a_server_says_is_shortened() {
    let Failed::Told(StoreError::Refused(words)) = failed(answer(13, &"ä".repeat(5_000))) else {
        panic!("it means something else");
    };
    assert!(words.chars().count() < 700, "{}", words.len());
}

/// All that people may get to read of an error.
fn said(error: &StoreError) -> String {
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(" {error} {error:?}"));
        cause = error.source();
    }
    text
}

/// Nobody listens on port 1.
#[tokio::test]
async fn no_error_of_opening_repeats_a_password() {
    for (address, variant) in [
        ("mongodb://orch:hunter2@127.0.0.1:1/team?serverSelectionTimeoutMS=50", "Unavailable"),
        ("mongodb://orch:%zzhunter2@127.0.0.1:1/team", "Refused"),
        ("mongodb://orch:hunter2@127.0.0.1:1:2/team", "Refused"),
        ("mongodb://orch:hunter2@127.0.0.1:1/team?maxPoolSize=many", "Refused"),
        ("mongodb://orch:hunter2@127.0.0.1:1/team?w=majority&nonsense=1", "Refused"),
        ("mongodb://127.0.0.1:1/?authMechanismProperties=hunter2", "Refused"),
    ] {
        let Ok(StoreAddress::Mongo(url)) = address.parse() else { panic!("{address}") };
        let Err(error) = MongoStore::open(&url).await else { panic!("{address} was opened") };
        let said = said(&error);
        assert!(!said.contains("hunter2"), "{address}: {said}");
        assert!(said.contains(variant) && said.contains("127.0.0.1:1"), "{address}: {said}");
    }
}

#[tokio::test]
async fn what_the_driver_does_not_know_is_named_where_nothing_is_secret() {
    let address = "mongodb://127.0.0.1:1/?maxPoolSize=many";
    let Ok(StoreAddress::Mongo(url)) = address.parse() else { panic!("{address}") };
    let Err(error) = MongoStore::open(&url).await else { panic!("it was opened") };
    assert!(said(&error).contains("maxPoolSize"), "{}", said(&error));
    assert!(!said(&error).contains("written as %40"), "{}", said(&error));
}
