//! The ASCII set. The screen is drawn as always and folded at the very end, so that no widget can
//! forget about it and text from outside is folded too.

use ratatui::buffer::Buffer;

/// Replaces every sign outside of ASCII by one inside.
pub fn fold(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let folded = folded(cell.symbol());
            cell.set_symbol(folded);
        }
    }
}

fn folded(symbol: &str) -> &'static str {
    match symbol {
        "━" | "─" => "-",
        "│" | "┃" | "▏" => "|",
        "┯" | "┷" | "┥" => "+",
        "▸" => "*",
        "▶" | "→" | "›" => ">",
        "←" => "<",
        "↑" => "^",
        "↓" | "▼" | "✓" => "v",
        "◆" => "!",
        "✕" | "×" => "x",
        "‖" => "=",
        "⊘" => "/",
        "·" => ".",
        "…" => "~",
        "’" | "‘" => "'",
        "“" | "”" => "\"",
        "–" | "—" | "−" => "-",
        _ => "?",
    }
}
