use std::collections::{HashMap, HashSet};

use super::*;

#[test]
fn every_action_has_a_key_or_is_listed_as_unbound() {
    let keymap = Keymap::default();
    let bound: HashSet<Action> = keymap.bindings().iter().map(|binding| binding.action).collect();
    for action in Action::ALL {
        let listed = UNBOUND.contains(&action);
        assert!(bound.contains(&action) != listed, "{action:?}: bound or unbound, and not both");
    }
    for action in bound {
        assert!(Action::ALL.contains(&action), "{action:?} is missing in Action::ALL");
    }
}

#[test]
fn no_key_means_two_things_in_one_place() {
    let mut seen = HashMap::new();
    for binding in Keymap::default().bindings() {
        let before = seen.insert((binding.context, binding.chord), binding.action);
        assert_eq!(before, None, "{} in {:?}", binding.chord, binding.context);
    }
}

#[test]
fn what_works_everywhere_is_hidden_nowhere() {
    let keymap = Keymap::default();
    for always in keymap.bindings().iter().filter(|binding| binding.context == Context::Always) {
        for binding in keymap.bindings() {
            let hides = binding.context != Context::Always && binding.chord == always.chord;
            assert!(!hides, "{} is taken in {:?}", binding.chord, binding.context);
        }
    }
}

#[test]
fn the_nearest_context_wins() {
    let keymap = Keymap::default();
    let chord = char('q');
    assert_eq!(keymap.action(&[Context::Help, Context::Always], chord), Some(Action::Close));
    assert_eq!(keymap.action(&[Context::Pane, Context::Always], chord), Some(Action::Quit));
    assert_eq!(keymap.action(&[Context::Confirm], char('r')), None);
}

#[test]
fn shift_is_a_part_of_the_letter() {
    let key = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
    assert_eq!(Chord::from(key), char('G'));
    let key = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
    assert_eq!(Chord::from(key).to_string(), "shift-tab");
}
