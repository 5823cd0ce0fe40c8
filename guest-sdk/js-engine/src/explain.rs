//! Says in the user's own words what Boa says in the engine's: names the property or the function that an error is about.
//!
//! Boa's message for a call of what is no function does not name it; the place in the source does. Pure: message, source and position
//! in, message out. Called by `failure.rs` for errors that the engine itself raised in the user's code.

/// What Boa says of a call of what is no function.
const NOT_CALLABLE: &str = "not a callable function";

/// What Boa says of a variable that is read before its declaration.
const EARLY_ACCESS: &str = "access of uninitialized binding";

/// Whether there may be a better message than this one.
pub(crate) fn concerns(message: &str) -> bool {
    message == NOT_CALLABLE || message == EARLY_ACCESS || message.ends_with(" is not defined")
}

/// Whether the message is about a variable that is read before its declaration, in the engine's words or in better ones.
pub(crate) fn is_early_access(message: &str) -> bool {
    message == EARLY_ACCESS
        || (message.starts_with("Cannot access '") && message.ends_with("' before initialization"))
}

/// A better message, or `None` when there is nothing to add. `line` and `column` are 1-based.
pub(crate) fn explain(message: &str, source: &str, line: u32, column: u32) -> Option<String> {
    let text: Vec<char> = source.lines().nth(line as usize - 1)?.chars().collect();
    let at = column as usize - 1;
    match message {
        NOT_CALLABLE => {
            let name = text.get(at..)?.iter().take_while(|c| is_name(**c)).count();
            let callee = callee_before(&text, at + name);
            (!callee.is_empty()).then(|| format!("{callee} is not a function"))
        }
        _ => None,
    }
}

/// What takes the place of a global that other runtimes have.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "module" | "exports" => {
            "write `export default async function (context, tools) { ... }`, or `return` the result"
        }
        "$json" | "$input" | "items" | "$items" | "inputData" | "msg" | "payload" | "$body" | "body"
        | "event" | "request" | "req" => {
            "the request is in `context`: `context.data` is its body, `context.headers` and `context.query` the rest; `return` the result"
        }
        "$node" | "$jobsMapByNodeKey" | "$steps" | "$prevNode" | "$" => {
            "outputs of the steps before are in `steps`: `steps.NAME`"
        }
        "$context" => "in scripts it is `context`, without the `$`",
        "$scopes" | "$itemIndex" | "$runIndex" => {
            "the loops around a step are in `scopes`: `scopes.LOOP.item` and `.index`"
        }
        "$env" | "$vars" => "environment variables are in `env`",
        "$secrets" | "$credentials" => "secrets are in `secrets`",
        "$now" | "$today" | "$system" | "DateTime" => {
            "`new Date()` is the time; `flowcell bundle luxon` gives you `DateTime`"
        }
        "$workflow" | "$execution" | "$run" => "`run.id` and `run.workflow` say where the script runs",
        "$getWorkflowStaticData" | "flow" | "StoreClient" => {
            "`kv` keeps values: `await kv.get('name')`, `await kv.set('name', value)`"
        }
        "$request" | "$http" | "z" | "RED" => "`fetch` makes requests",
        "node" => "`console.log` writes to the run's log, `return` gives the result",
        "output" => "`return` the result",
        "window" | "document" | "XMLHttpRequest" => "this is no browser; `fetch` makes requests",
        "axios" | "got" | "superagent" | "needle" => {
            "`fetch` makes requests; a library is bundled once (`flowcell bundle axios`) and then imported"
        }
        "Deno" | "Bun" | "__dirname" | "__filename" => "scripts have no files; `kv` keeps values",
        _ => return None,
    })
}

/// The chain of names that ends before `at`: `a.b` of `a.b(`.
fn callee_before(text: &[char], at: usize) -> String {
    let end = at.min(text.len());
    let start =
        text[..end].iter().rposition(|&c| !(is_name(c) || c == '.' || c == '?')).map_or(0, |place| place + 1);
    let chain: String = text[start..end].iter().collect();
    chain.trim_matches(['.', '?']).to_owned()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Boa places a call at its opening bracket; people look for the function's name, where other engines place it.
pub(crate) fn name_of_call(source: &str, line: u32, column: u32) -> u32 {
    let Some(text) = source.lines().nth(line as usize - 1) else {
        return column;
    };
    let before: Vec<char> = text.chars().take(column as usize).collect();
    let Some(('(', head)) = before.split_last().map(|(last, head)| (*last, head)) else {
        return column;
    };
    let name = head.iter().rev().take_while(|c| is_name(**c)).count();
    column - name as u32
}

/// Where an undefined name stands: Boa gives such errors the position of the statement before it, at best.
///
/// `name` is searched as a whole word from the reported place on, then from the start.
pub(crate) fn find_name(name: &str, source: &str, line: u32, column: u32) -> Option<(u32, u32)> {
    let word = |text: &str, from: usize| {
        let chars: Vec<char> = text.chars().collect();
        let name: Vec<char> = name.chars().collect();
        (from..(chars.len() + 1).saturating_sub(name.len())).find(|&at| {
            chars[at..].starts_with(&name)
                && !chars.get(at + name.len()).is_some_and(|&c| is_name(c))
                && !(at > 0 && (is_name(chars[at - 1]) || chars[at - 1] == '.'))
        })
    };
    let lines = || source.lines().zip(1_u32..);
    let later = lines().skip_while(|(_, number)| *number < line).find_map(|(text, number)| {
        let from = if number == line { column as usize - 1 } else { 0 };
        word(text, from).map(|at| (number, at as u32 + 1))
    });
    later.or_else(|| lines().find_map(|(text, number)| word(text, 0).map(|at| (number, at as u32 + 1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_they_are_about() {
        for (message, source, line, column, expected) in [
            ("not a callable function", "o.missing()", 1, 3, "o.missing is not a function"),
            ("not a callable function", "x = f(1)", 1, 5, "f is not a function"),
        ] {
            assert_eq!(explain(message, source, line, column).as_deref(), Some(expected));
        }
        assert_eq!(explain("other", "x", 1, 1), None);
        assert_eq!(explain("not a callable function", "(1)", 1, 99), None);
    }

    #[test]
    fn a_call_stands_where_its_name_begins() {
        assert_eq!(name_of_call("a.b(1)", 1, 4), 3);
        assert_eq!(name_of_call("(1)()", 1, 4), 4);
        assert_eq!(name_of_call("throw new Error()", 1, 7), 7);
        assert_eq!(name_of_call("x", 5, 4), 4);
    }

    #[test]
    fn an_undefined_name_is_found_as_a_whole_word() {
        let source = "const nope2 = o.nope;\nreturn nope + 1";
        assert_eq!(find_name("nope", source, 1, 1), Some((2, 8)));
        assert_eq!(find_name("nope", source, 2, 9), Some((2, 8)));
        assert_eq!(find_name("absent", source, 1, 1), None);
    }
}
