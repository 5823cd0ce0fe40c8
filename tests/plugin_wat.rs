//! Plugins written as text, for tests: a core module with the type of our world in it, which an upload makes a component of.
//!
//! Shared by the unit tests of the sandbox and the black-box tests; the texts are our own, and as small as can be.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A plugin whose `run` is a piece of WAT.
pub struct Wat {
    pub name: &'static str,
    pub version: &'static str,
    pub capabilities: &'static [&'static str],
    pub input_schema: Option<&'static str>,
    pub output_schema: Option<&'static str>,
    /// Imports, in WAT.
    pub imports: &'static str,
    /// Functions, tables and data from 4096 on, in WAT.
    pub items: &'static str,
    /// The body of `describe` before it gives its result.
    pub describe: &'static str,
    /// The body of `run`: `$in` and `$len` are the input, the result is that of `$ok` or `$err`.
    pub run: &'static str,
}

impl Wat {
    /// One that gives its input.
    pub const ECHO: Self = Self {
        name: "echo",
        version: "1.0.0",
        capabilities: &[],
        input_schema: None,
        output_schema: None,
        imports: "",
        items: "",
        describe: "",
        run: "(call $ok (local.get $in) (local.get $len))",
    };

    /// The text of the core module.
    pub fn text(&self) -> String {
        let mut data = Data { at: 1_024, segments: String::new() };
        let strings = [self.name, self.version, "A test"].map(|text| data.put(text));
        let mut record = Vec::new();
        for (at, length) in strings {
            record.extend_from_slice(&at.to_le_bytes());
            record.extend_from_slice(&length.to_le_bytes());
        }
        for schema in [self.input_schema, self.output_schema] {
            let (at, length) = data.put(schema.unwrap_or_default());
            record.extend_from_slice(&u32::from(schema.is_some()).to_le_bytes());
            record.extend_from_slice(&at.to_le_bytes());
            record.extend_from_slice(&length.to_le_bytes());
        }
        let mut capabilities = Vec::new();
        for text in self.capabilities {
            let (at, length) = data.put(text);
            capabilities.extend_from_slice(&at.to_le_bytes());
            capabilities.extend_from_slice(&length.to_le_bytes());
        }
        let list = data.put_bytes(&capabilities);
        record.extend_from_slice(&list.0.to_le_bytes());
        record.extend_from_slice(&(self.capabilities.len() as u32).to_le_bytes());
        record.extend_from_slice(&[0; 8]);
        let description = data.put_bytes(&record).0;
        let Self { imports, items, describe, run, .. } = self;
        let segments = data.segments;
        format!(
            r#"(module
  {imports}
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 32768))
  (func $realloc (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $more
        (br_if $enough (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
        (br_if $more (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))
        unreachable))
    (local.get $at))
  (func $ok (param $at i32) (param $len i32) (result i32)
    (i32.store (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (local.get $at))
    (i32.store (i32.const 520) (local.get $len))
    (i32.const 512))
  ;; Copies the error at $error (as an import gave it) into the result.
  (func $err (param $error i32) (result i32)
    (i32.store (i32.const 512) (i32.const 1))
    (memory.copy (i32.const 516) (local.get $error) (i32.const 20))
    (i32.const 512))
  {items}
  (func (export "flowcell:plugin/handler@1.0.0#describe") (result i32)
    {describe}
    (i32.const {description}))
  (func (export "flowcell:plugin/handler@1.0.0#run") (param $in i32) (param $len i32)
      (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i64) (result i32)
    {run})
  {segments}
)"#
        )
    }

    /// The core module, with the type of the world in it.
    pub fn module(&self) -> Vec<u8> {
        embedded(&self.text())
    }
}

struct Data {
    at: u32,
    segments: String,
}

impl Data {
    fn put(&mut self, text: &str) -> (u32, u32) {
        self.put_bytes(text.as_bytes())
    }

    fn put_bytes(&mut self, bytes: &[u8]) -> (u32, u32) {
        let at = self.at.next_multiple_of(8);
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        self.segments.push_str(&format!("(data (i32.const {at}) \"{escaped}\")\n  "));
        self.at = at + bytes.len() as u32;
        (at, bytes.len() as u32)
    }
}

/// A core module's text made binary, with the type of our world in it.
pub fn embedded(text: &str) -> Vec<u8> {
    let mut module = wat::parse_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut resolve = Resolve::default();
    // Of the crate that these tests belong to, some folder around it is the repository.
    let manifest = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wits = manifest.ancestors().map(|folder| folder.join("guest-sdk/wit"));
    let (package, _) = resolve.push_path(wits.find(|wit| wit.is_dir()).unwrap()).unwrap();
    let world = resolve.select_world(&[package], Some("plugin")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    module
}
