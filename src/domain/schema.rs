//! Checks a JSON document against a JSON schema.
//!
//! Only what our own generated schemas use is known. A schema with any other keyword, with one that
//! is not written as it should be, or with one that refers to itself is refused as a whole, so that
//! nothing is ever waved through unchecked. A test holds the verdicts against a complete
//! implementation of the standard.

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
    checker.vet(schema, &mut Vec::new());
    if checker.violations.is_empty() {
        checker.visit(schema, document, "");
    }
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

    /// Looks through the whole schema, so that [`Self::visit`] meets only what it knows. `trail` is
    /// the references that led here.
    fn vet(&mut self, schema: &'a Value, trail: &mut Vec<&'a str>) {
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            Value::Bool(_) => return,
            other => return self.report("", format!("the schema has {other} for a schema")),
        };
        for (keyword, argument) in keywords {
            let is_well_written = match keyword.as_str() {
                "$schema" | "title" | "description" | "format" | "default" | "const" => true,
                "$ref" => self.vet_reference(argument, trail),
                "type" => type_names(argument).is_some(),
                "enum" => argument.is_array(),
                "minimum" | "maximum" => argument.is_number(),
                "minLength" | "maxLength" => argument.is_u64(),
                "required" => argument.as_array().is_some_and(|a| a.iter().all(Value::is_string)),
                "items" | "additionalProperties" => {
                    self.vet(argument, trail);
                    true
                }
                "anyOf" | "oneOf" => argument.as_array().is_some_and(|alternatives| {
                    alternatives.iter().for_each(|alternative| self.vet(alternative, trail));
                    !alternatives.is_empty()
                }),
                "properties" | "$defs" => argument.as_object().is_some_and(|members| {
                    members.values().for_each(|member| self.vet(member, trail));
                    true
                }),
                unknown => {
                    self.report("", format!("the schema says `{unknown}`, which is not checked"));
                    true
                }
            };
            if !is_well_written {
                self.report("", format!("the schema says `{keyword}`: {argument}, which is wrong"));
            }
        }
    }

    fn vet_reference(&mut self, argument: &'a Value, trail: &mut Vec<&'a str>) -> bool {
        let (Some(name), Some(target)) = (argument.as_str(), self.resolve(argument)) else {
            return false;
        };
        if trail.contains(&name) {
            return false;
        }
        trail.push(name);
        self.vet(target, trail);
        trail.pop();
        true
    }

    fn visit(&mut self, schema: &'a Value, value: &Value, at: &str) {
        match schema {
            Value::Object(keywords) => {
                for (keyword, argument) in keywords {
                    self.keyword(keyword, argument, keywords, value, at);
                }
            }
            Value::Bool(true) => {}
            _ => self.report(at, "nothing is allowed here"),
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
            "$ref" => {
                if let Some(target) = self.resolve(argument) {
                    self.visit(target, value, at);
                }
            }
            "type" => self.expect_type(argument, value, at),
            "enum" if !argument.as_array().is_some_and(|allowed| allowed.contains(value)) => {
                self.report(at, format!("must be one of {argument}"));
            }
            "const" if value != argument => self.report(at, format!("must be {argument}")),
            "anyOf" | "oneOf" => self.expect_alternative(keyword, argument, value, at),
            "properties" => {
                let (Value::Object(known), Value::Object(members)) = (argument, value) else {
                    return;
                };
                for (name, member) in members {
                    if let Some(schema) = known.get(name) {
                        self.visit(schema, member, &below(at, name));
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
            // What only describes, and what is fulfilled; the schema was vetted.
            _ => {}
        }
    }

    fn resolve(&self, reference: &Value) -> Option<&'a Value> {
        self.root.pointer(reference.as_str()?.strip_prefix('#')?)
    }

    fn expect_type(&mut self, argument: &Value, value: &Value, at: &str) {
        let allowed = type_names(argument).unwrap_or_default();
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
                schema => self.visit(schema, member, &below(at, name)),
            }
        }
    }
}

fn depth(violations: &[Violation]) -> usize {
    violations.iter().map(|violation| violation.at.len()).max().unwrap_or(0)
}

/// The place of a member, as a JSON pointer.
fn below(at: &str, name: &str) -> String {
    format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn type_names(argument: &Value) -> Option<Vec<&str>> {
    let names: Vec<&str> = match argument {
        Value::Array(names) => names.iter().map(Value::as_str).collect::<Option<_>>()?,
        single => vec![single.as_str()?],
    };
    let known = ["null", "boolean", "object", "array", "string", "number", "integer"];
    (!names.is_empty() && names.iter().all(|name| known.contains(name))).then_some(names)
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
