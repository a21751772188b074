//! The lead: one has it at a time, and whoever lost it writes nothing any more.

use std::sync::Arc;

use orch::domain::run::{Fact, Run};
use orch::store::{
    Cap, Collection, Fence, Lease, Query, Store, StoreError, Taken, Transition, record,
};

use super::context::Context;
use super::making::{
    append, at, at_once, change, ended, lines, note, numbers, queued, seconds, stored_queued, tell,
};
use super::outcome::{Outcome, fenced};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    the_lead_is_one_holders,
    the_lead_is_over_exactly_at_its_end,
    its_holder_may_take_it_again,
    a_renewal_moves_the_end,
    a_renewal_after_the_end_counts_where_nobody_was_faster,
    who_lost_the_lead_renews_nothing,
    a_lead_that_was_given_back_is_free_at_once,
    what_is_somebody_elses_is_not_given_back,
    tokens_only_grow,
    of_twenty_who_take_the_lead_one_gets_it,
    of_twenty_who_follow_a_dead_leader_one_gets_it,
    a_former_leader_writes_nothing,
    a_former_leader_writes_nothing_to_an_ended_run,
    the_leader_and_who_is_alone_may_write,
    a_leader_whose_time_is_over_writes_until_somebody_follows,
    no_write_of_a_former_leader_lands_after_the_takeover,
];

/// Takes a lead that is free.
async fn take(store: &dyn Store, holder: &str, now: i64) -> Result<Lease, StoreError> {
    match store.take_lease(holder, at(now), seconds(10)).await? {
        Taken::Ours(lease) => Ok(lease),
        Taken::Held(by) => Err(StoreError::Refused(format!("it is held by {by:?}"))),
    }
}

async fn the_lead_is_one_holders(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let lease = take(context.store.as_ref(), "one", 0).await?;
    assert_eq!((lease.holder.as_str(), lease.until), ("one", at(10_000)));
    assert!(lease.token > 0);
    for store in [&context.store, &other] {
        let answer = store.take_lease("other", at(5_000), seconds(10)).await?;
        assert_eq!(answer, Taken::Held(lease.clone()));
    }
    // Who asked in vain has changed nothing.
    let renewed = other.renew_lease(&lease, at(6_000), seconds(10)).await?;
    assert_eq!(renewed, Lease { until: at(16_000), ..lease });
    Ok(())
}

async fn the_lead_is_over_exactly_at_its_end(context: &Context) -> Outcome {
    let store = &context.store;
    let lease = take(store.as_ref(), "one", 0).await?;
    let before = store.take_lease("other", at(9_999), seconds(10)).await?;
    assert_eq!(before, Taken::Held(lease.clone()));
    let Taken::Ours(next) = store.take_lease("other", at(10_000), seconds(10)).await? else {
        unreachable!("its time is over at its end");
    };
    assert!(next.token > lease.token);
    assert_eq!((next.holder.as_str(), next.until), ("other", at(20_000)));
    fenced(store.renew_lease(&lease, at(10_001), seconds(10)).await);
    Ok(())
}

async fn its_holder_may_take_it_again(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let first = take(store, "one", 0).await?;
    // As after a restart: it does not have to wait for itself, and what it did before is void.
    let second = take(store, "one", 1_000).await?;
    assert!(second.token > first.token);
    assert_eq!(second.until, at(11_000));
    fenced(store.append_event(run.id(), at(0), note("no"), first.fence()).await);
    fenced(store.renew_lease(&first, at(2_000), seconds(10)).await);
    store.append_event(run.id(), at(0), note("yes"), second.fence()).await?;
    Ok(())
}

async fn a_renewal_moves_the_end(context: &Context) -> Outcome {
    let store = &context.store;
    let mut lease = take(store.as_ref(), "one", 0).await?;
    for now in [1_000, 2_000, 8_000] {
        let renewed = store.renew_lease(&lease, at(now), seconds(10)).await?;
        assert_eq!(renewed, Lease { until: at(now + 10_000), ..lease.clone() });
        lease = renewed;
    }
    let answer = store.take_lease("other", at(17_999), seconds(10)).await?;
    assert_eq!(answer, Taken::Held(lease));
    take(store.as_ref(), "other", 18_000).await?;
    Ok(())
}

