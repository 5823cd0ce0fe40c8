//! The certificates and the key that an `http` step brings.

use super::{Unfilled, secret::is_secret};
use crate::{
    model::{FieldError, HttpTls},
    net::{Authorities, RequestTls},
    template::{Budget, Path, Roots, Template},
};

/// The most of all PEM texts of a step together, bytes.
const MAX_PEM: usize = 1 << 20;

/// PEM texts with values to fill in.
#[derive(Debug)]
pub(super) struct Tls {
    ca: Option<Template>,
    identity: Option<(Template, Template)>,
}

impl Tls {
    /// # Errors
    /// A text that is written here and is no certificate; a key that is written here at all.
    pub(super) fn compile(spec: &HttpTls, path: &str) -> Result<Self, FieldError> {
        let parse = |field: &str, text: &str| {
            let wrong = |message: String| FieldError::new(format!("{path}.{field}"), message);
            let template = Template::parse(text).map_err(|error| wrong(error.to_string()))?;
            let is_fixed = template.references().next().is_none();
            match field {
                "key" if !template.references().any(is_secret) => Err(wrong(
                    "a key does not belong into a workflow: write {{$secrets.NAME}} and set that secret"
                        .to_owned(),
                )),
                "ca" | "cert" if is_fixed => match Authorities::from_pem(text.as_bytes()) {
                    Ok(_) => Ok(template),
                    Err(why) => Err(wrong(format!("this text {why}"))),
                },
                _ => Ok(template),
            }
        };
        let given =
            |field: &str, text: &Option<String>| text.as_deref().map(|text| parse(field, text)).transpose();
        let (ca, cert, key) = (given("ca", &spec.ca)?, given("cert", &spec.cert)?, given("key", &spec.key)?);
        Ok(Self { ca, identity: cert.zip(key) })
    }

    pub(super) fn references(&self) -> impl Iterator<Item = &Path> {
        let identity = self.identity.iter().flat_map(|(cert, key)| [cert, key]);
        self.ca.iter().chain(identity).flat_map(Template::references)
    }

    /// The texts filled in. An empty one is a secret that is not set: the request is not sent without it.
    ///
    /// # Errors
    /// Which text is empty or too long.
    pub(super) fn render(&self, roots: &dyn Roots) -> Result<RequestTls, Unfilled> {
        let mut budget = Budget::new(MAX_PEM);
        let mut filled = |field: &str, template: &Template| -> Result<String, Unfilled> {
            match template.render_text(roots, &mut budget)? {
                empty if empty.trim().is_empty() => {
                    Err(format!("tls.{field} is empty; is the secret set that it reads?").into())
                }
                text => Ok(text),
            }
        };
        let ca = self.ca.as_ref().map(|ca| filled("ca", ca)).transpose()?;
        let identity = match &self.identity {
            Some((cert, key)) => Some((filled("cert", cert)?, filled("key", key)?)),
            None => None,
        };
        Ok(RequestTls { ca, identity })
    }
}
