//! The sender's side: puts the time and the signature where they belong.

use super::{Fields, Key, Piece, Place, TimePlace, Values, compute, flat, is_form, read::Source};
use crate::{
    model::FieldsFormat,
    verify::{Outgoing, SignError, Signed, body_path::BodyPath, mac, url},
};

impl Fields {
    pub(in crate::verify) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let is_form = match self.format {
            FieldsFormat::Form => true,
            FieldsFormat::Auto => is_form(outgoing.content_type),
            FieldsFormat::Json => false,
            FieldsFormat::Query => return self.sign_query(outgoing),
            FieldsFormat::Xml => return Err(SignError::NoObject { what: "the signature" }),
        };
        let flattened = if is_form { self.flattened } else { "" };
        let mut signed = Signed::default();
        let mut body = outgoing.body.to_vec();
        // First with an empty one, so that the body is written before its texts are read.
        if let Place::Field(field) = &self.place {
            body = put(&body, field.strip_prefix(flattened).unwrap_or(field), "", is_form)?;
        }
        let mut time = None;
        if let Some((place, freshness)) = &self.time {
            let text = freshness.write(outgoing.now_ms);
            match place {
                TimePlace::Header(header) => signed.headers.push((header.as_str().to_owned(), text.clone())),
                TimePlace::Field(field) => {
                    body = put(&body, field.strip_prefix(flattened).unwrap_or(field), &text, is_form)?;
                }
            }
            time = Some(text);
        }
        let covers_body = self.text.contains(&Piece::Body);
        let rules = flat(&self.rules[0], flattened);
        // Names that nobody gave, such as Mailgun's token, are the delivery's id.
        for name in rules.only.iter().flatten() {
            let source = if is_form { Source::form(&body) } else { Source::json(&body) };
            if source.and_then(|source| source.find(name)).is_ok_and(|found| found.is_none()) {
                body = put(&body, name, outgoing.id, is_form)?;
            }
        }
        let fields = if covers_body {
            String::new()
        } else {
            let source = if is_form { Source::form(&body) } else { Source::json(&body) };
            source.and_then(|source| rules.text(&source)).map_err(SignError::Fields)?
        };
        let values = Values { fields: &fields, body: outgoing.body, timestamp: time.as_ref() };
        let written = self.write(&values)?;
        match &self.place {
            Place::Header(header) => signed.headers.push((header.as_str().to_owned(), written)),
            Place::Field(field) => {
                body = put(&body, field.strip_prefix(flattened).unwrap_or(field), &written, is_form)?;
            }
        }
        if body != outgoing.body {
            signed.body = Some(body);
        }
        Ok(signed)
    }

    fn sign_query(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let mut signed = Signed::default();
        let own = url::query(outgoing.url).unwrap_or_default().to_owned();
        if let Some((TimePlace::Field(field), freshness)) = &self.time {
            signed.query.push((field.clone(), freshness.write(outgoing.now_ms)));
        }
        let added = form_urlencoded::Serializer::new(String::new()).extend_pairs(&signed.query).finish();
        let query = format!("{own}&{added}");
        let fields = Source::form(query.as_bytes()).and_then(|source| self.rules[0].text(&source));
        let fields = fields.map_err(SignError::Fields)?;
        let written = self.write(&Values { fields: &fields, body: b"", timestamp: None })?;
        match &self.place {
            Place::Header(header) => signed.headers.push((header.as_str().to_owned(), written)),
            Place::Field(field) => signed.query.push((field.clone(), written)),
        }
        Ok(signed)
    }

    fn write(&self, values: &Values<'_>) -> Result<String, SignError> {
        let bytes = match self.keys.first().expect("`new` refuses an empty list") {
            Key::Secret(secret) => {
                let tag = compute(self.algorithm, secret, &self.pieces(values, secret.bytes()));
                tag.ok_or(SignError::NoPrivateKey)?.bytes().to_vec()
            }
            Key::Public(key, _) => key.sign(&self.pieces(values, &[]).concat())?,
        };
        Ok(format!("{}{}", self.prefix, mac::encode(&bytes, self.encoding)))
    }
}

/// A body with a further field.
fn put(body: &[u8], name: &str, value: &str, is_form: bool) -> Result<Vec<u8>, SignError> {
    if is_form {
        let kept = form_urlencoded::parse(body).filter(|(own, _)| own != name);
        let mut form = form_urlencoded::Serializer::new(String::new());
        return Ok(form.extend_pairs(kept).append_pair(name, value).finish().into_bytes());
    }
    let path = BodyPath::parse(name).ok_or(SignError::NoObject { what: "a field" })?;
    path.write(body, value.into()).ok_or(SignError::NoObject { what: "the signature" })
}
