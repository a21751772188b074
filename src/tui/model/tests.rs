use super::*;
use crate::domain::duration::HumanDuration;
use crate::domain::id::Id;
use crate::domain::project::Project;
use jiff::Timestamp;
use uuid::Uuid;

fn project(number: u128, slug: &str, version: u64) -> Project {
    let mut project = Project::new(
        Id::from_uuid(Uuid::from_u128(number)),
        slug.parse().unwrap(),
        Timestamp::UNIX_EPOCH,
    );
    project.version = version;
    project
}

fn slugs(model: &Model) -> Vec<&str> {
    model.projects().iter().map(|project| project.slug.as_str()).collect()
}

fn tell(model: &mut Model, project: Project) -> bool {
    model.take(Notice::Project { project: Box::new(project) })
}

#[test]
fn things_are_listed_by_name_and_the_newest_version_wins() {
    let mut model = Model::default();
    assert!(tell(&mut model, project(1, "web", 1)));
    assert!(tell(&mut model, project(2, "api", 1)));
    assert_eq!(slugs(&model), ["api", "web"]);
    assert!(tell(&mut model, project(1, "shop", 3)));
    assert!(!tell(&mut model, project(1, "web", 2)));
    assert_eq!(slugs(&model), ["api", "shop"]);
}

#[test]
fn what_is_put_away_goes() {
    let mut model = Model::default();
    tell(&mut model, project(1, "web", 1));
    let mut archived = project(1, "web", 2);
    archived.archived_at = Some(HumanDuration::from_secs(1).after(Timestamp::UNIX_EPOCH));
    assert!(tell(&mut model, archived));
    assert_eq!(slugs(&model), [""; 0]);
}

#[test]
fn a_new_picture_replaces_the_old_one() {
    let mut model = Model::default();
    assert!(!model.is_filled());
    tell(&mut model, project(1, "web", 1));
    let projects = vec![project(2, "api", 1)];
    model.fill(Snapshot { projects, ..Snapshot::default() });
    assert!(model.is_filled());
    assert_eq!(slugs(&model), ["api"]);
}
