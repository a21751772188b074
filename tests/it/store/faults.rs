//! A connection that breaks: who was told `Unavailable` looks, and finds all or nothing.

use std::sync::Arc;

use orch::domain::run::Fact;
use orch::domain::stage::Stage;
use orch::store::fault::{Fault, FaultyStore, Moment};
use orch::store::{
    Cap, Claim, Collection, Document, Expiry, Fence, Imported, Query, Store, Taken, instant, record,
};

use super::context::Context;
use super::making::{
    append, append_lines, at, change, document, entry, id, lines, next, note, numbers, queued,
    seconds, stored_queued, tell,
};
use super::outcome::{Outcome, conflict, exists, fenced, not_found, unavailable};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    an_insert_that_broke_can_be_looked_at_and_repeated,
    a_replacement_that_broke_can_be_looked_at_and_repeated,
    a_deletion_that_broke_can_be_looked_at_and_repeated,
    a_new_run_that_broke_can_be_looked_at_and_repeated,
    a_transition_that_broke_can_be_looked_at_and_repeated,
    a_claim_that_broke_can_be_looked_at_and_repeated,
    an_event_that_broke_can_be_looked_at,
    a_chunk_that_broke_can_be_looked_at_and_repeated,
    a_takeover_that_broke_can_be_repeated,
    a_renewal_and_a_release_that_broke_can_be_repeated,
    an_expiry_that_broke_can_be_repeated,
    an_import_that_broke_can_be_looked_at,
    a_read_that_broke_can_be_repeated,
];

const MOMENTS: [Moment; 2] = [Moment::Before, Moment::After];

/// The case's store, whose first write breaks.
fn breaking(context: &Context, moment: Moment) -> FaultyStore {
    FaultyStore::new(Arc::clone(&context.store), Fault::at_write(1, moment))
}

async fn an_insert_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (name, moment) in ["a", "b"].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let written = entry(name, name, "here");
        unavailable(store.insert(written.clone()).await);
        let found = store.get(Collection::Contexts, name).await?;
        let again = store.insert(written.clone()).await;
        match moment {
            Moment::Before => {
                assert_eq!(found, None);
                again?;
            }
            Moment::After => {
                assert_eq!(found.as_ref(), Some(&written));
                exists(again);
            }
        }
        assert_eq!(store.get(Collection::Contexts, name).await?, Some(written));
    }
    Ok(())
}

async fn a_replacement_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (name, moment) in ["a", "b"].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let old = entry(name, name, "here");
        context.store.insert(old.clone()).await?;
        unavailable(store.replace(next(&old)).await);
        let found = store.get(Collection::Contexts, name).await?;
        let again = store.replace(next(&old)).await;
        match moment {
            Moment::Before => {
                assert_eq!(found, Some(old.clone()));
                again?;
            }
            Moment::After => {
                assert_eq!(found, Some(next(&old)));
                conflict(again);
            }
        }
        assert_eq!(store.get(Collection::Contexts, name).await?, Some(next(&old)));
    }
    Ok(())
}

async fn a_deletion_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (name, moment) in ["a", "b"].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        context.store.insert(entry(name, name, "here")).await?;
        unavailable(store.delete(Collection::Contexts, name, 1).await);
        let found = store.get(Collection::Contexts, name).await?;
        let again = store.delete(Collection::Contexts, name, 1).await;
        match moment {
            Moment::Before => {
                assert!(found.is_some());
                again?;
            }
            Moment::After => {
                assert_eq!(found, None);
                not_found(again);
            }
        }
    }
    assert_eq!(context.store.find(Query::all(Collection::Contexts)).await?, []);
    Ok(())
}

