//! Checks that the engine keeps all that outlives a call in its memory, which is what putting an instance back rests on.

use wasmparser::{Operator, Parser, Payload};

/// Whether no instruction of the module changes a table, an element segment or a data segment, and its only mutable global
/// is one that nobody outside can reach: the stack pointer.
///
/// # Errors
/// What it has instead, as the end of a sentence that begins with "the module".
pub(super) fn check(module: &[u8]) -> Result<(), String> {
    let mut mutable = 0;
    for payload in Parser::new(0).parse_all(module) {
        let unreadable = |error: wasmparser::BinaryReaderError| format!("cannot be read: {error}");
        match payload.map_err(unreadable)? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    let import = import.map_err(unreadable)?;
                    if !matches!(import.ty, wasmparser::TypeRef::Func(_)) {
                        return Err(format!("imports `{}`, which is no function", import.name));
                    }
                }
            }
            Payload::GlobalSection(globals) => {
                for global in globals {
                    mutable += usize::from(global.map_err(unreadable)?.ty.mutable);
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports {
                    let export = export.map_err(unreadable)?;
                    if export.kind == wasmparser::ExternalKind::Table {
                        return Err(format!("exports the table `{}`", export.name));
                    }
                }
            }
            Payload::StartSection { .. } => return Err("has a start function".to_owned()),
            Payload::CodeSectionEntry(body) => {
                for operator in body.get_operators_reader().map_err(unreadable)? {
                    changes(&operator.map_err(unreadable)?)?;
                }
            }
            _ => {}
        }
    }
    if mutable > 1 { Err(format!("has {mutable} mutable globals")) } else { Ok(()) }
}

fn changes(operator: &Operator<'_>) -> Result<(), String> {
    match operator {
        Operator::TableSet { .. }
        | Operator::TableGrow { .. }
        | Operator::TableFill { .. }
        | Operator::TableCopy { .. }
        | Operator::TableInit { .. }
        | Operator::MemoryInit { .. }
        | Operator::DataDrop { .. }
        | Operator::ElemDrop { .. } => Err(format!("has the instruction {operator:?}")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_keeps_anything_beside_its_memory_is_refused_by_what_it_has() {
        let rest = r#"(memory 1) (table 2 funcref) (elem $e func $f) (data $d "x") (func $f)"#;
        for (more, reason) in [
            ("(global (mut i32) (i32.const 0))", None),
            ("(func i32.const 0 i32.const 0 i32.const 9 memory.fill)", None),
            ("(func i32.const 0 table.get 0 drop)", None),
            ("(global (mut i32) (i32.const 0)) (global (mut i32) (i32.const 0))", Some("2 mutable globals")),
            (r#"(export "t" (table 0))"#, Some("exports the table `t`")),
            ("(func i32.const 0 ref.null func table.set 0)", Some("TableSet")),
            ("(func ref.null func i32.const 1 table.grow 0 drop)", Some("TableGrow")),
            ("(func i32.const 0 ref.null func i32.const 1 table.fill 0)", Some("TableFill")),
            ("(func i32.const 0 i32.const 0 i32.const 1 table.copy)", Some("TableCopy")),
            ("(func i32.const 0 i32.const 0 i32.const 1 table.init $e)", Some("TableInit")),
            ("(func i32.const 0 i32.const 0 i32.const 1 memory.init $d)", Some("MemoryInit")),
            ("(func data.drop $d)", Some("DataDrop")),
            ("(func elem.drop $e)", Some("ElemDrop")),
            ("(start $f)", Some("a start function")),
        ] {
            let module = wat::parse_str(format!("(module {rest} {more})")).unwrap();
            let found = check(&module);
            match reason {
                None => assert_eq!(found, Ok(()), "{more}"),
                Some(reason) => assert!(found.clone().unwrap_err().contains(reason), "{more}: {found:?}"),
            }
        }
        let imported = wat::parse_str(r#"(module (import "a" "b" (global (mut i32))))"#).unwrap();
        assert!(check(&imported).unwrap_err().contains("`b`"));
        assert!(check(b"\0asm").is_err());
    }
}
