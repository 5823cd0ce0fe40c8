//! Moves printed JavaScript back to the lines and columns that its parts had in the author's text.
//!
//! A printer puts everything on lines of its own and says by a source map where each part came from. Between two tokens of JavaScript
//! there may be any white space, but for a few places (no line may end after `return`). So line ends and spaces are put in and left out
//! until each part stands where it was written, as far as what was made longer leaves room. The result is parsed and compared with what
//! was printed: if it is another program, only whole statements are moved, and if that is one too, nothing is.

use oxc_allocator::Allocator;
use oxc_ast::ast::{RegExpLiteral, StringLiteral, TemplateElement};
use oxc_ast_visit::Visit;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_parser::{ParseOptions, Parser};
use oxc_span::SourceType;

/// Where a part was printed, and where it came from: line and column from 0, in UTF-16 units.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) at: (u32, u32),
    pub(super) wanted: (u32, u32),
}

/// Words after which no line may end.
const STAY: [&str; 8] = ["return", "throw", "break", "continue", "yield", "async", "get", "set"];

/// The printed text with its parts where they came from.
pub(super) fn restore(code: &str, marks: &[Mark]) -> String {
    let Some(printed) = canonical(code) else { return code.to_owned() };
    for every_part in [true, false] {
        let moved = moved(code, marks, every_part);
        if canonical(&moved).as_ref() == Some(&printed) {
            return moved;
        }
    }
    code.to_owned()
}

/// The program in the shortest form; `None` if it is none.
fn canonical(code: &str) -> Option<String> {
    let allocator = Allocator::default();
    let parsed = parse(&allocator, code);
    if parsed.panicked || parsed.diagnostics.has_errors() {
        return None;
    }
    Some(Codegen::new().with_options(CodegenOptions::minify()).build(&parsed.program).code)
}

fn parse<'a>(allocator: &'a Allocator, code: &'a str) -> oxc_parser::ParserReturn<'a> {
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    Parser::new(allocator, code, SourceType::mjs()).with_options(options).parse()
}

/// Texts in which nothing may be put: strings, templates, regular expressions.
#[derive(Default)]
struct Whole(Vec<(usize, usize)>);

impl<'a> Visit<'a> for Whole {
    fn visit_template_element(&mut self, it: &TemplateElement<'a>) {
        // A template's own text begins after a backtick or a brace.
        self.0.push((it.span.start as usize - 1, it.span.end as usize));
    }

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.0.push((it.span.start as usize, it.span.end as usize));
    }

    fn visit_reg_exp_literal(&mut self, it: &RegExpLiteral<'a>) {
        self.0.push((it.span.start as usize, it.span.end as usize));
    }
}

impl Whole {
    fn of(code: &str) -> Self {
        let allocator = Allocator::default();
        let mut whole = Self::default();
        whole.visit_program(&parse(&allocator, code).program);
        whole.0.sort_unstable();
        whole
    }

    /// Whether the place is inside of one, and not before it.
    fn holds(&self, at: usize) -> bool {
        let next = self.0.partition_point(|(start, _)| *start < at);
        next > 0 && at < self.0[next - 1].1
    }
}

fn moved(code: &str, marks: &[Mark], every_part: bool) -> String {
    let whole = Whole::of(code);
    let mut out = Output::default();
    let mut marks = marks.iter().peekable();
    let (mut line, mut column) = (0, 0);
    for (at, character) in code.char_indices() {
        let mut wanted = None;
        while let Some(mark) = marks.next_if(|mark| mark.at <= (line, column)) {
            if mark.at == (line, column) {
                wanted.get_or_insert(mark.wanted);
            }
        }
        let inside = whole.holds(at);
        if let Some(wanted) = wanted.filter(|_| !inside && !character.is_whitespace()) {
            out.go_to(wanted, every_part);
        }
        match character {
            ' ' | '\n' | '\t' if !inside => out.gap = true,
            character => {
                if !inside {
                    out.nest(character);
                }
                out.put(character);
            }
        }
        if character == '\n' {
            (line, column) = (line + 1, 0);
        } else {
            column += character.len_utf16() as u32;
        }
    }
    out.text
}

#[derive(Default)]
struct Output {
    text: String,
    line: u32,
    column: u32,
    /// White space is due before the next character.
    gap: bool,
    /// How many brackets are open.
    depth: i32,
    /// Where brackets were put in, by that depth: they close before the `;` of their statement.
    closes: Vec<i32>,
}

impl Output {
    /// Moves on to the place where the next part came from, if that is possible.
    fn go_to(&mut self, (line, column): (u32, u32), every_part: bool) {
        let last = self.text.trim_end();
        let after_statement = last.is_empty() || last.ends_with([';', '{', '}']);
        if !after_statement && !every_part {
            return;
        }
        let word = last.rsplit(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).next().unwrap_or("");
        if line > self.line && every_part && ["return", "throw"].contains(&word) {
            // As the author did: `return (` and the value on lines of its own.
            self.put('(');
            self.closes.push(self.depth);
        } else if line > self.line && STAY.contains(&word) {
            return;
        }
        if line > self.line {
            for _ in self.line..line {
                self.text.push('\n');
            }
            (self.line, self.column, self.gap) = (line, 0, false);
        }
        if line == self.line && column > self.column {
            let spaces = (column - self.column) as usize;
            self.text.extend(std::iter::repeat_n(' ', spaces));
            (self.column, self.gap) = (column, false);
        }
    }

    /// Counts brackets, and closes one that was put in.
    fn nest(&mut self, character: char) {
        match character {
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth -= 1,
            ';' if self.closes.last() == Some(&self.depth) => {
                self.closes.pop();
                self.put(')');
            }
            _ => {}
        }
    }

    fn put(&mut self, character: char) {
        if std::mem::take(&mut self.gap) && self.column > 0 {
            self.text.push(' ');
            self.column += 1;
        }
        self.text.push(character);
        if character == '\n' {
            (self.line, self.column) = (self.line + 1, 0);
        } else {
            self.column += character.len_utf16() as u32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(all: &[((u32, u32), (u32, u32))]) -> Vec<Mark> {
        all.iter().map(|(at, wanted)| Mark { at: *at, wanted: *wanted }).collect()
    }

    #[test]
    fn parts_go_back_to_where_they_came_from() {
        let code = "const a = 1;\nf(\"x\\n\", `p\nq`);\nb();\n";
        let marks = marks(&[((0, 0), (2, 2)), ((0, 6), (2, 8)), ((1, 0), (5, 0)), ((3, 0), (7, 4))]);
        assert_eq!(restore(code, &marks), "\n\n  const a = 1;\n\n\nf(\"x\\n\", `p\nq`);\n    b();");
    }

    #[test]
    fn no_line_ends_where_that_would_change_the_program() {
        let code = "function f() {\n\treturn a;\n}\n";
        let marks = marks(&[((0, 0), (0, 0)), ((1, 1), (1, 2)), ((1, 8), (3, 0)), ((2, 0), (4, 0))]);
        assert_eq!(restore(code, &marks), "function f() {\n  return (\n\na);\n}");
    }

    #[test]
    fn what_is_no_javascript_stays_as_it_is() {
        assert_eq!(restore("(", &[]), "(");
    }
}
