//! What a file holds, read without compiling it: the first wall of an upload, and what `plugin inspect` shows.
//!
//! Counts are looked at before anything is built of them. Whether the module is valid is asked later, in the process that
//! compiles it.

use wasmparser::{Encoding, ExternalKind, Parser, Payload, TypeRef};

use super::{
    PluginError,
    bounds::{ELEMENTS, MEMORIES, TABLES},
    imports::{self, Origin},
};
use crate::model::{ByteSize, Limits, PluginKind};

/// The most bytes of a module: those of interpreters that carry a whole language are some 40 MiB.
pub const SIZE_MOST: ByteSize = ByteSize::from_bytes(64 << 20);
/// Functions of all core modules together.
const FUNCTIONS_MOST: u64 = 40_000;
/// Bytes of one function's code.
const BODY_MOST: u64 = 1 << 20;
/// Core modules, instances of them, and components inside.
const PARTS_MOST: u64 = 128;
/// Imports, exports, types and the like, each.
const ITEMS_MOST: u64 = 100_000;
/// How deep components may be inside of components.
const DEPTH_MOST: usize = 16;

/// What a module is, read from its file without running it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The kind of the module, which decides how it is called.
    pub kind: PluginKind,
    /// A core module that becomes a component by what its own custom section says.
    pub embedded: bool,
    /// The size of the file, bytes.
    pub size: u64,
    /// What it imports, each once: interfaces of a component, `module.name` of a command.
    pub imports: Vec<String>,
    /// The names of the exports.
    pub exports: Vec<String>,
    /// Functions of all core modules.
    pub functions: u64,
    /// How many core modules a component has.
    pub modules: u64,
    /// Bytes of memory that it begins with.
    pub memory: u64,
    /// What built it, as its `producers` section says.
    pub producers: Vec<String>,
}

#[derive(Default)]
struct Counts {
    functions: u64,
    modules: u64,
    instances: u64,
    components: u64,
    memories: u64,
    memory: u64,
    tables: u64,
    items: u64,
}

fn within(what: &str, found: u64, most: u64) -> Result<(), PluginError> {
    if found > most { Err(PluginError::TooMany { what: what.to_owned(), found, most }) } else { Ok(()) }
}

fn invalid(error: wasmparser::BinaryReaderError) -> PluginError {
    let why = if error.message().starts_with("unexpected end") {
        format!("it ends too early, at byte {}", error.offset())
    } else {
        error.to_string()
    };
    PluginError::Invalid { why }
}

impl Outline {
    /// Reads a file.
    ///
    /// # Errors
    /// The first thing for which it cannot be a plugin.
    pub fn read(bytes: &[u8]) -> Result<Self, PluginError> {
        let size = bytes.len() as u64;
        if size > SIZE_MOST.as_bytes() {
            return Err(PluginError::TooLarge { size, most: SIZE_MOST });
        }
        begins_right(bytes)?;
        let mut reader = Reader::default();
        for payload in Parser::new(0).parse_all(bytes) {
            reader.take(payload.map_err(invalid)?)?;
        }
        reader.conclude(size)
    }
}

/// Tells what a file is that is none of ours.
fn begins_right(bytes: &[u8]) -> Result<(), PluginError> {
    let text = bytes.trim_ascii_start();
    match bytes {
        [0, b'a', b's', b'm', ..] => Ok(()),
        [0x7f, b'E', b'L', b'F', ..] => Err(PluginError::Precompiled),
        _ if text.starts_with(b"(module") || text.starts_with(b"(component") || text.starts_with(b";;") => {
            Err(PluginError::Text)
        }
        [] => Err(PluginError::NotWasm { found: "nothing, it is empty".to_owned() }),
        _ => {
            let shown = bytes[..bytes.len().min(4)].escape_ascii().to_string();
            Err(PluginError::NotWasm { found: format!("`{shown}`") })
        }
    }
}

#[derive(Default)]
struct Reader {
    encoding: Option<Encoding>,
    depth: usize,
    embedded: bool,
    imports: Vec<(String, Option<String>)>,
    exports: Vec<(String, bool)>,
    producers: Vec<String>,
    counts: Counts,
}

