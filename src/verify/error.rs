//! Why a setting cannot be used, and why a delivery is refused.

/// Why a `verify` setting cannot be used. Until it is corrected, nobody gets in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The template of a secret gave an error.
    #[error("secret {number} cannot be read: {why}")]
    Unresolved {
        /// Its place in the list, from 1.
        number: usize,
        /// What the resolver said.
        why: String,
    },
    /// A secret is empty, or nothing but white space.
    #[error("secret {number} is empty, which would let anyone in; set it")]
    EmptySecret {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// No secret at all.
    #[error("there is no secret, which would let anyone in; give one")]
    NoSecret,
    /// A secret is not written as `secret_encoding` says.
    #[error("secret {number} is not {encoding}; correct it or `secret_encoding`")]
    SecretEncoding {
        /// Its place in the list, from 1.
        number: usize,
        /// The encoding it should have.
        encoding: &'static str,
    },
    /// A configured header name that HTTP does not allow.
    #[error("`{field}`: `{name}` cannot be the name of a header")]
    HeaderName {
        /// The field of the setting.
        field: &'static str,
        /// What it says.
        name: String,
    },
    /// The `until` of a secret is not a moment.
    #[error("`until` of secret {number} is not a date of RFC 3339, such as 2026-12-31T00:00:00Z")]
    Until {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A key of Ed25519 that is not valid, or a weak one.
    #[error("secret {number} is not the 32 bytes of an Ed25519 public key")]
    PublicKey {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A private key where the public one is enough.
    #[error("secret {number} is a private key, which only the sender should have; give the public one")]
    PrivateKey {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A key of a JSON Web Token that cannot be read.
    #[error("`public_key` {number} is not a key of this algorithm in PEM")]
    Pem {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A public key that cannot be used.
    #[error("key {number} cannot be used: {why}")]
    Key {
        /// Its place in the list, from 1.
        number: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A text over fields that proves nothing, or less than it seems.
    #[error("{0}")]
    Fields(String),
    /// Not `name:password`.
    #[error("secret {number} must be `name:password`, with no colon in the name")]
    Pair {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// GitLab's tokens of both kinds; the weaker kind would stay open.
    #[error("some secrets are signing tokens (`whsec_`) and some are not; give secrets of one kind")]
    MixedTokens,
    /// A tolerance for a sender that sends no time.
    #[error("`tolerance`: this kind of secret comes without a time of sending; remove it")]
    NoTime,
    /// Not exactly one place for the time.
    #[error("`timestamp`: give one of `header`, `key` and `path`")]
    TimePlaces,
    /// Two places for the id.
    #[error("give `id_header` or `id_path`, not both")]
    TwoIds,
    /// A path whose names are not names of members.
    #[error("`{field}` must be names of members with dots between them, as in `data.sent_at`")]
    BodyPath {
        /// The field of the setting.
        field: &'static str,
    },
    /// Pairs that cannot be told apart.
    #[error("{0}")]
    Pairs(&'static str),
    /// An empty separator, which separates nothing.
    #[error("`separator` is empty; leave it out when the header holds one signature")]
    EmptySeparator,
    /// `signed` cannot be understood.
    #[error("`signed`: {0}")]
    Signed(String),
    /// `signed` does not cover the body, so anyone could change it.
    #[error("`signed` does not contain {{body}}, so anyone could change the body; add it")]
    BodyNotCovered,
    /// A field is read but not signed, so that anyone could forge it.
    #[error(
        "`{field}` is set but `signed` does not contain {{{placeholder}}}, so anyone could change it; add it, or remove `{field}`"
    )]
    NotCovered {
        /// The field of the setting.
        field: &'static str,
        /// What `signed` lacks.
        placeholder: &'static str,
    },
    /// Two parts of the signed text whose border can be moved.
    #[error(
        "`signed`: the border between {part} and {beside} can be moved, so that another delivery would have the same signature; \
         have the sender write a character between them that {part} never holds, as in {as_in}"
    )]
    Border {
        /// The placeholder of one part.
        part: String,
        /// The placeholder of the other part, or a literal.
        beside: String,
        /// An example of a setting that is safe.
        as_in: &'static str,
    },
    /// `signed` uses a value that nothing provides.
    #[error("`signed` contains {{{placeholder}}} but `{field}` is not set; say where it stands")]
    NoSource {
        /// The field that is missing.
        field: &'static str,
        /// The placeholder in `signed`.
        placeholder: &'static str,
    },
    /// An EncodingAESKey with another length or other characters.
    #[error("key {number} is not an EncodingAESKey; copy all of its 43 characters")]
    AesKey {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// One of several secrets of a setting.
    #[error("`{name}`: {error}")]
    Field {
        /// The field of the setting.
        name: &'static str,
        error: Box<SchemeError>,
    },
}

impl SchemeError {
    /// Whether it is about the value of a secret, rather than about what the setting says. Whoever does not know the secrets
    /// cannot tell whether it is true.
    pub fn is_of_a_secret(&self) -> bool {
        match self {
            Self::EmptySecret { .. }
            | Self::SecretEncoding { .. }
            | Self::PublicKey { .. }
            | Self::PrivateKey { .. }
            | Self::Pem { .. }
            | Self::Key { .. }
            | Self::Pair { .. }
            | Self::MixedTokens
            | Self::AesKey { .. } => true,
            Self::Field { error, .. } => error.is_of_a_secret(),
            Self::Unresolved { .. }
            | Self::NoSecret
            | Self::HeaderName { .. }
            | Self::Until { .. }
            | Self::Fields(_)
            | Self::NoTime
            | Self::TimePlaces
            | Self::TwoIds
            | Self::BodyPath { .. }
            | Self::Pairs(_)
            | Self::EmptySeparator
            | Self::Signed(_)
            | Self::BodyNotCovered
            | Self::NotCovered { .. }
            | Self::Border { .. }
            | Self::NoSource { .. } => false,
        }
    }
}

/// The true reason of a refusal. It is only for the request log: the caller learns only that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The signature header is absent.
    #[error("the header `{header}` is missing")]
    MissingSignature { header: String },
    /// Only GitHub's SHA-1 header is there.
    #[error("only the outdated `x-hub-signature` (SHA-1) was sent; `x-hub-signature-256` is required")]
    LegacySignature,
    /// The signature header is there more than once.
    #[error("the header `{header}` is there more than once")]
    SeveralSignatures { header: String },
    /// The signature header is not written as it should be.
    #[error("the header `{header}` cannot be a signature: {why}")]
    Malformed {
        header: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A well-formed signature of another text, or by another secret.
    #[error("no signature matches: the body was changed or the secret differs")]
    Mismatch,
    /// A good signature by a secret whose `until` has passed.
    #[error(
        "the signature is good, but the `until` of its secret has passed, or its certificate is no longer valid"
    )]
    SecretExpired,
    /// A key that nobody gave.
    #[error(
        "signed with the key `{id}`, which is not among those that are known; add it if the sender has a new one"
    )]
    UnknownKey {
        /// What the sender calls it.
        id: String,
    },
    /// The keys had to be fetched and were not.
    #[error("the sender's keys were not fetched")]
    NoKeys,
    /// A certificate that is not one of this sender, or not valid now.
    #[error("the certificate {why}")]
    Certificate {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A certificate that a sender of this kind does not name.
    #[error("the certificate is to come from `{url}`, which is not a host of this sender")]
    CertificateHost {
        /// Where it is to come from.
        url: String,
    },
    /// The fields that are signed cannot be read.
    #[error("the signed fields: {why}")]
    Fields {
        /// What is wrong with them.
        why: String,
    },
    /// A good signature of somebody else's delivery.
    #[error("signed by the sender, but for another {what} than `{field}` says")]
    Elsewhere {
        /// What it is for.
        what: &'static str,
        /// The field of the setting.
        field: &'static str,
    },
    /// The query parameter with the token is absent.
    #[error("the query parameter `{parameter}` is missing")]
    MissingParameter { parameter: String },
    /// The query parameter with the token is there more than once.
    #[error("the query parameter `{parameter}` is there more than once")]
    SeveralParameters { parameter: String },
    /// The URL holds no hash of the body, or a wrong one.
    #[error("the body is not a form, and the URL holds no `bodySHA256` that fits it")]
    BodyHash,
    /// A JSON Web Token that is not accepted.
    #[error("the token is not accepted: {why}")]
    Token {
        /// What is wrong with it.
        why: String,
    },
    /// The timestamp is absent.
    #[error("the timestamp `{header}` is missing")]
    MissingTimestamp {
        /// The header, or the path in the body.
        header: String,
    },
    /// The timestamp is not a time.
    #[error("the timestamp `{header}` {why}")]
    BadTimestamp {
        /// The header, or the path in the body.
        header: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Sent longer ago than the tolerance.
    #[error("sent {by} ms earlier than the tolerance allows: a replay, or a clock that is wrong")]
    Stale {
        /// How far beyond the tolerance, in milliseconds.
        by: u64,
    },
    /// Sent later than now by more than the tolerance.
    #[error("dated {by} ms further in the future than the tolerance allows: a clock is wrong")]
    Future {
        /// How far beyond the tolerance, in milliseconds.
        by: u64,
    },
    /// The header of the delivery's id is absent, empty or repeated.
    #[error("the id `{header}` is missing or not a single value")]
    MissingId { header: String },
    /// A value that another reader could divide from its neighbour in another way.
    #[error("the {what} could be divided otherwise from its neighbour in the signed text: {why}")]
    Border {
        /// The value: an id, a URL or a body.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A form whose fields can be read in several ways.
    #[error("the form {why}")]
    Form {
        /// What is wrong with it.
        why: &'static str,
    },
    /// A parameter of the query is missing, repeated, or not what it should be.
    #[error("the query parameter `{name}` {why}")]
    Query {
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The document around the encrypted text, or inside it, is not what it should be.
    #[error("the envelope {why}")]
    Envelope {
        /// What is wrong with it.
        why: &'static str,
    },
}
