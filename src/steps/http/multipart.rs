//! A `multipart/form-data` body (RFC 7578), with names escaped as browsers do.
//!
//! The boundary is a hash of the content: a content cannot hold its own hash, and each attempt of a step
//! sends the same bytes, which services that compare them under one idempotency key expect.

use http::HeaderValue;
use sha2::{Digest, Sha256};

use super::{
    Unfilled,
    rendered::{Rendered, decode},
};
use crate::{
    model::{FieldError, HttpPart},
    template::{Budget, Path, Roots, Template},
};

/// One field of a form.
#[derive(Debug)]
pub(super) struct Part {
    name: String,
    filename: Option<Template>,
    content_type: Option<Template>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(Template),
    Base64(Template),
}

pub(super) fn compile(parts: &[(String, HttpPart)], path: &str) -> Result<Vec<Part>, FieldError> {
    parts.iter().map(|(name, part)| part_of(name, part, &format!("{path}.{name}"))).collect()
}

fn part_of(name: &str, part: &HttpPart, path: &str) -> Result<Part, FieldError> {
    let template = |field: &str, text: &str| {
        Template::parse(text).map_err(|error| FieldError::new(format!("{path}{field}"), error.to_string()))
    };
    let name = name.to_owned();
    let file = match part {
        HttpPart::Text(text) => {
            let content = Content::Text(template("", text)?);
            return Ok(Part { name, filename: None, content_type: None, content });
        }
        HttpPart::File(file) => file,
    };
    let content = match (&file.text, &file.base64) {
        (Some(text), None) => Content::Text(template(".text", text)?),
        (None, Some(base64)) => Content::Base64(template(".base64", base64)?),
        (Some(_), Some(_)) | (None, None) => {
            return Err(FieldError::new(path, "give `text` or `base64`, one of them"));
        }
    };
    let content_type =
        file.content_type.as_deref().map(|text| template(".content_type", text)).transpose()?;
    Ok(Part { name, filename: Some(template(".filename", &file.filename)?), content_type, content })
}

impl Part {
    pub(super) fn references(&self) -> impl Iterator<Item = &Path> {
        let (Content::Text(content) | Content::Base64(content)) = &self.content;
        let optional = [&self.filename, &self.content_type].into_iter().flatten();
        optional.chain([content]).flat_map(Template::references)
    }
}

/// A field's head and content, without its boundary.
fn filled(part: &Part, roots: &dyn Roots, budget: &mut Budget) -> Result<(String, Vec<u8>), Unfilled> {
    let mut head = format!("Content-Disposition: form-data; name=\"{}\"", escaped(&part.name));
    let (default, content) = match &part.content {
        Content::Text(text) => ("text/plain; charset=utf-8", text.render_text(roots, budget)?.into_bytes()),
        Content::Base64(text) => {
            ("application/octet-stream", decode(&part.name, &text.render_text(roots, budget)?)?)
        }
    };
    if let Some(filename) = &part.filename {
        let kind = part.content_type.as_ref().map(|kind| kind.render_text(roots, budget)).transpose()?;
        let kind = kind.unwrap_or_else(|| default.to_owned());
        if kind.is_empty() || HeaderValue::from_str(&kind).is_err() {
            return Err(format!("the content type of `{}` is none", part.name).into());
        }
        head.push_str(&format!("; filename=\"{}\"\r\n", escaped(&filename.render_text(roots, budget)?)));
        head.push_str(&format!("Content-Type: {kind}"));
    }
    head.push_str("\r\n\r\n");
    Ok((head, content))
}

/// As the WHATWG's form submission escapes names.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

pub(super) fn render(parts: &[Part], roots: &dyn Roots, budget: &mut Budget) -> Result<Rendered, Unfilled> {
    let parts = parts.iter().map(|part| filled(part, roots, budget)).collect::<Result<Vec<_>, _>>()?;
    let mut hash = Sha256::new();
    for (head, content) in &parts {
        hash.update(head);
        hash.update(content);
    }
    let boundary = format!("flowcell-{}", hex::encode(&hash.finalize()[..16]));
    let mut bytes = Vec::new();
    for (head, content) in parts {
        bytes.extend_from_slice(format!("--{boundary}\r\n{head}").as_bytes());
        bytes.extend_from_slice(&content);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Rendered { content_type: Some(format!("multipart/form-data; boundary={boundary}")), bytes })
}
