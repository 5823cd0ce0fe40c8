//! A secret that the sender sends as it is: GitLab's and Gitee's tokens, bearer tokens, API keys in a header or in the
//! URL.
//!
//! Called by `Scheme`. Says nothing about body, time or id. Sources: RFC 6750 section 2.1 for `Bearer`;
//! docs.gitlab.com, "Webhooks"; help.gitee.com.

use std::borrow::Cow;

use http::{HeaderName, header::AUTHORIZATION};

use super::{
    Delivery, Outgoing, Rejected, SchemeError, Signed, header_name,
    secret::{Secret, accept_secret},
    signature_header, url,
};

/// A token and where it is sent.
#[derive(Debug)]
pub struct Token {
    name: &'static str,
    place: Carrier,
    /// Never empty.
    secrets: Vec<Secret>,
}

#[derive(Debug)]
enum Carrier {
    /// `Authorization: Bearer`.
    Bearer,
    Header(HeaderName),
    Parameter(String),
}

impl Token {
    /// `secrets` holds at least one, here and below.
    pub(super) fn bearer(secrets: Vec<Secret>) -> Self {
        Self { name: "bearer", place: Carrier::Bearer, secrets }
    }

    pub(super) fn gitlab(secrets: Vec<Secret>) -> Self {
        let place = Carrier::Header(HeaderName::from_static("x-gitlab-token"));
        Self { name: "gitlab", place, secrets }
    }

    pub(super) fn gitee(secrets: Vec<Secret>) -> Self {
        let place = Carrier::Header(HeaderName::from_static("x-gitee-token"));
        Self { name: "gitee", place, secrets }
    }

    pub(super) fn header(header: &str, secrets: Vec<Secret>) -> Result<Self, SchemeError> {
        Ok(Self { name: "header", place: Carrier::Header(header_name("header", header)?), secrets })
    }

    pub(super) fn query(parameter: &str, secrets: Vec<Secret>) -> Self {
        Self { name: "query", place: Carrier::Parameter(parameter.to_owned()), secrets }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether there is a token to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        self.given(head).map(|_| ())
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let given = self.given(delivery)?;
        accept_secret(&self.secrets, delivery.received_ms, |secret| secret.equals(given.as_bytes()))
    }

    fn given<'a>(&self, delivery: &Delivery<'a>) -> Result<Cow<'a, str>, Rejected> {
        match &self.place {
            Carrier::Bearer => credentials(delivery, "Bearer").map(Cow::Borrowed),
            Carrier::Header(name) => signature_header(delivery.headers, name).map(Cow::Borrowed),
            Carrier::Parameter(name) => parameter(delivery, name),
        }
    }

    pub(super) fn sign(&self, _: &Outgoing<'_>) -> Signed {
        let first = self.secrets.first().expect("compile refuses an empty list").text();
        match &self.place {
            Carrier::Bearer => Signed::header(AUTHORIZATION.as_str(), format!("Bearer {first}")),
            Carrier::Header(name) => Signed::header(name.as_str(), first.to_owned()),
            Carrier::Parameter(name) => {
                Signed { query: vec![(name.clone(), first.to_owned())], ..Signed::default() }
            }
        }
    }
}

/// The one value of a parameter of the query.
pub(super) fn parameter<'a>(delivery: &Delivery<'a>, name: &str) -> Result<Cow<'a, str>, Rejected> {
    let query = url::query(delivery.target).unwrap_or_default();
    let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let parameter = || name.to_owned();
    match (values.next(), values.next()) {
        (None, _) => Err(Rejected::MissingParameter { parameter: parameter() }),
        (Some(_), Some(_)) => Err(Rejected::SeveralParameters { parameter: parameter() }),
        (Some((_, value)), None) => Ok(value),
    }
}