async fn a_renewal_after_the_end_counts_where_nobody_was_faster(context: &Context) -> Outcome {
    let store = &context.store;
    let lease = take(store.as_ref(), "one", 0).await?;
    let renewed = store.renew_lease(&lease, at(60_000), seconds(10)).await?;
    assert_eq!(renewed, Lease { until: at(70_000), ..lease });
    let answer = store.take_lease("other", at(65_000), seconds(10)).await?;
    assert_eq!(answer, Taken::Held(renewed));
    Ok(())
}

async fn who_lost_the_lead_renews_nothing(context: &Context) -> Outcome {
    let store = &context.store;
    let first = take(store.as_ref(), "one", 0).await?;
    let second = take(store.as_ref(), "other", 10_000).await?;
    fenced(store.renew_lease(&first, at(11_000), seconds(60)).await);
    let answer = store.take_lease("third", at(12_000), seconds(10)).await?;
    assert_eq!(answer, Taken::Held(second.clone()), "the new leader has what it had");
    // Nor does it when the new one's time is over too.
    fenced(store.renew_lease(&first, at(90_000), seconds(60)).await);
    store.renew_lease(&second, at(91_000), seconds(10)).await?;
    Ok(())
}

async fn a_lead_that_was_given_back_is_free_at_once(context: &Context) -> Outcome {
    let store = &context.store;
    let first = take(store.as_ref(), "one", 0).await?;
    store.release_lease(&first).await?;
    fenced(store.renew_lease(&first, at(1_000), seconds(10)).await);
    let second = take(store.as_ref(), "other", 1_000).await?;
    assert!(second.token > first.token);
    store.release_lease(&second).await?;
    store.release_lease(&second).await?;
    let third = take(store.as_ref(), "other", 1_000).await?;
    assert!(third.token > second.token);
    Ok(())
}

async fn what_is_somebody_elses_is_not_given_back(context: &Context) -> Outcome {
    let store = &context.store;
    let never = Lease { holder: "nobody".to_owned(), token: 7, until: at(0) };
    store.release_lease(&never).await?;
    fenced(store.renew_lease(&never, at(0), seconds(10)).await);
    let first = take(store.as_ref(), "one", 0).await?;
    let second = take(store.as_ref(), "other", 10_000).await?;
    store.release_lease(&first).await?;
    let answer = store.take_lease("third", at(11_000), seconds(10)).await?;
    assert_eq!(answer, Taken::Held(second.clone()));
    store.renew_lease(&second, at(12_000), seconds(10)).await?;
    Ok(())
}

async fn tokens_only_grow(context: &Context) -> Outcome {
    let mut last = 0;
    for round in 0..5 {
        let store = context.reopen().await?;
        let holder = if round % 2 == 0 { "one" } else { "other" };
        let lease = take(store.as_ref(), holder, round * 100_000).await?;
        assert!(lease.token > last, "{} after {last}", lease.token);
        last = lease.token;
        if round % 3 != 0 {
            store.release_lease(&lease).await?;
        }
    }
    Ok(())
}

/// The leases of those that got one; all others were told who has it.
async fn take_at_once(context: &Context, now: i64) -> Result<Vec<Lease>, StoreError> {
    let other = context.reopen().await?;
    let answers = at_once(20, |number| {
        let store = Arc::clone(if number % 2 == 0 { &context.store } else { &other });
        async move { store.take_lease(&format!("daemon {number}"), at(now), seconds(10)).await }
    })
    .await;
    let (mut taken, mut held) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer? {
            Taken::Ours(lease) => taken.push(lease),
            Taken::Held(lease) => held.push(lease),
        }
    }
    assert!(held.iter().all(|lease| taken.contains(lease)), "{held:?} is not of {taken:?}");
    Ok(taken)
}

