//! Settings into senders, and what is refused of them: the sender that a workflow describes, Mailgun and Alipay.

use super::{Fields, Key, Piece, Place, SIGN, TimePlace, rules::Rules};
use crate::{
    model::{
        Encoding, FieldsAlgorithm, FieldsFormat, FieldsSpec, KeyAlgorithm, KeySpec, PublicKeys, Span,
        TimestampSpec, TimestampUnit, VendorSpec, Weakness,
    },
    verify::{
        Resolve, Role, SchemeError, header_name,
        public_key::{Manner, PublicKey},
        secret::{Secret, resolve_all, resolve_keys},
        timestamp::Freshness,
    },
};

impl Fields {
    /// The sender that a workflow describes.
    pub(in crate::verify) fn new(
        spec: &FieldsSpec,
        resolve: Resolve<'_>,
        role: Role,
    ) -> Result<Self, SchemeError> {
        let wrong = |why: &str| Err(SchemeError::Fields(why.to_owned()));
        let keys = match (&spec.secret, &spec.public_key) {
            (Some(secrets), _) => resolve_all(secrets, resolve)?.into_iter().map(Key::Secret).collect(),
            (None, Some(keys)) => public_keys(keys, spec.algorithm, resolve, role)?,
            (None, None) => return Err(SchemeError::NoSecret),
        };
        let text = pieces(spec.signed.as_deref().unwrap_or("{fields}"))?;
        let has = |piece: &Piece| text.contains(piece);
        if has(&Piece::Fields) == has(&Piece::Body) {
            return wrong("`signed` must hold {fields} or {body}, one of them; add it");
        }
        let place = match (&spec.header, spec.field.as_deref()) {
            (Some(header), _) => Place::Header(header_name("header", header)?),
            (None, field) => Place::Field(field.unwrap_or(SIGN).to_owned()),
        };
        let own = match &place {
            Place::Field(field) => Some(field.as_str()),
            Place::Header(_) => None,
        };
        if has(&Piece::Body) && own.is_some() {
            return wrong(
                "a signature cannot cover the body that it stands in; give `header`, or use {fields}",
            );
        }
        if own.is_some_and(|own| own.contains('.')) && spec.only.is_none() {
            return wrong(
                "`field` leads into an object, which is signed with all fields; name the fields in `only`",
            );
        }
        let covered = has(&Piece::Body) || (spec.only.is_none() && spec.format != FieldsFormat::Query);
        let unsigned_body = spec.accept.contains(&Weakness::UnsignedBody);
        if !covered && !unsigned_body && spec.format != FieldsFormat::Query {
            return wrong(
                "this signature leaves the rest of the body open, so that whoever sees one delivery can change \
                          it; sign all fields (remove `only`), or say that you know: \"accept\": [\"unsigned_body\"]",
            );
        }
        let rules = Rules::new(spec, own).map_err(SchemeError::Fields)?;
        let time = match &spec.timestamp {
            None if has(&Piece::Timestamp) => {
                return Err(SchemeError::NoSource { field: "timestamp", placeholder: "timestamp" });
            }
            None => None,
            Some(time) => {
                let freshness = Freshness::new(time.unit, time.tolerance);
                Some((time_place(time, &rules, has(&Piece::Timestamp), has(&Piece::Fields))?, freshness))
            }
        };
        let usual = if spec.algorithm.has_public_key() { Encoding::Base64 } else { Encoding::Hex };
        Ok(Self {
            name: "fields",
            dedupe: None,
            format: spec.format,
            place,
            prefix: spec.prefix.clone(),
            encoding: spec.encoding.unwrap_or(usual),
            algorithm: spec.algorithm,
            keys,
            rules: vec![rules],
            text,
            time,
            unsigned_body,
            flattened: "",
        })
    }

    /// Mailgun: HMAC over time and token, which stand in `signature` of the body. Nothing covers the event.
    pub(in crate::verify) fn mailgun(spec: &VendorSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        // Mailgun tries for eight hours.
        let tolerance = spec.tolerance.unwrap_or(Span::from_millis(12 * 3_600_000));
        Ok(Self {
            name: "mailgun",
            dedupe: Some("{{$context.data.event-data.id}}"),
            format: FieldsFormat::Auto,
            place: Place::Field("signature.signature".to_owned()),
            prefix: String::new(),
            encoding: Encoding::Hex,
            algorithm: FieldsAlgorithm::HmacSha256,
            keys: resolve_all(&spec.secret, resolve)?.into_iter().map(Key::Secret).collect(),
            rules: vec![Rules {
                only: Some(vec!["signature.timestamp".to_owned(), "signature.token".to_owned()]),
                leave_out: Vec::new(),
                keep_empty: false,
                names: false,
                assign: String::new(),
                join: String::new(),
            }],
            text: vec![Piece::Fields],
            time: Some((
                TimePlace::Field("signature.timestamp".to_owned()),
                Freshness::new(TimestampUnit::Seconds, tolerance),
            )),
            unsigned_body: true,
            flattened: "signature.",
        })
    }

