//! The grammar of JSONPath (RFC 9535), by recursive descent. Pure.
//!
//! How deep it goes is limited by `query`, which refuses deeply nested brackets before.

use super::{
    ast::{Comparable, Comparison, Logical, Path, Segment, Selector},
    scan::Scanner,
};

/// # Errors
/// What is wrong, and at which character.
pub(super) fn parse(text: &str) -> Result<Path, String> {
    let mut scanner = Scanner::new(text);
    scanner.expect("$")?;
    let path = Path { relative: false, segments: segments(&mut scanner)? };
    match scanner.peek() {
        None => Ok(path),
        Some(_) => Err(scanner.wrong("expected `.`, `[` or the end of the query")),
    }
}

fn segments(scanner: &mut Scanner<'_>) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    loop {
        let before = scanner.place();
        scanner.blanks();
        let descends = scanner.take("..");
        let selectors = if scanner.peek() == Some('[') {
            bracketed(scanner)?
        } else if descends || scanner.take(".") {
            vec![if scanner.take("*") { Selector::Wildcard } else { Selector::Name(scanner.name()?) }]
        } else {
            // Blanks belong to what follows.
            scanner.go_back(before);
            return Ok(segments);
        };
        segments.push(Segment { descends, selectors });
    }
}

fn bracketed(scanner: &mut Scanner<'_>) -> Result<Vec<Selector>, String> {
    scanner.expect("[")?;
    let mut selectors = Vec::new();
    loop {
        scanner.blanks();
        selectors.push(selector(scanner)?);
        scanner.blanks();
        if scanner.take("]") {
            return Ok(selectors);
        }
        if !scanner.take(",") {
            return Err(scanner.wrong("expected `,` or `]`"));
        }
    }
}

fn selector(scanner: &mut Scanner<'_>) -> Result<Selector, String> {
    match scanner.peek() {
        Some('\'' | '"') => scanner.string().map(Selector::Name),
        Some('*') => scanner.expect("*").map(|()| Selector::Wildcard),
        Some('?') => {
            scanner.expect("?")?;
            scanner.blanks();
            any(scanner).map(Selector::Filter)
        }
        Some(_) | None => {
            let start = scanner.int()?;
            let after = scanner.place();
            scanner.blanks();
            if !scanner.take(":") {
                scanner.go_back(after);
                let message = "expected a name in quotes, a number, a slice, `*` or `?`";
                return start.map(Selector::Index).ok_or_else(|| scanner.wrong(message));
            }
            scanner.blanks();
            let end = scanner.int()?;
            scanner.blanks();
            let mut step = None;
            if scanner.take(":") {
                scanner.blanks();
                step = scanner.int()?;
            }
            Ok(Selector::Slice { start, end, step: step.unwrap_or(1) })
        }
    }
}

fn any(scanner: &mut Scanner<'_>) -> Result<Logical, String> {
    list(scanner, "||", all, Logical::Any)
}

fn all(scanner: &mut Scanner<'_>) -> Result<Logical, String> {
    list(scanner, "&&", basic, Logical::All)
}

