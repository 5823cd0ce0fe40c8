//! Who did something: in the audit log, and at each revision of a workflow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ids::{PersonName, TokenId};

/// Who changed something, or asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A person who is logged in.
    Person { name: PersonName },
    /// Whoever holds this token of the API.
    Token { id: TokenId },
    /// Whoever can read the token in the data folder: the machine's own administrator.
    Machine,
    /// Whoever changed the files of a workflow folder.
    Folder,
}
