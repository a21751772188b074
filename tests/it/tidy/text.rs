//! Reading Rust just well enough for the house rules: what is code, what is a comment, what is a
//! literal; which words follow each other; which paths are named.

/// What a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// A word, `::`, or one punctuation character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A path as written, with the trees of `use` spread out: `use a::{b, c::d}` is `a::b`, `a::c::d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedPath {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    /// Whether it stands in a `use`.
    pub(crate) is_import: bool,
    /// Whether `!` follows, as in `crate::snapshot!`.
    pub(crate) is_macro: bool,
}

/// The text with comments and literals blanked out; lines and columns stay where they were.
pub(crate) fn code(text: &str) -> String {
    keep(text, |kind| kind == Kind::Code)
}

/// The text with literals blanked out.
pub(crate) fn code_and_comments(text: &str) -> String {
    keep(text, |kind| kind != Kind::Literal)
}

/// The words of code (see [`code`]), each with its line, counted from 1.
pub(crate) fn tokens(code: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (index, line) in code.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let length = match word {
                0 if rest.starts_with("::") => 2,
                0 => first.len_utf8(),
                _ => word,
            };
            let (text, after) = rest.split_at(length);
            tokens.push(Token { text: text.to_owned(), line: index + 1 });
            rest = after.trim_start();
        }
    }
    tokens
}

/// Every path in the tokens, single words among them.
pub(crate) fn paths(tokens: &[Token]) -> Vec<NamedPath> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let next = text(tokens, at + 1);
        // `use<'a>` in a bound captures lifetimes and names no path.
        if text(tokens, at) == "use" && next != "<" {
            at = read_tree(tokens, at + 1, &[], &mut paths);
        } else if starts_word(text(tokens, at)) {
            at = read_path(tokens, at, &mut paths);
        } else {
            at += 1;
        }
    }
    paths
}

fn read_path(tokens: &[Token], start: usize, paths: &mut Vec<NamedPath>) -> usize {
    let mut at = start;
    let mut segments = vec![text(tokens, at).to_owned()];
    while text(tokens, at + 1) == "::" && starts_word(text(tokens, at + 2)) {
        at += 2;
        segments.push(text(tokens, at).to_owned());
    }
    let is_macro = text(tokens, at + 1) == "!";
    paths.push(NamedPath { segments, line: tokens[start].line, is_import: false, is_macro });
    at + 1
}

fn read_tree(
    tokens: &[Token],
    start: usize,
    prefix: &[String],
    paths: &mut Vec<NamedPath>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = start;
    loop {
        match text(tokens, at) {
            "::" => at += 1,
            "{" => {
                at += 1;
                while !matches!(text(tokens, at), "}" | "") {
                    at = match text(tokens, at) {
                        "," => at + 1,
                        _ => read_tree(tokens, at, &segments, paths),
                    };
                }
                return at + 1;
            }
            word if word == "*" || starts_word(word) => {
                segments.push(word.to_owned());
                let line = tokens[at].line;
                at += 1;
                if text(tokens, at) == "::" {
                    continue;
                }
                if text(tokens, at) == "as" {
                    at += 2;
                }
                paths.push(NamedPath { segments, line, is_import: true, is_macro: false });
                return at;
            }
            _ => return at + 1,
        }
    }
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

fn starts_word(text: &str) -> bool {
    text.starts_with(is_word)
}

fn is_word(character: char) -> bool {
    character == '_' || character.is_alphanumeric()
}

fn keep(text: &str, is_kept: impl Fn(Kind) -> bool) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let (kind, length) = piece(&chars[at..]);
        let end = (at + length).min(chars.len());
        for character in &chars[at..end] {
            let stays = *character == '\n' || is_kept(kind);
            kept.push(if stays { *character } else { ' ' });
        }
        at = end;
    }
    kept
}

/// The kind and the length of what the characters begin with. The length may lie past the end when
/// a literal or comment is not closed.
fn piece(chars: &[char]) -> (Kind, usize) {
    match chars {
        ['/', '/', ..] => {
            let length = chars.iter().position(|c| *c == '\n').unwrap_or(chars.len());
            (Kind::Comment, length)
        }
        ['/', '*', ..] => (Kind::Comment, block_comment(chars)),
        ['"', ..] | ['\'', '\\', ..] => (Kind::Literal, quoted(chars)),
        // Anything else after a quote is a lifetime or a label.
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        [first, ..] if is_word(*first) => {
            let length = chars.iter().position(|c| !is_word(*c)).unwrap_or(chars.len());
            let word: String = chars[..length].iter().collect();
            match raw_string(&chars[length..]) {
                Some(rest) if matches!(word.as_str(), "r" | "br" | "cr") => {
                    (Kind::Literal, length + rest)
                }
                Some(_) | None => (Kind::Code, length),
            }
        }
        _ => (Kind::Code, 1),
    }
}

/// The length of a block comment; they nest.
fn block_comment(chars: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < chars.len() {
        match &chars[at..] {
            ['/', '*', ..] => {
                depth += 1;
                at += 2;
            }
            ['*', '/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    at
}

/// The length of a literal that ends at the quote it begins with.
fn quoted(chars: &[char]) -> usize {
    let mut at = 1;
    while at < chars.len() && chars[at] != chars[0] {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// The length of `#"…"#` with any number of hashes; nothing for a raw identifier.
fn raw_string(chars: &[char]) -> Option<usize> {
    let hashes = chars.iter().position(|c| *c != '#')?;
    if chars[hashes] != '"' {
        return None;
    }
    let mut at = hashes + 1;
    while at < chars.len() {
        let closes = chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes;
        at += 1;
        if closes {
            return Some(at + hashes);
        }
    }
    Some(at)
}