fn list(
    scanner: &mut Scanner<'_>,
    between: &str,
    part: fn(&mut Scanner<'_>) -> Result<Logical, String>,
    make: fn(Vec<Logical>) -> Logical,
) -> Result<Logical, String> {
    let mut parts = vec![part(scanner)?];
    loop {
        let before = scanner.place();
        scanner.blanks();
        if !scanner.take(between) {
            scanner.go_back(before);
            break;
        }
        scanner.blanks();
        parts.push(part(scanner)?);
    }
    Ok(if parts.len() == 1 { parts.swap_remove(0) } else { make(parts) })
}

/// One operand of `&&`: in parentheses, a comparison or a test.
fn basic(scanner: &mut Scanner<'_>) -> Result<Logical, String> {
    let negated = scanner.take("!");
    if negated {
        scanner.blanks();
    }
    let inner = if scanner.take("(") {
        scanner.blanks();
        let inner = any(scanner)?;
        scanner.blanks();
        scanner.expect(")")?;
        inner
    } else {
        let start = scanner.place();
        let left = operand(scanner)?;
        let before = scanner.place();
        scanner.blanks();
        match comparison(scanner).filter(|_| !negated) {
            Some(comparison) => {
                let left = comparable(left).map_err(|what| scanner.wrong_at(start, what))?;
                scanner.blanks();
                let start = scanner.place();
                let right = comparable(operand(scanner)?).map_err(|what| scanner.wrong_at(start, what))?;
                Logical::Compare(left, comparison, right)
            }
            None => {
                scanner.go_back(before);
                test(left).map_err(|what| scanner.wrong_at(start, what))?
            }
        }
    };
    Ok(if negated { Logical::Not(Box::new(inner)) } else { inner })
}

fn comparison(scanner: &mut Scanner<'_>) -> Option<Comparison> {
    // The longer ones first.
    let all = [
        ("==", Comparison::Equal),
        ("!=", Comparison::NotEqual),
        ("<=", Comparison::LessOrEqual),
        (">=", Comparison::GreaterOrEqual),
        ("<", Comparison::Less),
        (">", Comparison::Greater),
    ];
    all.into_iter().find(|(text, _)| scanner.take(text)).map(|(_, comparison)| comparison)
}

/// What stands in a filter, before it is known what for.
enum Operand {
    Path(Path),
    Value(Comparable),
    Logical(Logical),
}

fn operand(scanner: &mut Scanner<'_>) -> Result<Operand, String> {
    if let Some(literal) = scanner.literal()? {
        return Ok(Operand::Value(Comparable::Literal(literal)));
    }
    for (origin, relative) in [("@", true), ("$", false)] {
        if scanner.take(origin) {
            return Ok(Operand::Path(Path { relative, segments: segments(scanner)? }));
        }
    }
    let start = scanner.place();
    let Some(name) = scanner.function() else {
        return Err(scanner.wrong("expected `@`, `$`, a string, a number, true, false, null or a function"));
    };
    let mut arguments = Vec::new();
    scanner.blanks();
    if !scanner.take(")") {
        loop {
            arguments.push(operand(scanner)?);
            scanner.blanks();
            if scanner.take(")") {
                break;
            }
            scanner.expect(",")?;
            scanner.blanks();
        }
    }
    function(name, arguments).map_err(|what| scanner.wrong_at(start, &what))
}

fn function(name: &str, arguments: Vec<Operand>) -> Result<Operand, String> {
    let count = arguments.len();
    let mut arguments = arguments.into_iter();
    let mut next = || arguments.next();
    let path = |operand: Operand| match operand {
        Operand::Path(path) => Ok(path),
        Operand::Value(_) | Operand::Logical(_) => Err(format!("`{name}` takes a path")),
    };
    match (name, count, next(), next()) {
        ("length", 1, Some(value), _) => Ok(Operand::Value(Comparable::Length(Box::new(comparable(value)?)))),
        ("count", 1, Some(nodes), _) => Ok(Operand::Value(Comparable::Count(path(nodes)?))),
        ("value", 1, Some(nodes), _) => Ok(Operand::Value(Comparable::Only(path(nodes)?))),
        ("match" | "search", 2, Some(text), Some(pattern)) => Ok(Operand::Logical(Logical::Matches {
            whole: name == "match",
            text: comparable(text)?,
            pattern: comparable(pattern)?,
        })),
        ("length" | "count" | "value", ..) => Err(format!("`{name}` takes one argument, not {count}")),
        ("match" | "search", ..) => Err(format!("`{name}` takes a text and a pattern")),
        _ => Err(format!("there is no function `{name}`; known are length, count, value, match, search")),
    }
}

fn comparable(operand: Operand) -> Result<Comparable, &'static str> {
    match operand {
        Operand::Path(path) if path.is_singular() => Ok(Comparable::Singular(path)),
        Operand::Path(_) => {
            Err("this path may lead to many values; compare with one, or use value() or count()")
        }
        Operand::Value(value) => Ok(value),
        Operand::Logical(_) => Err("this is true or false already, it cannot be compared"),
    }
}

fn test(operand: Operand) -> Result<Logical, &'static str> {
    match operand {
        Operand::Path(path) => Ok(Logical::Exists(path)),
        Operand::Logical(logical) => Ok(logical),
        Operand::Value(_) => Err("this is a value; compare it with something"),
    }
}
