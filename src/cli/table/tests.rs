use super::*;

fn lines(rows: &[[&str; 3]]) -> Vec<String> {
    let mut table = Table::new(&["NAME", "WHAT", "LAST"]);
    for row in rows {
        table.row(row.map(|text| (Role::Good, text.to_owned())));
    }
    table.lines(&Ui::new(true, false, true))
}

#[test]
fn columns_are_aligned_by_what_is_seen() {
    assert_eq!(
        lines(&[["a", "b", "c"], ["修复", "é", ""], ["🦀 crab", "two words", "end"]]),
        [
            "NAME     WHAT       LAST",
            "a        b          c",
            "修复     é",
            "🦀 crab  two words  end",
        ]
    );
}

#[test]
fn cells_cannot_steer_the_terminal_or_break_the_table() {
    assert_eq!(
        lines(&[["a\u{1b}[2J", "b\nc", "d\u{202e}e"]]),
        ["NAME  WHAT  LAST", "a     b c   de"]
    );
}

#[test]
fn a_long_cell_is_cut() {
    let long = "x".repeat(500);
    let lines = lines(&[["a", "b", &long]]);
    assert!(lines[1].ends_with('…'));
    assert!(lines[1].width() < 100);
}

#[test]
fn colour_takes_no_room() {
    let mut table = Table::new(&["A", "B"]);
    table.row([(Role::Bad, "x".to_owned()), (Role::Plain, "y".to_owned())]);
    let plain = table.lines(&Ui::new(true, false, true));
    assert_eq!(plain[1], "x  y");
}
