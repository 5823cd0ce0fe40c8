//! JSONPath (RFC 9535): which parts of the data match.
//!
//! Parsed and evaluated here, since no crate lets its evaluation be bounded: `$..*..*..*` or a filter in a
//! filter over a few thousand values takes hours. The tests compare it with `serde_json_path`. Called by `query`.

mod ast;
mod evaluate;
mod parse;
mod scan;

use std::io;

use serde_json::Value;

use super::Failure;

/// A JSONPath query that is parsed.
#[derive(Debug)]
pub(super) struct Query(ast::Path);

impl Query {
    /// # Errors
    /// What is wrong with the query, and at which character.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self)
    }

    /// The parts of `data` that match, as JSON: all in an array, or the first or null.
    pub(super) fn run(&self, data: &Value, first: bool, most: usize) -> Result<String, Failure> {
        let found = evaluate::select(&self.0, data, data);
        let mut out = Limited { bytes: Vec::new(), most };
        let written = match found.first() {
            Some(value) if first => serde_json::to_writer(&mut out, value),
            None if first => serde_json::to_writer(&mut out, &Value::Null),
            Some(_) | None => serde_json::to_writer(&mut out, &found),
        };
        written.map_err(|_| Failure::TooLarge)?;
        Ok(String::from_utf8(out.bytes).expect("JSON is UTF-8"))
    }
}

/// Fails instead of growing over a size.
struct Limited {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Limited {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + more.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
