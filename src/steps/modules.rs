//! A script with everything that it imports: TypeScript made JavaScript, imports followed, each module checked by the engine.
//!
//! Called by `code` when a version is compiled. Nothing is executed; what is missing is told with the importing file and line.

use std::collections::BTreeMap;

use super::code_source::CodeSource;
use crate::{
    model::{ByteSize, ErrorCode, FieldError, Limits, Position, RunError},
    sandbox::{Form, Script},
    script::{self, ImportKind, LIBRARIES, Language, Parsed},
};

/// The text of one library's module.
const LIBRARY: ByteSize = ByteSize::from_bytes(4 << 20);
/// What the engine says of a module that is fine, but no script.
const NO_DEFAULT: &str = "no default export";

/// Reads the script `entry` and the modules that it may import.
///
/// # Errors
/// At `field`: the first file that is missing, too large or wrong, or import that leads nowhere.
pub(super) fn load(entry: &str, field: &str, code: &dyn CodeSource) -> Result<Script, FieldError> {
    let source = code.read(entry).ok_or_else(|| {
        FieldError::new(field, format!("there is no file `{entry}` in the workflow's folder"))
    })?;
    let mut modules: BTreeMap<String, String> = BTreeMap::new();
    let loader = Loader { field, code };
    let (mut script, mut waiting) = loader.file(entry, source, true)?;
    while let Some(file) = waiting.pop() {
        if file == entry || modules.contains_key(&file) {
            continue;
        }
        let (module, imported) = loader.file(&file, code.read(&file).unwrap_or_default(), false)?;
        modules.insert(file, module.source);
        waiting.extend(imported);
    }
    script.modules = modules.into_iter().collect();
    Ok(script)
}

struct Loader<'a> {
    field: &'a str,
    code: &'a dyn CodeSource,
}

impl Loader<'_> {
    /// One file, checked, and the files that it imports.
    fn file(&self, file: &str, source: &str, is_entry: bool) -> Result<(Script, Vec<String>), FieldError> {
        let is_library = file.strip_prefix(LIBRARIES).is_some_and(|rest| rest.starts_with('/'));
        let most = if is_library { LIBRARY } else { Limits::SOURCE };
        if source.len() > most.as_usize() {
            return Err(FieldError::new(self.field, format!("`{file}` is over {most}")));
        }
        match Language::of(file) {
            Some(Language::Json) => {
                if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(source) {
                    let (line, column) = (error.line().max(1) as u32, error.column().max(1) as u32);
                    return Err(self.at(file, line, column, &format!("this is not JSON: {error}")));
                }
                Ok((plain(file, source), Vec::new()))
            }
            Some(Language::TypeScript) => {
                let parsed = script::parse(file, source)
                    .map_err(|mistake| self.at(file, mistake.line, mistake.column, &mistake.message))?;
                let imported = self.imported(file, &parsed)?;
                Ok((self.check(file, &parsed.javascript, is_entry)?, imported))
            }
            // The engine has the last word on JavaScript, and the better messages.
            Some(Language::JavaScript) | None => {
                let script = self.check(file, source, is_entry)?;
                let parsed = script::parse(file, source);
                let imported = parsed.map_or(Ok(Vec::new()), |parsed| self.imported(file, &parsed))?;
                Ok((script, imported))
            }
        }
    }

    /// Has the engine check a text: a script if it is the entry, else any module.
    fn check(&self, file: &str, javascript: &str, is_entry: bool) -> Result<Script, FieldError> {
        let error = match self.code.check(file, javascript) {
            Ok(script) => return Ok(script),
            Err(error) => error,
        };
        if !is_entry && error.message.contains(NO_DEFAULT) {
            return Ok(plain(file, javascript));
        }
        let error = typescript(file, javascript, error);
        Err(match error.position {
            Some(position) => FieldError::in_code(self.field, position, &error.message),
            None => FieldError::new(self.field, format!("{file}: {}", error.message)),
        })
    }

    /// The files that a file imports.
    fn imported(&self, importer: &str, parsed: &Parsed) -> Result<Vec<String>, FieldError> {
        let exists = |file: &str| Language::of(file).is_some() && self.code.read(file).is_some();
        let mut files = Vec::new();
        for import in &parsed.imports {
            match script::resolve(importer, &import.specifier, exists) {
                Ok(file) => files.extend(file),
                // It throws, and the script may catch that.
                Err(_) if import.kind == ImportKind::Require => {}
                Err(error) => return Err(self.at(importer, import.line, import.column, &error.to_string())),
            }
        }
        Ok(files)
    }

    fn at(&self, file: &str, line: u32, column: u32, message: &str) -> FieldError {
        FieldError::in_code(self.field, Position { file: file.to_owned(), line, column }, message)
    }
}

