//! JSON into a [`Verify`], where every error names its field.

use serde_json::Value;

use super::{
    units::Span,
    verify::{HmacSpec, Secrets, Verify},
    workflow_parse::{FieldError, Object, join, object, only_known, required, typed},
};

pub(super) fn verify(value: Value) -> Result<Verify, FieldError> {
    const PATH: &str = "trigger.verify";
    let mut fields = object(value, PATH)?;
    let scheme: String = required(&mut fields, PATH, "scheme")?;
    match scheme.as_str() {
        "github" => {
            only_known(&fields, PATH, &["secret"])?;
            let secret: Secrets = secrets(&mut fields, PATH)?;
            Ok(Verify::Github { secret })
        }
        "hmac" => {
            let spec: HmacSpec = typed(Value::Object(fields), PATH)?;
            no_empty_secret(&spec.secret, PATH)?;
            let tolerance = spec.timestamp.as_ref().map(|timestamp| timestamp.tolerance);
            if tolerance.is_some_and(|tolerance| tolerance > Span::from_millis(86_400_000)) {
                return Err(FieldError::new("trigger.verify.timestamp.tolerance", "1d is the most"));
            }
            Ok(Verify::Hmac(spec))
        }
        other => Err(FieldError::new(
            "trigger.verify.scheme",
            format!("unknown scheme `{other}`; known are github, hmac"),
        )),
    }
}

fn secrets(fields: &mut Object, path: &str) -> Result<Secrets, FieldError> {
    let secrets = required(fields, path, "secret")?;
    no_empty_secret(&secrets, path)?;
    Ok(secrets)
}

fn no_empty_secret(secrets: &Secrets, path: &str) -> Result<(), FieldError> {
    if secrets.templates().is_empty() || secrets.templates().iter().any(String::is_empty) {
        return Err(FieldError::new(join(path, "secret"), "an empty secret would let anyone in; give one"));
    }
    Ok(())
}