async fn a_new_run_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (number, moment) in [4, 5].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let run = queued(number);
        let made = change(&run, vec![note("made"), note("and told")]);
        unavailable(store.transition(made.clone()).await);
        let name = run.id().to_string();
        let found: Option<_> = record::get(&store, &name).await?;
        let again = store.transition(made).await;
        match moment {
            Moment::Before => {
                assert_eq!(found, None);
                assert_eq!(again?, 2);
            }
            Moment::After => {
                assert_eq!(found.as_ref(), Some(&run));
                exists(again);
            }
        }
        assert_eq!(record::get(&store, &name).await?, Some(run.clone()));
        assert_eq!(numbers(&store, run.id()).await?, [1, 2]);
    }
    Ok(())
}

async fn a_transition_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (number, moment) in [4, 5].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let run = stored_queued(context.store.as_ref(), number).await?;
        let (active, events) = tell(&run, &Fact::Dispatched);
        let dispatched = change(&active, events);
        unavailable(store.transition(dispatched.clone()).await);
        let name = run.id().to_string();
        let found = record::get(&store, &name).await?;
        let told = numbers(&store, run.id()).await?;
        let again = store.transition(dispatched).await;
        match moment {
            Moment::Before => {
                assert_eq!((found, told), (Some(run.clone()), vec![1]));
                assert_eq!(again?, 2);
            }
            Moment::After => {
                assert_eq!((found.as_ref(), told), (Some(&active), vec![1, 2]));
                conflict(again);
            }
        }
        assert_eq!(record::get(&store, &name).await?, Some(active));
        assert_eq!(numbers(&store, run.id()).await?, [1, 2]);
    }
    Ok(())
}

async fn a_claim_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    let caps = |limit| [Cap { scope: None, limit }];
    for (number, moment) in [4, 5].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let run = stored_queued(context.store.as_ref(), number).await?;
        let (active, events) = tell(&run, &Fact::Dispatched);
        let claim = change(&active, events);
        let limit = u32::try_from(number)? - 3;
        unavailable(store.claim(claim.clone(), &caps(limit)).await);
        let name = run.id().to_string();
        let found = record::get(&store, &name).await?;
        let again = store.claim(claim, &caps(limit)).await;
        match moment {
            Moment::Before => {
                assert_eq!(found, Some(run.clone()));
                assert_eq!(again?, Claim::Granted(2));
            }
            Moment::After => {
                assert_eq!(found.as_ref(), Some(&active));
                conflict(again);
            }
        }
        assert_eq!(numbers(&store, run.id()).await?, [1, 2]);
        // The slot is taken once.
        let other = stored_queued(context.store.as_ref(), number + 10).await?;
        let (other, _) = tell(&other, &Fact::Dispatched);
        let full = store.claim(change(&other, Vec::new()), &caps(limit)).await?;
        assert_eq!(full, Claim::Full(0));
    }
    Ok(())
}

async fn an_event_that_broke_can_be_looked_at(context: &Context) -> Outcome {
    for (number, moment) in [4, 5].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let run = stored_queued(context.store.as_ref(), number).await?.id();
        unavailable(append(&store, run, "told").await);
        let expected: &[u64] = match moment {
            Moment::Before => &[1],
            Moment::After => &[1, 2],
        };
        assert_eq!(numbers(&store, run).await?, expected);
        // An event has no name of its own: who repeats it tells it twice, and without a gap.
        assert_eq!(append(&store, run, "told").await?, expected.len() as u64 + 1);
    }
    Ok(())
}

async fn a_chunk_that_broke_can_be_looked_at_and_repeated(context: &Context) -> Outcome {
    for (number, moment) in [4, 5].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let run = stored_queued(context.store.as_ref(), number).await?.id();
        unavailable(append_lines(&store, run, lines(1, 10)).await);
        let position = store.log_position(run, Stage::Implement, 1).await?;
        let again = append_lines(&store, run, lines(1, 10)).await;
        match moment {
            Moment::Before => {
                assert_eq!(position.line, 0);
                assert_eq!(again?, 2);
            }
            Moment::After => {
                assert_eq!((position.line, position.checksum.as_str()), (10, "sum 11"));
                conflict(again);
            }
        }
        assert_eq!(store.log(run, 1, 100).await?.events.len(), 1);
        assert_eq!(append_lines(&store, run, lines(11, 1)).await?, 3);
    }
    Ok(())
}