impl Reader {
    fn take(&mut self, payload: Payload<'_>) -> Result<(), PluginError> {
        let counts = &mut self.counts;
        match payload {
            Payload::Version { encoding, .. } => {
                self.encoding.get_or_insert(encoding);
                self.depth += 1;
                within("components inside each other", self.depth as u64, DEPTH_MOST as u64)?;
                match encoding {
                    Encoding::Module => counts.modules += 1,
                    Encoding::Component => counts.components += 1,
                }
                within("core modules", counts.modules, PARTS_MOST)?;
                within("components", counts.components, PARTS_MOST)?;
            }
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            Payload::FunctionSection(section) => {
                counts.functions += u64::from(section.count());
                within("functions", counts.functions, FUNCTIONS_MOST)?;
            }
            Payload::CodeSectionEntry(body) => {
                let range = body.range();
                within("bytes of code in one function", (range.end - range.start) as u64, BODY_MOST)?;
            }
            Payload::MemorySection(section) => {
                counts.memories += u64::from(section.count());
                within("memories", counts.memories, MEMORIES.into())?;
                for memory in section {
                    let memory = memory.map_err(invalid)?;
                    let page = 1_u64 << memory.page_size_log2.unwrap_or(16).min(16);
                    counts.memory = counts.memory.saturating_add(memory.initial.saturating_mul(page));
                }
                within("bytes of memory at its start", counts.memory, Limits::CAP.memory.as_bytes())?;
            }
            Payload::TableSection(section) => {
                counts.tables += u64::from(section.count());
                within("tables", counts.tables, TABLES.into())?;
                for table in section {
                    let elements = table.map_err(invalid)?.ty.initial;
                    within("elements in a table at its start", elements, ELEMENTS as u64)?;
                }
            }
            Payload::InstanceSection(section) => {
                counts.instances += u64::from(section.count());
                within("instances of core modules", counts.instances, PARTS_MOST * 2)?;
            }
            Payload::ComponentInstanceSection(section) => {
                counts.instances += u64::from(section.count());
                within("instances", counts.instances, PARTS_MOST * 2)?;
            }
            Payload::ImportSection(section) => {
                self.items("imports", section.count())?;
                if self.depth == 1 {
                    for import in section.into_imports() {
                        let import = import.map_err(invalid)?;
                        let is_function = matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_));
                        let name = if is_function {
                            import.name.to_owned()
                        } else {
                            format!("{} (no function)", import.name)
                        };
                        self.imports.push((import.module.to_owned(), Some(name)));
                    }
                }
            }
            Payload::ComponentImportSection(section) => {
                self.items("imports", section.count())?;
                if self.depth == 1 {
                    for import in section {
                        self.imports.push((import.map_err(invalid)?.name.name.to_owned(), None));
                    }
                }
            }
            Payload::ExportSection(section) => {
                self.items("exports", section.count())?;
                if self.depth == 1 {
                    for export in section {
                        let export = export.map_err(invalid)?;
                        self.exports.push((export.name.to_owned(), export.kind == ExternalKind::Func));
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                self.items("exports", section.count())?;
                if self.depth == 1 {
                    for export in section {
                        self.exports.push((export.map_err(invalid)?.name.name.to_owned(), false));
                    }
                }
            }
            Payload::TypeSection(section) => self.items("types", section.count())?,
            Payload::GlobalSection(section) => self.items("globals", section.count())?,
            Payload::ElementSection(section) => self.items("element segments", section.count())?,
            Payload::DataSection(section) => self.items("data segments", section.count())?,
            Payload::ComponentTypeSection(section) => self.items("component types", section.count())?,
            Payload::ComponentAliasSection(section) => self.items("aliases", section.count())?,
            Payload::ComponentCanonicalSection(section) => {
                self.items("component functions", section.count())?
            }
            Payload::CustomSection(section) if self.depth == 1 => {
                self.embedded |= section.name().starts_with("component-type");
                if let wasmparser::KnownCustom::Producers(producers) = section.as_known() {
                    self.producers.extend(producers.into_iter().flatten().flat_map(|field| {
                        let values = field.values.into_iter().flatten();
                        values.map(|value| format!("{} {}", value.name, value.version)).collect::<Vec<_>>()
                    }));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn items(&mut self, what: &str, count: u32) -> Result<(), PluginError> {
        self.counts.items += u64::from(count);
        within(what, self.counts.items, ITEMS_MOST)
    }

    fn conclude(self, size: u64) -> Result<Outline, PluginError> {
        let Self { encoding, embedded, imports, exports, producers, counts, .. } = self;
        let is_function = |name: &str| exports.iter().any(|(export, function)| export == name && *function);
        let (kind, embedded) = match encoding {
            Some(Encoding::Component) => (PluginKind::Component, false),
            Some(Encoding::Module) if embedded => (PluginKind::Component, true),
            Some(Encoding::Module) => (PluginKind::Command, false),
            None => return Err(PluginError::Invalid { why: "the file ends before it begins".to_owned() }),
        };
        let origin = match (kind, embedded) {
            (PluginKind::Component, false) => Origin::Component,
            (PluginKind::Component, true) => Origin::Embedded,
            (PluginKind::Command, _) => Origin::Command,
        };
        for (module, name) in &imports {
            imports::allowed(origin, module, name.as_deref())?;
        }
        match origin {
            Origin::Component => imports::exports_the_handler(exports.iter().map(|(name, _)| name.as_str()))?,
            // What its type section says becomes known when it is made a component.
            Origin::Embedded => {}
            Origin::Command => {
                imports::is_a_command(&is_function, exports.iter().any(|(name, _)| name == "memory"))?
            }
        }
        let mut named: Vec<String> = imports
            .into_iter()
            .map(|(module, name)| name.map_or_else(|| module.clone(), |name| format!("{module}.{name}")))
            .collect();
        named.dedup();
        Ok(Outline {
            kind,
            embedded,
            size,
            imports: named,
            exports: exports.into_iter().map(|(name, _)| name).collect(),
            functions: counts.functions,
            modules: counts.modules,
            memory: counts.memory,
            producers,
        })
    }
}
