//! The body of a request, by the one field that gives it.

use serde_json::{Map, Value};

use super::{
    Unfilled, multipart,
    rendered::{Rendered, decode},
    url::as_text,
    xml,
};
use crate::{
    model::{FieldError, HttpStep},
    template::{Budget, JsonTemplate, Path, Roots, Template, TemplateError},
};

/// Names with values to fill in: a query, a form.
#[derive(Debug, Default)]
pub(super) struct Pairs(Vec<(String, JsonTemplate)>);

impl Pairs {
    pub(super) fn compile(fields: &Map<String, Value>, path: &str) -> Result<Self, FieldError> {
        let compiled = fields.iter().map(|(name, value)| {
            let wrong = |error: TemplateError| FieldError::new(format!("{path}.{name}"), error.to_string());
            Ok((name.clone(), JsonTemplate::compile(value).map_err(wrong)?))
        });
        compiled.collect::<Result<_, FieldError>>().map(Self)
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().flat_map(|(_, value)| value.references())
    }

    /// The names and values: null is left out, an array gives its name several times.
    ///
    /// # Errors
    /// When the budget does not suffice.
    pub(super) fn render(
        &self,
        roots: &dyn Roots,
        budget: &mut Budget,
    ) -> Result<Vec<(&str, String)>, Unfilled> {
        let mut pairs = Vec::with_capacity(self.0.len());
        for (name, template) in &self.0 {
            let filled = template.value(roots, budget)?;
            let values = match &*filled {
                Value::Null => continue,
                Value::Array(several) => several.as_slice(),
                one => std::slice::from_ref(one),
            };
            for value in values {
                let text = as_text(value);
                budget.pay(name.len() + text.len() + 2)?;
                pairs.push((name.as_str(), text.into_owned()));
            }
        }
        Ok(pairs)
    }
}

/// A body with values to fill in.
#[derive(Debug)]
pub(super) enum Body {
    None,
    Json(JsonTemplate),
    Form(Pairs),
    Multipart(Vec<multipart::Part>),
    Xml(xml::Document),
    Text(Template),
    Base64(Template),
}

impl Body {
    pub(super) fn compile(spec: &HttpStep, path: &str) -> Result<Self, FieldError> {
        let at = |field: &str, message: String| FieldError::new(format!("{path}.{field}"), message);
        let template =
            |field: &str, text: &str| Template::parse(text).map_err(|error| at(field, error.to_string()));
        if let Some(json) = &spec.json {
            return JsonTemplate::compile(json)
                .map(Self::Json)
                .map_err(|error| at("json", error.to_string()));
        }
        if let Some(form) = &spec.form {
            return Pairs::compile(form, &format!("{path}.form")).map(Self::Form);
        }
        if let Some(parts) = &spec.multipart {
            return multipart::compile(parts, &format!("{path}.multipart")).map(Self::Multipart);
        }
        if let Some(xml) = &spec.xml {
            return xml::Document::compile(xml).map(Self::Xml).map_err(|message| at("xml", message));
        }
        if let Some(text) = &spec.text {
            return template("text", text).map(Self::Text);
        }
        match &spec.body_base64 {
            Some(text) => template("body_base64", text).map(Self::Base64),
            None => Ok(Self::None),
        }
    }

    pub(super) fn references(&self) -> Vec<&Path> {
        match self {
            Self::None => Vec::new(),
            Self::Json(json) => json.references(),
            Self::Form(pairs) => pairs.references().collect(),
            Self::Multipart(parts) => parts.iter().flat_map(multipart::Part::references).collect(),
            Self::Xml(document) => document.references(),
            Self::Text(text) | Self::Base64(text) => text.references().collect(),
        }
    }

    /// The field that gives it.
    pub(super) fn field(&self) -> &'static str {
        match self {
            Self::None => "body",
            Self::Json(_) => "json",
            Self::Form(_) => "form",
            Self::Multipart(_) => "multipart",
            Self::Xml(_) => "xml",
            Self::Text(_) => "text",
            Self::Base64(_) => "body_base64",
        }
    }

    /// The body filled in.
    ///
    /// # Errors
    /// When the budget does not suffice, or a value that cannot stand where it is filled in.
    pub(super) fn render(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<Rendered, Unfilled> {
        let typed = |kind: &str, bytes| Rendered { content_type: Some(kind.to_owned()), bytes };
        Ok(match self {
            Self::None => Rendered { content_type: None, bytes: Vec::new() },
            Self::Json(json) => typed("application/json", json.render(roots, budget)?.into_bytes()),
            Self::Form(pairs) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(pairs.render(roots, budget)?);
                typed("application/x-www-form-urlencoded", form.finish().into_bytes())
            }
            Self::Multipart(parts) => multipart::render(parts, roots, budget)?,
            Self::Xml(document) => typed("application/xml", document.render(roots, budget)?.into_bytes()),
            Self::Text(text) => {
                typed("text/plain; charset=utf-8", text.render_text(roots, budget)?.into_bytes())
            }
            Self::Base64(text) => {
                typed("application/octet-stream", decode("body_base64", &text.render_text(roots, budget)?)?)
            }
        })
    }
}