async fn of_twenty_who_take_the_lead_one_gets_it(context: &Context) -> Outcome {
    let taken = take_at_once(context, 0).await?;
    assert_eq!(taken.len(), 1, "{taken:?}");
    context.store.renew_lease(&taken[0], at(1_000), seconds(10)).await?;
    Ok(())
}

async fn of_twenty_who_follow_a_dead_leader_one_gets_it(context: &Context) -> Outcome {
    let mut last = take(context.store.as_ref(), "dead", 0).await?;
    for round in 1..=3 {
        let taken = take_at_once(context, round * 20_000).await?;
        assert_eq!(taken.len(), 1, "{taken:?}");
        assert!(taken[0].token > last.token);
        fenced(context.store.renew_lease(&last, at(round * 20_000), seconds(10)).await);
        last = taken[0].clone();
    }
    Ok(())
}

/// Each write that takes a fence, shown this one; what it would tell of is never told.
async fn writes(
    store: &dyn Store,
    run: &Run,
    new: u128,
    fence: Fence,
) -> [(&'static str, Result<(), StoreError>); 6] {
    let told = || vec![note("by its fence")];
    let with = |change: Transition| Transition { fence, ..change };
    let (active, _) = tell(run, &Fact::Dispatched);
    let cap = [Cap { scope: None, limit: 50 }];
    let kind = note("by its fence");
    let append = store.append_event(run.id(), at(0), kind, fence).await.map(drop);
    let chunk = store.append_chunk(run.id(), at(0), lines(1, 3), fence).await.map(drop);
    let new_run = store.transition(with(change(&queued(new), told()))).await.map(drop);
    let new_claim = store.claim(with(change(&queued(new + 1), told())), &cap).await.map(drop);
    let claim = store.claim(with(change(&active, told())), &cap).await.map(drop);
    let (next, _) = tell(&active, &Fact::CancelRequested);
    let after = if claim.is_ok() { &next } else { &active };
    let transition = store.transition(with(change(after, told()))).await.map(drop);
    [
        ("append_event", append),
        ("append_chunk", chunk),
        ("a new run", new_run),
        ("a new run's claim", new_claim),
        ("claim", claim),
        ("transition", transition),
    ]
}

/// Nothing of [`writes`] was done.
async fn is_untouched(store: &dyn Store, run: &Run, new: u128) -> Result<(), StoreError> {
    assert_eq!(record::get(store, &run.id().to_string()).await?, Some(run.clone()));
    assert_eq!(numbers(store, run.id()).await?, [1]);
    let range = store.log(run.id(), 0, 10).await?;
    assert_eq!((range.events.len(), range.last_line, range.last_seq), (0, 0, 1));
    for number in [new, new + 1] {
        let name = queued(number).id().to_string();
        assert_eq!(store.get(Collection::Runs, &name).await?, None);
        assert_eq!(numbers(store, queued(number).id()).await?, [0; 0]);
    }
    assert_eq!(store.find(Query::all(Collection::Runs)).await?.len(), 1);
    Ok(())
}

async fn a_former_leader_writes_nothing(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let other = context.reopen().await?;
    let first = take(store, "one", 0).await?;
    let run = stored_queued(store, 4).await?;
    let second = take(other.as_ref(), "other", 10_000).await?;
    for (what, answer) in writes(store, &run, 10, first.fence()).await {
        assert!(matches!(answer, Err(StoreError::Fenced(_))), "{what}: {answer:?}");
    }
    is_untouched(store, &run, 10).await?;
    // Also when the new one has gone, and when there is a third.
    other.release_lease(&second).await?;
    for (what, answer) in writes(store, &run, 10, first.fence()).await {
        assert!(matches!(answer, Err(StoreError::Fenced(_))), "{what}: {answer:?}");
    }
    take(store, "third", 11_000).await?;
    for (what, answer) in writes(store, &run, 10, second.fence()).await {
        assert!(matches!(answer, Err(StoreError::Fenced(_))), "{what}: {answer:?}");
    }
    is_untouched(store, &run, 10).await?;
    Ok(())
}

async fn a_former_leader_writes_nothing_to_an_ended_run(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let first = take(store, "one", 0).await?;
    let run = stored_queued(store, 4).await?;
    let run = ended(store, &run, at(5_000)).await?;
    let told = numbers(store, run.id()).await?;
    take(store, "other", 10_000).await?;
    fenced(store.append_event(run.id(), at(0), note("no"), first.fence()).await);
    fenced(store.append_chunk(run.id(), at(0), lines(1, 1), first.fence()).await);
    assert_eq!(numbers(store, run.id()).await?, told);
    // Nor to one that the new leader made.
    let new = stored_queued(store, 5).await?;
    fenced(store.append_event(new.id(), at(0), note("no"), first.fence()).await);
    assert_eq!(numbers(store, new.id()).await?, [1]);
    Ok(())
}

async fn the_leader_and_who_is_alone_may_write(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let first = take(store, "one", 0).await?;
    for (what, answer) in writes(store, &run, 10, first.fence()).await {
        assert!(answer.is_ok(), "{what}: {answer:?}");
    }
    let run = stored_queued(store, 5).await?;
    let second = take(store, "other", 10_000).await?;
    for (what, answer) in writes(store, &run, 20, second.fence()).await {
        assert!(answer.is_ok(), "{what}: {answer:?}");
    }
    let run = stored_queued(store, 6).await?;
    for (what, answer) in writes(store, &run, 30, Fence::NONE).await {
        assert!(answer.is_ok(), "{what}: {answer:?}");
    }
    Ok(())
}

async fn a_leader_whose_time_is_over_writes_until_somebody_follows(context: &Context) -> Outcome {
    let store = context.store.as_ref();
    let run = stored_queued(store, 4).await?;
    let lease = take(store, "one", 0).await?;
    // Nobody else decides: its clock may only be slow.
    store.append_event(run.id(), at(60_000), note("late"), lease.fence()).await?;
    let renewed = store.renew_lease(&lease, at(61_000), seconds(10)).await?;
    store.append_event(run.id(), at(61_000), note("renewed"), lease.fence()).await?;
    store.append_event(run.id(), at(61_000), note("renewed"), renewed.fence()).await?;
    store.release_lease(&renewed).await?;
    take(store, "other", 62_000).await?;
    fenced(store.append_event(run.id(), at(62_000), note("no"), renewed.fence()).await);
    assert_eq!(numbers(store, run.id()).await?, [1, 2, 3, 4]);
    Ok(())
}

/// The former leader writes without a pause; from the moment on at which the takeover was
/// answered, nothing of it arrives.
async fn no_write_of_a_former_leader_lands_after_the_takeover(context: &Context) -> Outcome {
    let other = context.reopen().await?;
    let mut old = take(context.store.as_ref(), "daemon 0", 0).await?;
    for round in 1..=5 {
        let run = stored_queued(context.store.as_ref(), 100 + round).await?.id();
        let writers: Vec<_> = (0..4)
            .map(|_| {
                let (store, fence) = (Arc::clone(&context.store), old.fence());
                tokio::spawn(async move {
                    for _ in 0..5_000 {
                        match store.append_event(run, at(0), note("old"), fence).await {
                            Ok(_) => {}
                            Err(StoreError::Fenced(_)) => return Ok(()),
                            Err(other) => return Err(other),
                        }
                    }
                    Err(StoreError::Conflict("a former leader is never stopped: it".to_owned()))
                })
            })
            .collect();
        while numbers(other.as_ref(), run).await?.len() < 5 {
            tokio::task::yield_now().await;
        }
        let now = i64::try_from(round)? * 20_000;
        let new = take(other.as_ref(), &format!("daemon {round}"), now).await?;
        let seen = numbers(other.as_ref(), run).await?;
        for writer in writers {
            writer.await.expect("no task panics")?;
        }
        assert_eq!(numbers(other.as_ref(), run).await?, seen, "round {round}");
        append(other.as_ref(), run, "new").await?;
        old = new;
    }
    Ok(())
}