async fn a_takeover_that_broke_can_be_repeated(context: &Context) -> Outcome {
    let mut last = 0;
    for (round, moment) in [0, 100_000].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        unavailable(store.take_lease("one", at(round), seconds(10)).await);
        let Taken::Ours(lease) = store.take_lease("one", at(round + 1), seconds(10)).await? else {
            unreachable!("whoever took it may take it again");
        };
        assert!(lease.token > last);
        last = lease.token;
        let held = store.take_lease("other", at(round + 2), seconds(10)).await?;
        assert_eq!(held, Taken::Held(lease.clone()));
        store.renew_lease(&lease, at(round + 3), seconds(10)).await?;
    }
    Ok(())
}

async fn a_renewal_and_a_release_that_broke_can_be_repeated(context: &Context) -> Outcome {
    for (round, moment) in [0, 100_000].into_iter().zip(MOMENTS) {
        let taken = context.store.take_lease("one", at(round), seconds(10)).await?;
        let Taken::Ours(lease) = taken else {
            unreachable!("it was given back");
        };
        let store = breaking(context, moment);
        unavailable(store.renew_lease(&lease, at(round + 5_000), seconds(10)).await);
        let lease = store.renew_lease(&lease, at(round + 6_000), seconds(10)).await?;
        assert_eq!(lease.until, at(round + 16_000));
        let store = breaking(context, moment);
        unavailable(store.release_lease(&lease).await);
        store.release_lease(&lease).await?;
        fenced(store.renew_lease(&lease, at(round + 7_000), seconds(10)).await);
    }
    Ok(())
}

async fn an_expiry_that_broke_can_be_repeated(context: &Context) -> Outcome {
    let audit = Expiry::Documents(Collection::Audit);
    for (name, moment) in ["a", "b"].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let old = document(Collection::Audit, name, &[("age", &instant(at(0)))]);
        context.store.insert(old).await?;
        unavailable(store.expire(audit, at(1), 10).await);
        let left = store.get(Collection::Audit, name).await?;
        assert_eq!(left.is_some(), moment == Moment::Before);
        let again = store.expire(audit, at(1), 10).await?;
        assert_eq!((again.removed, again.more), (u64::from(left.is_some()), false));
        assert_eq!(store.get(Collection::Audit, name).await?, None);
    }
    Ok(())
}

async fn an_import_that_broke_can_be_looked_at(context: &Context) -> Outcome {
    for (name, moment) in ["a", "b"].into_iter().zip(MOMENTS) {
        let store = breaking(context, moment);
        let old = Document { version: 7, ..entry(name, name, "here") };
        let batch = vec![Imported::Document(old.clone())];
        unavailable(store.import(batch.clone()).await);
        let again = store.import(batch).await;
        match moment {
            Moment::Before => again?,
            Moment::After => exists(again),
        }
        assert_eq!(store.get(Collection::Contexts, name).await?, Some(old));
    }
    Ok(())
}

async fn a_read_that_broke_can_be_repeated(context: &Context) -> Outcome {
    let run = stored_queued(context.store.as_ref(), 4).await?.id();
    context.store.append_chunk(run, at(0), lines(1, 3), Fence::NONE).await?;
    let name = id::<()>(4).to_string();
    for moment in MOMENTS {
        for number in 1..=5 {
            let inner = Arc::clone(&context.store);
            let store = FaultyStore::new(inner, Fault::at_call(number, moment));
            let mut broken = 0;
            for _ in 0..2 {
                broken += u64::from(store.get(Collection::Runs, &name).await.is_err());
                broken += u64::from(store.find(Query::all(Collection::Runs)).await.is_err());
                broken += u64::from(store.events(run, 0, 10).await.is_err());
                broken += u64::from(store.log(run, 0, 10).await.is_err());
                let position = store.log_position(run, Stage::Implement, 1).await;
                broken += u64::from(position.is_err());
            }
            assert_eq!((broken, store.counted()), (1, 10));
        }
    }
    Ok(())
}