/// The text behind the scheme in `Authorization`. The scheme's name may be in either case (RFC 9110 section 11.1).
pub(super) fn credentials<'a>(delivery: &Delivery<'a>, scheme: &'static str) -> Result<&'a str, Rejected> {
    let text = signature_header(delivery.headers, &AUTHORIZATION)?;
    let (given, rest) = text.split_once(' ').unwrap_or((text, ""));
    if !given.eq_ignore_ascii_case(scheme) {
        let (header, why) = (AUTHORIZATION.as_str().to_owned(), "it is of another authentication scheme");
        return Err(Rejected::Malformed { header, why });
    }
    Ok(rest.trim_start_matches(' '))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    fn verify(token: &Token, target: &str, headers: &[(&'static str, &str)]) -> Result<(), Rejected> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let origin = "http://localhost";
        token.verify(&Delivery { method: "GET", origin, target, headers: &map, body: b"", received_ms: 0 })
    }

    #[test]
    fn a_token_passes_only_whole_and_in_its_place() {
        let secrets = || vec![Secret::new(b"s3cr3t+/=".to_vec()), Secret::new(b"new".to_vec())];
        let bearer = Token::bearer(secrets());
        let header = Token::header("X-Api-Key", secrets()).unwrap();
        let query = Token::query("token", secrets());
        let authorization = || "authorization".to_owned();
        let other = Err(Rejected::Malformed {
            header: authorization(),
            why: "it is of another authentication scheme",
        });
        let missing = |header: &str| Err(Rejected::MissingSignature { header: header.to_owned() });
        let several = |header: &str| Err(Rejected::SeveralSignatures { header: header.to_owned() });
        let wrong = || Err(Rejected::Mismatch);
        let parameter = || "token".to_owned();
        type Case<'a> = (&'a Token, &'a str, &'a [(&'static str, &'a str)], Result<(), Rejected>);
        let cases: [Case<'_>; 22] = [
            (&bearer, "/", &[("authorization", "Bearer s3cr3t+/=")], Ok(())),
            (&bearer, "/", &[("authorization", "bEaReR  new")], Ok(())),
            (&bearer, "/", &[("authorization", "Bearer s3cr3t")], wrong()),
            (&bearer, "/", &[("authorization", "Bearer s3cr3t+/= ")], wrong()),
            (&bearer, "/", &[("authorization", "Bearer")], wrong()),
            (&bearer, "/", &[("authorization", "Bearer NEW")], wrong()),
            (&bearer, "/", &[("authorization", "Basic new")], other.clone()),
            (&bearer, "/", &[("authorization", "new")], other),
            (&bearer, "/", &[], missing("authorization")),
            (
                &bearer,
                "/",
                &[("authorization", "Bearer new"), ("authorization", "Bearer new")],
                several("authorization"),
            ),
            (&header, "/", &[("x-api-key", "new")], Ok(())),
            (&header, "/", &[("x-api-key", "newer")], wrong()),
            (&header, "/", &[("x-other", "new")], missing("x-api-key")),
            (&header, "/", &[("x-api-key", "new"), ("x-api-key", "x")], several("x-api-key")),
            (&query, "/?token=new", &[], Ok(())),
            (&query, "/?a=1&token=s3cr3t%2B%2F%3D", &[], Ok(())),
            (&query, "/?token=s3cr3t+/=", &[], wrong()),
            (&query, "/?token=", &[], wrong()),
            (&query, "/?Token=new", &[], Err(Rejected::MissingParameter { parameter: parameter() })),
            (&query, "/", &[], Err(Rejected::MissingParameter { parameter: parameter() })),
            (
                &query,
                "/?token=new&token=new",
                &[],
                Err(Rejected::SeveralParameters { parameter: parameter() }),
            ),
            (&query, "/", &[("token", "new")], Err(Rejected::MissingParameter { parameter: parameter() })),
        ];
        for (token, target, headers, expected) in cases {
            assert_eq!(verify(token, target, headers), expected, "{target} {headers:?}");
        }
        assert!(Token::header("a b", secrets()).is_err());
    }
}
