//! Folders are written whole, byte for byte, and nowhere else.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::folder::{Missing, read_below};

fn bundle(workflow: &str, files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    Bundle { workflow: workflow.to_owned(), files }
}

fn key() -> WorkflowKey {
    "a".parse().unwrap()
}

fn names_below(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            names.extend(names_below(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

#[test]
fn a_folder_is_made_changed_and_left_without_a_trace_of_the_writing() {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("workflows");
    let first = bundle("{}", &[("main.js", "1"), ("lib/x.ts", "2"), ("old/deep/y.js", "3")]);
    bring(&place, &key(), None, &first).unwrap();
    assert_eq!(read_below(&place, Path::new("a")).unwrap(), first);
    fs::write(place.join("a/notes.txt"), "mine").unwrap();
    fs::set_permissions(place.join("a/main.js"), fs::Permissions::from_mode(0o640)).unwrap();
    let second = bundle("{ }", &[("main.js", "1b"), ("lib/x.ts", "2"), ("new/z.js", "4")]);
    bring(&place, &key(), Some(&first), &second).unwrap();
    assert_eq!(read_below(&place, Path::new("a")).unwrap(), second);
    assert_eq!(
        names_below(&place.join("a")),
        ["lib/x.ts", "main.js", "new/z.js", "notes.txt", "workflow.json"]
    );
    assert_eq!(fs::metadata(place.join("a/main.js")).unwrap().permissions().mode() & 0o777, 0o640);
    // Once more changes nothing.
    bring(&place, &key(), Some(&first), &second).unwrap();
    assert_eq!(read_below(&place, Path::new("a")).unwrap(), second);
}

#[test]
fn what_was_cut_off_after_any_file_is_brought_to_its_end() {
    let first = bundle("{}", &[("a.js", "1"), ("b.js", "1"), ("gone.js", "1")]);
    let second = bundle("{ }", &[("a.js", "2"), ("b.js", "2"), ("new.js", "2")]);
    let count = changes(Some(&first), &second).len();
    assert_eq!(count, 5);
    for done in 0..=count {
        let root = tempfile::tempdir().unwrap();
        bring(root.path(), &key(), None, &first).unwrap();
        for change in changes(Some(&first), &second).into_iter().take(done) {
            let path = root.path().join("a").join(change.name);
            match change.after {
                Some(text) => fs::write(path, text).unwrap(),
                None => fs::remove_file(path).unwrap(),
            }
        }
        fs::write(root.path().join("a/.a.js.flowcell-tmp"), "hal").unwrap();
        bring(root.path(), &key(), Some(&first), &second).unwrap();
        assert_eq!(read_below(root.path(), Path::new("a")).unwrap(), second, "after {done}");
    }
}

#[test]
fn a_file_that_somebody_else_has_changed_stops_it_before_anything_is_written() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) =
        (bundle("{}", &[("a.js", "1"), ("b.js", "1")]), bundle("{ }", &[("a.js", "2"), ("b.js", "2")]));
    bring(root.path(), &key(), None, &first).unwrap();
    fs::write(root.path().join("a/b.js"), "theirs").unwrap();
    let before = read_below(root.path(), Path::new("a")).unwrap();
    let error = bring(root.path(), &key(), Some(&first), &second).unwrap_err();
    assert!(matches!(&error, WriteError::Foreign { path } if path.ends_with("a/b.js")), "{error}");
    assert_eq!(read_below(root.path(), Path::new("a")).unwrap(), before);
}

#[test]
fn s_nothing_is_written_through_a_link() {
    let root = tempfile::tempdir().unwrap();
    let (place, outside) = (root.path().join("workflows"), root.path().join("outside"));
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("x.js"), "1").unwrap();
    let first = bundle("{}", &[("x.js", "1")]);
    let second = bundle("{}", &[("x.js", "2")]);
    bring(&place, &key(), None, &first).unwrap();
    fs::remove_file(place.join("a/x.js")).unwrap();
    symlink("../../outside/x.js", place.join("a/x.js")).unwrap();
    let told = bring(&place, &key(), Some(&first), &second).unwrap_err().to_string();
    assert!(told.ends_with("a/x.js is a link"), "{told}");
    let third = bundle("{}", &[("in/x.js", "3")]);
    symlink("../../outside", place.join("a/in")).unwrap();
    assert!(matches!(bring(&place, &key(), None, &third), Err(WriteError::ReadOnly(_))));
    symlink("a", place.join("b")).unwrap();
    assert!(matches!(bring(&place, &"b".parse().unwrap(), None, &third), Err(WriteError::ReadOnly(_))));
    assert_eq!(fs::read_to_string(outside.join("x.js")).unwrap(), "1");
    assert_eq!(names_below(&outside), ["x.js"]);
}