/// A file that another one imports, as text.
fn plain(file: &str, source: &str) -> Script {
    let (file, source) = (file.to_owned(), source.to_owned());
    Script { file, form: Form::Module, source, modules: Vec::new(), imports: Vec::new() }
}

/// The error of a `.js` file, which says so if the file is TypeScript.
fn typescript(file: &str, source: &str, error: RunError) -> RunError {
    let Some(stem) = file.strip_suffix("js").filter(|_| error.code == ErrorCode::SyntaxError) else {
        return error;
    };
    if script::parse(file, source).is_ok() {
        // What is wrong with it is no type.
        return error;
    }
    let renamed = format!("{stem}ts");
    match script::parse(&renamed, source) {
        Ok(_) => RunError { message: format!("this is TypeScript: name the file `{renamed}`"), ..error },
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::{Image, Metering, Share};

    /// Files, and an engine that accepts everything.
    struct Files(&'static [(&'static str, &'static str)]);

    impl CodeSource for Files {
        fn read(&self, file: &str) -> Option<&str> {
            self.0.iter().find(|(name, _)| *name == file).map(|(_, text)| *text)
        }

        fn check(&self, file: &str, source: &str) -> Result<Script, RunError> {
            let form = if source.contains("export default") { Form::Module } else { Form::Body };
            let (file, source) = (file.to_owned(), source.to_owned());
            Ok(Script { file, form, source, modules: Vec::new(), imports: Vec::new() })
        }

        fn share(&self) -> Share {
            unreachable!("nothing runs")
        }

        fn metering(&self) -> Metering {
            Metering::Fuel
        }

        fn image(&self, _: &Script) -> Option<Image> {
            None
        }
    }

    #[test]
    fn a_script_comes_with_all_that_it_reaches_and_nothing_else() {
        let files = Files(&[
            (
                "main.ts",
                "import type { A } from './types';\nimport { b } from './lib/b';\nexport default () => b satisfies A;",
            ),
            (
                "lib/b.ts",
                "import dayjs from 'dayjs';\nimport crypto from 'crypto';\nexport const b: number = 1; export { c } from '../c.js';",
            ),
            ("c.js", "import { b } from './lib/b';\nexport const c = await import('./d.mjs')"),
            ("d.mjs", "export default () => { try { require('gone') } catch {} }"),
            ("libraries/dayjs.js", "export default 1"),
            ("libraries/other.js", "export default 2"),
            ("unused.js", "syntax error"),
        ]);
        let script = load("main.ts", "f", &files).unwrap();
        let names: Vec<_> = script.modules.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["c.js", "d.mjs", "lib/b.ts", "libraries/dayjs.js"]);
        assert!(script.modules[2].1.contains("export const b         = 1;"), "{}", script.modules[2].1);
        assert_eq!(script.form, Form::Module);
    }

    #[test]
    fn what_is_wrong_in_a_module_is_told_with_its_own_place() {
        for (text, words) in [
            ("export const a = 1;\nimport b from '../../x.js'", "lib/a.ts:2:15: `../../x.js` is outside"),
            ("\n  import './gone'", "lib/a.ts:2:10: there is no file `lib/gone` in the workflow's folder"),
            ("export {};\nconst x = await import('zod')", "lib/a.ts:2:24: there is no library `zod`"),
            ("export {};\nlet x: = 1", "lib/a.ts:2:8: "),
            ("export class A { accessor a = 1 }", "lib/a.ts:1:18: `accessor` fields are not supported"),
        ] {
            let text: &'static str = text;
            let files: &'static [_] =
                Box::leak(Box::new([("main.js", "import './lib/a.ts'"), ("lib/a.ts", text)]));
            let error = load("main.js", "steps[0].file", &Files(files)).unwrap_err();
            assert!(error.message.starts_with(words), "{text}: {}", error.message);
            assert_eq!(error.position.unwrap().file, "lib/a.ts");
        }
        assert!(load("gone.js", "f", &Files(&[])).unwrap_err().message.contains("no file `gone.js`"));
    }
}
