use clap::error::ErrorKind;

use super::*;

/// The help of every command, one after the other.
fn whole_help(command: &mut clap::Command, path: &str, text: &mut String) {
    let help = command.clone().term_width(100).render_long_help();
    text.push_str(&format!("$ {path} --help\n{help}\n"));
    for subcommand in command.get_subcommands_mut() {
        if subcommand.get_name() != "help" {
            let path = format!("{path} {}", subcommand.get_name());
            whole_help(subcommand, &path, text);
        }
    }
}

fn refused(words: &[&str]) -> clap::Error {
    let words = std::iter::once("orch").chain(words.iter().copied());
    command().try_get_matches_from(words).expect_err("must be refused")
}

#[test]
fn the_whole_help() {
    let mut command = command();
    command.build();
    let mut text = String::new();
    whole_help(&mut command, "orch", &mut text);
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    insta::with_settings!({
        snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots"),
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("cli_help", text.join("\n"));
    });
}

#[test]
fn the_definition_holds_together() {
    command().debug_assert();
}

#[test]
fn every_command_is_in_a_group_of_the_help() {
    let mut grouped: Vec<&str> =
        GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    let command = command();
    let mut known: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    grouped.sort_unstable();
    known.sort_unstable();
    assert_eq!(grouped, known);
}

#[test]
fn every_command_and_every_flag_says_what_it_does() {
    fn check(command: &clap::Command, path: &str) {
        assert!(command.get_about().is_some(), "{path} says nothing of itself");
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(argument.get_help().is_some(), "{path} says nothing of {name}");
        }
        for subcommand in command.get_subcommands() {
            check(subcommand, &format!("{path} {}", subcommand.get_name()));
        }
    }
    check(&command(), "orch");
}

#[test]
fn a_misspelt_command_is_told_the_nearest() {
    let error = refused(&["rnus"]);
    assert_eq!(error.kind(), ErrorKind::InvalidSubcommand);
    assert!(error.to_string().contains("'runs'"), "{error}");
}

#[test]
fn values_are_refused_with_a_reason() {
    for (words, reason) in [
        (&["run", "--timeout", "-5m"][..], "it is negative"),
        (&["run", "--timeout", "5"], "its unit is missing"),
        (&["run", "--sandbox", "podman"], "possible values: docker, process"),
        (&["run", "--env", "A"], "write NAME=VALUE"),
        (&["run", "--prompt", "a", "--file", "b"], "cannot be used with"),
        (&["project", "create", "My Shop"], "try `my-shop`"),
        (&["task", "show", "shop/nightly"], "write project/repo/task"),
        (&["runs", "--limit", "0"], "0 is not in 1.."),
        (&["task", "create", "a/b/c", "d"], "invalid value 'd'"),
    ] {
        let told = refused(words).to_string();
        assert!(told.contains(reason), "{words:?}: {told}");
    }
}
