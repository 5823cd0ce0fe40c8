//! What a program may not hold, and the payment that each of its definitions begins with. Pure.

use jaq_core::{
    load::{
        lex::StrPart,
        parse::{BinaryOp, Def, Pattern, Term},
    },
    path::{Part, Path},
};

/// The function that a definition pays with whenever it is called. No program can write its name.
pub(super) const TICK: &str = "!tick";

/// A definition that calls itself; the text is where it does.
#[derive(Debug)]
pub(super) struct Recursion<'a>(pub(super) &'a str);

type Checked<'a> = Result<Term<&'a str>, Recursion<'a>>;

/// Checks the program that will be the definition `name`, and makes every definition in it pay when it is called.
///
/// A definition that takes filters and calls itself makes closures of any depth, whose end would end the
/// stack. Loops are written with `recurse`, `while`, `until`, `repeat`, `limit`, `reduce` and `foreach`.
pub(super) fn checked<'a>(name: &'a str, program: Term<&'a str>) -> Checked<'a> {
    Check { open: Some(vec![(name, 0)]) }.term(program)
}

/// Makes the loop inside a definition of jaq pay for each round.
pub(super) fn paying(definition: Def<&'static str>) -> Def<&'static str> {
    let body =
        Check { open: None }.term(definition.body).expect("recursion is only refused where it is looked for");
    Def { body, ..definition }
}

struct Check<'a> {
    /// The definitions around the place, by name and number of arguments, if recursion is refused.
    open: Option<Vec<(&'a str, usize)>>,
}

impl<'a> Check<'a> {
    #[expect(clippy::boxed_local, reason = "it comes in a box and goes into one")]
    fn boxed(&mut self, term: Box<Term<&'a str>>) -> Result<Box<Term<&'a str>>, Recursion<'a>> {
        self.term(*term).map(Box::new)
    }

    fn all(&mut self, terms: Vec<Term<&'a str>>) -> Result<Vec<Term<&'a str>>, Recursion<'a>> {
        terms.into_iter().map(|term| self.term(term)).collect()
    }

    fn option(
        &mut self,
        term: Option<Box<Term<&'a str>>>,
    ) -> Result<Option<Box<Term<&'a str>>>, Recursion<'a>> {
        term.map(|term| self.boxed(term)).transpose()
    }

    fn term(&mut self, term: Term<&'a str>) -> Checked<'a> {
        Ok(match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Var(_) | Term::Break(_) => term,
            Term::Str(format, parts) => {
                let parts = parts.into_iter().map(|part| match part {
                    StrPart::Term(term) => self.term(term).map(StrPart::Term),
                    StrPart::Str(_) | StrPart::Char(_) => Ok(part),
                });
                Term::Str(format, parts.collect::<Result<_, _>>()?)
            }
            Term::Arr(inner) => Term::Arr(self.option(inner)?),
            Term::Obj(members) => {
                let members = members.into_iter().map(|(key, value)| {
                    Ok((self.term(key)?, value.map(|value| self.term(value)).transpose()?))
                });
                Term::Obj(members.collect::<Result<_, _>>()?)
            }
            Term::Neg(inner) => Term::Neg(self.boxed(inner)?),
            Term::BinOp(left, operator, right) => {
                let left = self.boxed(left)?;
                let operator = match operator {
                    BinaryOp::Pipe(Some(pattern)) => BinaryOp::Pipe(Some(self.pattern(pattern)?)),
                    other => other,
                };
                Term::BinOp(left, operator, self.boxed(right)?)
            }
            Term::Label(name, inner) => Term::Label(name, self.boxed(inner)?),
            Term::Fold(name, over, pattern, arguments) => {
                Term::Fold(name, self.boxed(over)?, self.pattern(pattern)?, self.all(arguments)?)
            }
            Term::TryCatch(inner, catch) => Term::TryCatch(self.boxed(inner)?, self.option(catch)?),
            Term::IfThenElse(cases, otherwise) => {
                let cases = cases.into_iter().map(|(test, then)| Ok((self.term(test)?, self.term(then)?)));
                Term::IfThenElse(cases.collect::<Result<_, _>>()?, self.option(otherwise)?)
            }
            Term::Def(definitions, inner) => {
                let definitions = definitions.into_iter().map(|definition| self.definition(definition));
                Term::Def(definitions.collect::<Result<_, _>>()?, self.boxed(inner)?)
            }
            Term::Call(name, arguments) => {
                if self.open.as_ref().is_some_and(|open| open.contains(&(name, arguments.len()))) {
                    return Err(Recursion(name));
                }
                Term::Call(name, self.all(arguments)?)
            }
            Term::Path(inner, path) => {
                let inner = self.boxed(inner)?;
                let parts = path.0.into_iter().map(|(part, opt)| {
                    let part = match part {
                        Part::Index(index) => Part::Index(self.term(index)?),
                        Part::Range(from, to) => Part::Range(
                            from.map(|from| self.term(from)).transpose()?,
                            to.map(|to| self.term(to)).transpose()?,
                        ),
                    };
                    Ok((part, opt))
                });
                Term::Path(inner, Path(parts.collect::<Result<_, _>>()?))
            }
        })
    }

    fn definition(&mut self, definition: Def<&'a str>) -> Result<Def<&'a str>, Recursion<'a>> {
        if let Some(open) = &mut self.open {
            open.push((definition.name, definition.args.len()));
        }
        let body = self.term(definition.body)?;
        self.open.as_mut().and_then(Vec::pop);
        let tick = Box::new(Term::Call(TICK, Vec::new()));
        Ok(Def { body: Term::BinOp(tick, BinaryOp::Pipe(None), Box::new(body)), ..definition })
    }

    fn pattern(&mut self, pattern: Pattern<&'a str>) -> Result<Pattern<&'a str>, Recursion<'a>> {
        Ok(match pattern {
            Pattern::Var(_) => pattern,
            Pattern::Arr(inner) => {
                Pattern::Arr(inner.into_iter().map(|inner| self.pattern(inner)).collect::<Result<_, _>>()?)
            }
            Pattern::Obj(members) => {
                let members =
                    members.into_iter().map(|(key, inner)| Ok((self.term(key)?, self.pattern(inner)?)));
                Pattern::Obj(members.collect::<Result<_, _>>()?)
            }
        })
    }
}
