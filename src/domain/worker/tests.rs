use super::*;
use crate::domain::run::tests::{at, id};

#[test]
fn a_worker_is_alive_while_it_was_heard_lately() {
    let capacity = Capacity { milli_cpus: 2_000, memory: ByteSize::from_mib(512) };
    let address = "unix:///run/docker.sock".parse().unwrap();
    let silent = Worker::new(id(7), "here".parse().unwrap(), address, capacity, at(0));
    let patience = HumanDuration::from_secs(30);
    assert!(!silent.is_alive(at(0), patience), "it was never heard");
    let heard = Worker { heartbeat_at: Some(at(1_000)), ..silent };
    assert!(heard.is_alive(at(31_000), patience));
    assert!(!heard.is_alive(at(31_001), patience));
    assert!(heard.is_alive(at(0), patience), "a clock that was set back kills nobody");
}
