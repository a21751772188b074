//! Checks a JSON document against a JSON schema.
//!
//! Only the keywords that our own generated schemas use are known; a schema with any other one is
//! refused as a whole, so that nothing is ever waved through unchecked. A test holds the verdicts
//! against a complete implementation of the standard.

use std::fmt;

use serde_json::{Map, Value};

/// One place where a document breaks its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The place, as a JSON pointer.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.at.is_empty() { "/" } else { &self.at };
        write!(f, "{place}: {}", self.what)
    }
}

/// Checks `document` against `schema`.
///
/// # Errors
/// Every violation found, the document's or the schema's own.
pub fn check(schema: &Value, document: &Value) -> Result<(), Vec<Violation>> {
    let mut checker = Checker { root: schema, violations: Vec::new() };
    checker.visit(schema, document, "");
    if checker.violations.is_empty() { Ok(()) } else { Err(checker.violations) }
}

struct Checker<'a> {
    root: &'a Value,
    violations: Vec<Violation>,
}

impl<'a> Checker<'a> {
    fn report(&mut self, at: &str, what: impl Into<String>) {
        self.violations.push(Violation { at: at.to_owned(), what: what.into() });
    }

    fn visit(&mut self, schema: &'a Value, value: &Value, at: &str) {
        let Value::Object(keywords) = schema else {
            match schema {
                Value::Bool(true) => {}
                _ => self.report(at, "nothing is allowed here"),
            }
            return;
        };
        for (keyword, argument) in keywords {
            self.keyword(keyword, argument, keywords, value, at);
        }
    }

    fn keyword(
        &mut self,
        keyword: &str,
        argument: &'a Value,
        siblings: &'a Map<String, Value>,
        value: &Value,
        at: &str,
    ) {
        match keyword {
            "$schema" | "$defs" | "title" | "description" | "format" | "default" => {}
            "$ref" => match self.resolve(argument) {
                Some(target) => self.visit(target, value, at),
                None => {
                    self.report(at, format!("the schema refers to {argument}, which is not there"))
                }
            },
            "type" => self.expect_type(argument, value, at),
            "enum" => {
                if !argument.as_array().is_some_and(|allowed| allowed.contains(value)) {
                    self.report(at, format!("must be one of {argument}"));
                }
            }
            "const" => {
                if value != argument {
                    self.report(at, format!("must be {argument}"));
                }
            }
            "anyOf" | "oneOf" => self.expect_alternative(keyword, argument, value, at),
            "properties" => {
                let (Value::Object(known), Value::Object(members)) = (argument, value) else {
                    return;
                };
                for (name, member) in members {
                    if let Some(schema) = known.get(name) {
                        self.visit(schema, member, &format!("{at}/{name}"));
                    }
                }
            }
            "required" => {
                let (Value::Array(names), Value::Object(members)) = (argument, value) else {
                    return;
                };
                for name in names.iter().filter_map(Value::as_str) {
                    if !members.contains_key(name) {
                        self.report(at, format!("`{name}` is missing"));
                    }
                }
            }
            "additionalProperties" => self.additional(argument, siblings, value, at),
            "items" => {
                if let Value::Array(elements) = value {
                    for (index, element) in elements.iter().enumerate() {
                        self.visit(argument, element, &format!("{at}/{index}"));
                    }
                }
            }
            "minimum" | "maximum" => {
                if let (Some(number), Some(bound)) = (value.as_f64(), argument.as_f64()) {
                    let outside =
                        if keyword == "minimum" { number < bound } else { number > bound };
                    if outside {
                        self.report(at, format!("{keyword} is {argument}"));
                    }
                }
            }
            "minLength" | "maxLength" => {
                if let (Some(text), Some(bound)) = (value.as_str(), argument.as_u64()) {
                    let length = text.chars().count() as u64;
                    let outside =
                        if keyword == "minLength" { length < bound } else { length > bound };
                    if outside {
                        self.report(at, format!("{keyword} is {argument}"));
                    }
                }
            }
            unknown => {
                self.report(at, format!("the schema says `{unknown}`, which is not checked"))
            }
        }
    }

    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        self.root.pointer(reference.as_str()?.strip_prefix('#')?)
    }

    fn expect_type(&mut self, argument: &Value, value: &Value, at: &str) {
        let allowed: Vec<&str> = match argument {
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            single => single.as_str().into_iter().collect(),
        };
        if !allowed.iter().any(|name| is_of_type(name, value)) {
            self.report(at, format!("must be {}", allowed.join(" or ")));
        }
    }

    fn expect_alternative(&mut self, keyword: &str, argument: &'a Value, value: &Value, at: &str) {
        let alternatives = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        let mut matching = 0;
        let mut nearest: Option<Vec<Violation>> = None;
        for alternative in alternatives {
            let mut attempt = Checker { root: self.root, violations: Vec::new() };
            attempt.visit(alternative, value, at);
            if attempt.violations.is_empty() {
                matching += 1;
            } else if nearest.as_ref().is_none_or(|best| {
                // The alternative that got deepest is the one that was meant.
                depth(&attempt.violations) > depth(best)
            }) {
                nearest = Some(attempt.violations);
            }
        }
        if matching == 0 {
            match nearest {
                Some(violations) => self.violations.extend(violations),
                None => self.report(at, "no alternative is allowed"),
            }
        } else if keyword == "oneOf" && matching > 1 {
            self.report(at, "fits more than one alternative");
        }
    }

    fn additional(
        &mut self,
        argument: &'a Value,
        siblings: &'a Map<String, Value>,
        value: &Value,
        at: &str,
    ) {
        let Value::Object(members) = value else {
            return;
        };
        let known = siblings.get("properties").and_then(Value::as_object);
        for (name, member) in members {
            if known.is_some_and(|known| known.contains_key(name)) {
                continue;
            }
            match argument {
                Value::Bool(false) => self.report(at, format!("`{name}` is unknown")),
                schema => self.visit(schema, member, &format!("{at}/{name}")),
            }
        }
    }
}

fn depth(violations: &[Violation]) -> usize {
    violations.iter().map(|violation| violation.at.len()).max().unwrap_or(0)
}

fn is_of_type(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
