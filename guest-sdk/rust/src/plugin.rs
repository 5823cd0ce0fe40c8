//! What `plugin!` expands to: the export `handler`, JSON on one side and the author's types on the other.

use std::panic;

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

pub use crate::bindings::exports::flowcell::plugin::handler::{Description, Example, Guest};
use crate::{
    Context, Error,
    bindings::flowcell::plugin::types,
    error::to_host,
    log::{self, Level},
};

/// The three kinds of capability by the names that `plugin!` takes.
pub mod capability {
    pub fn http(host: &str) -> String {
        format!("http:{host}")
    }

    pub fn kv(prefix: &str) -> String {
        format!("kv:{prefix}")
    }

    pub fn secret(name: &str) -> String {
        format!("secret:{name}")
    }
}

/// Makes a plugin of a function `fn(Input, &Context) -> Result<Output, Error>`.
///
/// Its name, version and title are `name`, `version` and `description` of Cargo.toml; its schemas are those of the two types.
///
/// ```
/// use flowcell_plugin::{Context, Error, plugin};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Input { name: String }
///
/// #[derive(serde::Serialize, schemars::JsonSchema)]
/// struct Output { greeting: String }
///
/// fn run(input: Input, _: &Context) -> Result<Output, Error> {
///     Ok(Output { greeting: format!("Hello, {}!", input.name) })
/// }
///
/// plugin! {
///     run,
///     capabilities: [http("api.example.com"), kv("greeted/"), secret("API_TOKEN")],
///     examples: ["By name": {"name": "Ada"} => {"greeting": "Hello, Ada!"}],
/// }
/// # fn main() {}
/// ```
///
/// An example without `=> output` is one whose output is not always the same.
#[macro_export]
macro_rules! plugin {
    (
        $run:path
        $(, capabilities: [$($kind:ident($value:expr)),* $(,)?])?
        $(, examples: [$($title:literal : $input:tt $(=> $output:tt)?),* $(,)?])?
        $(,)?
    ) => {
        /// What the plugin says of itself.
        #[allow(dead_code)]
        fn describe() -> $crate::plugin::Description {
            let mut description = $crate::plugin::describe(
                $run,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_PKG_DESCRIPTION"),
            );
            $($(description.capabilities.push($crate::plugin::capability::$kind($value));)*)?
            $($(description.examples.push($crate::plugin::example(
                $title,
                $crate::serde_json::json!($input),
                $crate::plugin!(@output $($output)?),
            ));)*)?
            description
        }

        #[cfg(target_family = "wasm")]
        const _: () = {
            struct Plugin;

            impl $crate::plugin::Guest for Plugin {
                fn describe() -> $crate::plugin::Description {
                    $crate::plugin::log_panics();
                    describe()
                }

                fn run(input: String, context: $crate::Context) -> Result<String, $crate::plugin::HostError> {
                    $crate::plugin::log_panics();
                    $crate::plugin::run($run, &input, &context)
                }
            }

            $crate::bindings::export!(Plugin with_types_in $crate::bindings);
        };
    };
    (@output) => { ::std::option::Option::None };
    (@output $output:tt) => { ::std::option::Option::Some($crate::serde_json::json!($output)) };
}

pub use types::Error as HostError;

/// The description without what only the author knows. It takes the function for its types.
pub fn describe<Input: JsonSchema, Output: JsonSchema>(
    _run: fn(Input, &Context) -> Result<Output, Error>,
    name: &str,
    version: &str,
    title: &str,
) -> Description {
    Description {
        name: name.to_owned(),
        version: version.to_owned(),
        title: title.to_owned(),
        input_schema: Some(schemars::schema_for!(Input).as_value().to_string()),
        output_schema: Some(schemars::schema_for!(Output).as_value().to_string()),
        capabilities: Vec::new(),
        examples: Vec::new(),
    }
}

pub fn example(title: &str, input: serde_json::Value, output: Option<serde_json::Value>) -> Example {
    Example {
        title: title.to_owned(),
        input: input.to_string(),
        output: output.map(|output| output.to_string()),
    }
}

/// One call with its JSON on both sides.
pub fn run<Input: DeserializeOwned, Output: Serialize>(
    run: fn(Input, &Context) -> Result<Output, Error>,
    input: &str,
    context: &Context,
) -> Result<String, HostError> {
    let input = serde_json::from_str(input).map_err(|error| {
        to_host(Error::bad_input(format_args!("the input is not what the plugin takes: {error}")))
    })?;
    let output = run(input, context).map_err(to_host)?;
    serde_json::to_string(&output).map_err(|error| to_host(Error::from(error)))
}

/// A panic ends the instance with a trap that says nothing, so it says where and why in the log before.
pub fn log_panics() {
    panic::set_hook(Box::new(|panic| log::log(Level::Error, &panic.to_string())));
}