    /// 支付宝 (Alipay): RSA with SHA-256 over all fields but `sign`. Notifications of some kinds leave `sign_type` out, and
    /// Alipay's own libraries do not agree about fields without a value.
    pub(in crate::verify) fn alipay(
        spec: &KeySpec,
        resolve: Resolve<'_>,
        role: Role,
    ) -> Result<Self, SchemeError> {
        let rules = |without_type: bool, keep_empty| Rules {
            only: None,
            leave_out: [SIGN]
                .into_iter()
                .chain(without_type.then_some("sign_type"))
                .map(str::to_owned)
                .collect(),
            keep_empty,
            names: true,
            assign: "=".to_owned(),
            join: "&".to_owned(),
        };
        // Alipay tries for 25 hours.
        let tolerance = spec.tolerance.unwrap_or(Span::from_millis(86_400_000));
        Ok(Self {
            name: "alipay",
            dedupe: Some("{{$context.data.notify_id}}"),
            format: FieldsFormat::Form,
            place: Place::Field(SIGN.to_owned()),
            prefix: String::new(),
            encoding: Encoding::Base64,
            algorithm: FieldsAlgorithm::RsaSha256,
            keys: public_keys(&spec.public_key, FieldsAlgorithm::RsaSha256, resolve, role)?,
            rules: vec![rules(true, true), rules(true, false), rules(false, true)],
            text: vec![Piece::Fields],
            time: Some((
                TimePlace::Field("notify_time".to_owned()),
                Freshness::new(TimestampUnit::China, tolerance),
            )),
            unsigned_body: false,
            flattened: "",
        })
    }
}

fn public_keys(
    keys: &PublicKeys,
    algorithm: FieldsAlgorithm,
    resolve: Resolve<'_>,
    role: Role,
) -> Result<Vec<Key>, SchemeError> {
    let algorithm =
        if algorithm == FieldsAlgorithm::RsaSha1 { KeyAlgorithm::RsaSha1 } else { KeyAlgorithm::RsaSha256 };
    let read = |(index, (secret, _)): (usize, (Secret, Option<String>))| {
        let key = PublicKey::read(secret.text(), Manner::of(algorithm), index + 1, role)?;
        let ends = key.certificate.as_ref().map(|certificate| certificate.until_ms);
        let until_ms = [ends, secret.until_ms()].into_iter().flatten().min();
        Ok(Key::Public(Box::new(key), until_ms))
    };
    resolve_keys(keys, resolve)?.into_iter().enumerate().map(read).collect()
}

/// Where the time stands. One that is not signed says nothing.
fn time_place(
    spec: &TimestampSpec,
    rules: &Rules,
    in_text: bool,
    has_fields: bool,
) -> Result<TimePlace, SchemeError> {
    let not_covered = SchemeError::NotCovered { field: "timestamp", placeholder: "timestamp" };
    match (&spec.header, &spec.path) {
        (Some(header), None) if in_text => header_name("timestamp.header", header).map(TimePlace::Header),
        (Some(_), None) => Err(not_covered),
        (None, Some(path)) => {
            let signed = match &rules.only {
                Some(only) => only.contains(path),
                None => !rules.leave_out.contains(path) && !path.contains('.'),
            };
            if signed && has_fields && !in_text {
                return Ok(TimePlace::Field(path.clone()));
            }
            Err(SchemeError::Fields(format!(
                "`timestamp`: `{path}` is not one of the fields that are signed, so anyone could change it; name one of them"
            )))
        }
        _ => Err(SchemeError::TimePlaces),
    }
}

/// Reads the text of `signed`.
fn pieces(text: &str) -> Result<Vec<Piece>, SchemeError> {
    let wrong = |why: String| SchemeError::Signed(why);
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        if rest[brace..].starts_with('}') {
            return Err(wrong("a } without its {".to_owned()));
        }
        if brace > 0 {
            pieces.push(Piece::Literal(rest[..brace].to_owned()));
        }
        let (name, after) =
            rest[brace + 1..].split_once('}').ok_or_else(|| wrong("a { without its }".to_owned()))?;
        let piece = match name {
            "fields" => Piece::Fields,
            "secret" => Piece::Secret,
            "body" => Piece::Body,
            "timestamp" => Piece::Timestamp,
            other => {
                let known = "known are {fields}, {secret}, {body}, {timestamp}";
                return Err(wrong(format!("unknown {{{other}}}; {known}")));
            }
        };
        if piece != Piece::Secret && pieces.contains(&piece) {
            return Err(wrong(format!("it contains {{{name}}} twice; once is enough")));
        }
        pieces.push(piece);
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest.to_owned()));
    }
    Ok(pieces)
}
