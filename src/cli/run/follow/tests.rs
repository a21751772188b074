use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::*;

/// What the server sends on each connection for events before it lets go: the numbers, and
/// whether the stream is ended properly.
type Script = VecDeque<(Vec<u64>, bool)>;

/// Answers on a socket as the daemon would, connection by connection; returns what it was asked to
/// resume after.
fn serve(socket: &Path, script: Script) -> Arc<Mutex<Vec<String>>> {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let listener = UnixListener::bind(socket).expect("the socket is free");
    let script = Arc::new(Mutex::new(script));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).await.expect("a request");
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let mut answer = String::from("HTTP/1.1 200 OK\r\nconnection: close\r\n");
            if head.starts_with("GET /api/events") {
                let after = head.lines().find_map(|line| line.strip_prefix("last-event-id: "));
                seen.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(after.unwrap_or_default().to_owned());
                let next = script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let (numbers, is_whole) = next.expect("nobody asks once more");
                answer.push_str("transfer-encoding: chunked\r\n\r\n");
                for seq in numbers {
                    let event = format!("id: {seq}\ndata: {}\n\n", event(seq));
                    answer.push_str(&format!("{:x}\r\n{event}\r\n", event.len()));
                }
                answer.push_str(if is_whole { "0\r\n\r\n" } else { "" });
            } else {
                let health = r#"{"version":"0.1.0","pid":1,"startedAt":"2026-01-01T00:00:00Z","home":"/","instance":"x"}"#;
                answer.push_str(&format!("content-length: {}\r\n\r\n{health}", health.len()));
            }
            stream.write_all(answer.as_bytes()).await.expect("the client reads");
        }
    });
    asked
}

fn event(seq: u64) -> String {
    let run = crate::domain::id::RunId::from_uuid(uuid::Uuid::from_u128(7));
    format!(
        r#"{{"run":"{run}","seq":{seq},"at":"2026-01-01T00:00:00Z","event":"note","text":"{seq}"}}"#
    )
}

/// The numbers that a follower hands out, and after which ones it asked to resume.
async fn numbers(script: &[(&[u64], bool)], count: usize) -> (Vec<u64>, Vec<String>) {
    let home = tempfile::tempdir_in("/tmp").expect("a folder");
    let run = home.path().join("run");
    std::fs::create_dir(&run).expect("is made");
    std::fs::set_permissions(&run, Permissions::from_mode(0o700)).expect("is private");
    let script = script.iter().map(|(numbers, whole)| (numbers.to_vec(), *whole)).collect();
    let asked = serve(&run.join("orch.sock"), script);
    let home_variable = (OsString::from("ORCH_HOME"), home.path().as_os_str().to_owned());
    let context = Context::new([home_variable]);
    let client = Client::new(run.join("orch.sock"));
    let mut follower = Follower::new(&context, &client, "run", 0);
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let event = follower.next().await.expect("the daemon is there");
        numbers.push(event.expect("the run goes on").seq);
    }
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    (numbers, asked)
}

#[tokio::test]
async fn a_broken_connection_costs_and_doubles_nothing() {
    let script: &[(&[u64], bool)] = &[(&[1, 2], false), (&[2, 3], true), (&[4, 4, 3, 5], true)];
    let (numbers, asked) = numbers(script, 5).await;
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
    assert_eq!(asked, ["0", "2", "3"]);
}

#[tokio::test]
async fn a_gap_is_read_once_more_before_it_is_believed() {
    let (found, asked) = numbers(&[(&[1, 4], true), (&[2, 3, 4], true)], 4).await;
    assert_eq!(found, [1, 2, 3, 4]);
    assert_eq!(asked, ["0", "1"]);
    let (found, _) = numbers(&[(&[1, 4], true), (&[4, 5], true)], 3).await;
    assert_eq!(found, [1, 4, 5], "what is missing twice is missing in the record");
}
