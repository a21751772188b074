//! What was acknowledged is there for whoever opens the store next.

use orch::domain::run::Fact;
use orch::domain::stage::Stage;
use orch::store::{Cap, Claim, Collection, Query, Taken, record};

use super::context::Context;
use super::making::{
    append, append_lines, at, change, entry, lines, next, numbers, queued, seconds, stored_queued,
    tell, told,
};
use super::outcome::{Outcome, fenced};
use super::{StoreCase, store_cases};

pub(super) const CASES: &[StoreCase] = store_cases![
    documents_are_there_after_opening_again,
    runs_and_their_events_are_there_after_opening_again,
    the_lead_is_there_after_opening_again,
    slots_are_held_after_opening_again,
    many_may_open_it_at_once,
];

async fn documents_are_there_after_opening_again(context: &Context) -> Outcome {
    for round in 0..3 {
        let store = context.reopen().await?;
        let name = round.to_string();
        let first = entry(&name, &name, "here");
        store.insert(first.clone()).await?;
        store.replace(next(&first)).await?;
        store.insert(entry("gone", "gone", "here")).await?;
        store.delete(Collection::Contexts, "gone", 1).await?;
        drop(store);
        let again = context.reopen().await?;
        assert_eq!(again.get(Collection::Contexts, &name).await?, Some(next(&first)));
        assert_eq!(again.find(Query::all(Collection::Contexts)).await?.len(), round + 1);
    }
    Ok(())
}

async fn runs_and_their_events_are_there_after_opening_again(context: &Context) -> Outcome {
    let store = context.reopen().await?;
    let run = stored_queued(store.as_ref(), 4).await?;
    let run = told(store.as_ref(), &run, &Fact::Dispatched).await?;
    append_lines(store.as_ref(), run.id(), lines(1, 10)).await?;
    let events = store.events(run.id(), 0, 10).await?;
    drop(store);
    let again = context.reopen().await?;
    assert_eq!(record::get(again.as_ref(), &run.id().to_string()).await?, Some(run.clone()));
    assert_eq!(again.events(run.id(), 0, 10).await?, events);
    assert_eq!(again.log_position(run.id(), Stage::Implement, 1).await?.line, 10);
    assert_eq!(append(again.as_ref(), run.id(), "goes on").await?, 4);
    assert_eq!(append_lines(again.as_ref(), run.id(), lines(11, 1)).await?, 5);
    assert_eq!(numbers(context.store.as_ref(), run.id()).await?, [1, 2, 3, 4, 5]);
    Ok(())
}

async fn the_lead_is_there_after_opening_again(context: &Context) -> Outcome {
    let first = context.reopen().await?;
    let Taken::Ours(old) = first.take_lease("one", at(0), seconds(10)).await? else {
        unreachable!("it is free");
    };
    drop(first);
    let again = context.reopen().await?;
    let held = again.take_lease("other", at(5_000), seconds(10)).await?;
    assert_eq!(held, Taken::Held(old.clone()));
    let renewed = again.renew_lease(&old, at(6_000), seconds(10)).await?;
    assert!(matches!(
        again.take_lease("other", at(16_000), seconds(10)).await?,
        Taken::Ours(new) if new.token > renewed.token
    ));
    drop(again);
    let last = context.reopen().await?;
    fenced(last.renew_lease(&renewed, at(17_000), seconds(10)).await);
    Ok(())
}

async fn slots_are_held_after_opening_again(context: &Context) -> Outcome {
    let cap = [Cap { scope: None, limit: 1 }];
    let store = context.reopen().await?;
    let run = stored_queued(store.as_ref(), 4).await?;
    let (active, events) = tell(&run, &Fact::Dispatched);
    assert_eq!(store.claim(change(&active, events), &cap).await?, Claim::Granted(2));
    drop(store);
    let again = context.reopen().await?;
    let other = stored_queued(again.as_ref(), 5).await?;
    let (other, events) = tell(&other, &Fact::Dispatched);
    assert_eq!(again.claim(change(&other, events), &cap).await?, Claim::Full(0));
    Ok(())
}

/// Also where nobody has opened it before, each of them may find that it has to be made.
async fn many_may_open_it_at_once(context: &Context) -> Outcome {
    let opened = futures_util::future::join_all((0..5).map(|_| context.reopen())).await;
    for (number, store) in (10..).zip(opened) {
        let store = store?;
        store.transition(change(&queued(number), Vec::new())).await?;
        store.insert(entry(&number.to_string(), &number.to_string(), "here")).await?;
    }
    assert_eq!(context.store.find(Query::all(Collection::Contexts)).await?.len(), 5);
    assert_eq!(context.store.find(Query::all(Collection::Runs)).await?.len(), 5);
    Ok(())
}
