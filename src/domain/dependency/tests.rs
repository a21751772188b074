use super::*;

fn path(task: &str) -> TaskPath {
    format!("acme/web/{task}").parse().unwrap()
}

/// Reads `a>b,c` as "a waits for b and for c", several of them divided by spaces.
fn verdict(start: &str, lines: &str) -> Result<(), String> {
    let mut dependencies = BTreeMap::new();
    for line in lines.split_whitespace() {
        let (task, wanted) = line.split_once('>').unwrap();
        dependencies.insert(path(task), wanted.split(',').map(path).collect());
    }
    check_acyclic(&path(start), &dependencies)
        .map_err(|cycle| cycle.to_string().replace("acme/web/", ""))
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let told = |path: &str| Err(format!("the dependencies form a cycle: {path}"));
    assert_eq!(verdict("a", "a>a"), told("a → a"));
    assert_eq!(verdict("a", "a>b b>a"), told("a → b → a"));
    assert_eq!(verdict("a", "a>b b>c c>d d>a"), told("a → b → c → d → a"));
    // Of two, the shorter.
    assert_eq!(verdict("a", "a>b,x b>c c>a x>a"), told("a → x → a"));
    // A circle on the way does not lead in circles.
    assert_eq!(verdict("a", "a>b b>c c>b,a"), told("a → b → c → a"));
    // The long way is not lost for a branch that leads nowhere.
    assert_eq!(verdict("a", "a>x,b x>y b>c c>y,a"), told("a → b → c → a"));
}

#[test]
fn what_is_free_of_cycles_is_accepted() {
    assert_eq!(verdict("a", ""), Ok(()));
    assert_eq!(verdict("a", "a>unknown"), Ok(()));
    assert_eq!(verdict("a", "a>b,c b>d c>d"), Ok(()), "a diamond is no cycle");
    assert_eq!(verdict("a", "a>b,b b>c,c"), Ok(()), "twice the same is no cycle");
}

#[test]
fn a_cycle_elsewhere_ends_and_is_not_blamed_on_the_start() {
    assert_eq!(verdict("a", "a>b b>c c>b"), Ok(()));
}

#[test]
fn a_long_chain_needs_no_stack() {
    let mut dependencies = BTreeMap::new();
    for number in 0..20_000 {
        dependencies.insert(path(&format!("t{number}")), vec![path(&format!("t{}", number + 1))]);
    }
    assert_eq!(check_acyclic(&path("t0"), &dependencies), Ok(()));
    dependencies.insert(path("t20000"), vec![path("t0")]);
    let cycle = check_acyclic(&path("t0"), &dependencies).unwrap_err();
    assert_eq!(cycle.0.len(), 20_002);
    assert_eq!(cycle.0.first(), cycle.0.last());
}