#[test]
fn only_what_would_be_read_again_fits() {
    let long = "x".repeat(20 << 20);
    let cases: [(&str, &str, &str); 12] = [
        ("main.js", "return 1", ""),
        ("lib/x.ts", "export {}", ""),
        ("../x.js", "", "not read"),
        ("/x.js", "", "not read"),
        ("a//x.js", "", "not read"),
        (".git/x.js", "", "not read"),
        ("a\\x.js", "", "not read"),
        ("fixtures/x.js", "", "not read"),
        ("node_modules/x.js", "", "not read"),
        ("notes.txt", "", "no code"),
        ("unused.json", "{}", "no code imports it"),
        ("main.js", &long, "together"),
    ];
    for (name, text, part) in cases {
        match fits(&bundle("{}", &[(name, text)])) {
            Ok(()) => assert_eq!(part, "", "{name} fits"),
            Err(told) => assert!(!part.is_empty() && told.contains(part), "{name}: {told}"),
        }
    }
    let imported = bundle("{}", &[("main.js", "import x from './x.json'"), ("x.json", "1")]);
    assert_eq!(fits(&imported), Ok(()));
    assert!(fits(&bundle("\u{feff}{}", &[])).unwrap_err().contains("byte order mark"));
}

#[test]
fn text_of_windows_keeps_its_encoding() {
    let root = tempfile::tempdir().unwrap();
    let (first, second) = (bundle("{}", &[("a.js", "1")]), bundle("{ }", &[("a.js", "2")]));
    bring(root.path(), &key(), None, &first).unwrap();
    fs::write(root.path().join("a/a.js"), b"\xff\xfe1\0").unwrap();
    fs::write(root.path().join("a/workflow.json"), b"\xef\xbb\xbf{}").unwrap();
    bring(root.path(), &key(), Some(&first), &second).unwrap();
    assert_eq!(fs::read(root.path().join("a/a.js")).unwrap(), b"\xff\xfe2\0");
    assert_eq!(fs::read(root.path().join("a/workflow.json")).unwrap(), b"\xef\xbb\xbf{ }");
}

#[test]
fn a_library_from_beside_the_folder_is_left_there() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("libraries")).unwrap();
    fs::write(root.path().join("libraries/day.js"), "export default 1").unwrap();
    let import = "import day from 'day'";
    bring(root.path(), &key(), None, &bundle("{}", &[("main.js", import)])).unwrap();
    let first = read_below(root.path(), Path::new("a")).unwrap();
    assert!(first.files.contains_key("libraries/day.js"));
    // Not used any more: the shared one stays.
    let second = bundle("{}", &[("main.js", "1")]);
    bring(root.path(), &key(), Some(&first), &second).unwrap();
    assert!(root.path().join("libraries/day.js").exists());
    // Changed for this workflow alone: it gets one of its own.
    let mut third = first.clone();
    third.files.insert("libraries/day.js".to_owned(), "export default 2".to_owned());
    bring(root.path(), &key(), Some(&second), &third).unwrap();
    assert_eq!(read_below(root.path(), Path::new("a")).unwrap(), third);
    assert_eq!(fs::read_to_string(root.path().join("libraries/day.js")).unwrap(), "export default 1");
}

#[test]
fn a_folder_with_the_mark_is_left_alone_until_it_goes() {
    let root = tempfile::tempdir().unwrap();
    bring(root.path(), &key(), None, &bundle("{}", &[])).unwrap();
    let found = || crate::folder::workflows_in(root.path(), Missing::Wrong).unwrap().len();
    assert_eq!(found(), 1);
    ignore(root.path(), &key()).unwrap();
    assert_eq!(found(), 0);
    notice(root.path(), &key()).unwrap();
    notice(root.path(), &key()).unwrap();
    assert_eq!(found(), 1);
    let absent = root.path().join("none");
    assert!(crate::folder::workflows_in(&absent, Missing::Wrong).is_err());
    assert_eq!(crate::folder::workflows_in(&absent, Missing::Allowed).unwrap(), Vec::<PathBuf>::new());
}

#[test]
fn a_folder_that_may_not_be_written_is_told_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    bring(root.path(), &key(), None, &bundle("{}", &[])).unwrap();
    let folder = root.path().join("a");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    let probed = writable(root.path(), &key(), ["new/x.js"]);
    // Whoever is root may write everywhere.
    if rustix::process::geteuid().is_root() {
        probed.unwrap();
    } else {
        let error = probed.unwrap_err();
        assert!(matches!(&error, WriteError::ReadOnly(why) if why.contains("may not be written")), "{error}");
    }
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    writable(root.path(), &key(), ["new/x.js", "main.js"]).unwrap();
    assert_eq!(names_below(&folder), ["workflow.json"]);
}
