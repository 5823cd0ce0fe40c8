//! Who did something, as records hold it: for `#[serde(with = "…")]`.
//!
//! The model's own form tells its kind by a name, which only a format that describes itself can read back.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{Actor, PersonName, TokenId};

#[derive(Serialize, Deserialize)]
enum Stored {
    Person(PersonName),
    Token(TokenId),
    Machine,
    Folder,
}

pub(super) fn serialize<S: Serializer>(actor: &Actor, serializer: S) -> Result<S::Ok, S::Error> {
    let stored = match actor {
        Actor::Person { name } => Stored::Person(name.clone()),
        Actor::Token { id } => Stored::Token(id.clone()),
        Actor::Machine => Stored::Machine,
        Actor::Folder => Stored::Folder,
    };
    stored.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Actor, D::Error> {
    Ok(match Stored::deserialize(deserializer)? {
        Stored::Person(name) => Actor::Person { name },
        Stored::Token(id) => Actor::Token { id },
        Stored::Machine => Actor::Machine,
        Stored::Folder => Actor::Folder,
    })
}
