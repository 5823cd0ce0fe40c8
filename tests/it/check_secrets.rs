//! `flowcell check` judges what files say, not what only the server has: secrets, and the variables of its machine.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Workflow, examples, flowcell, root};

/// Every value of `verify` that a page shows.
fn schemes(page: &str) -> Vec<Value> {
    let page = fs::read_to_string(root().join(page)).unwrap();
    let found: Vec<Value> = page
        .match_indices("\"scheme\":")
        .map(|(at, _)| page[..at].rfind('{').expect("a scheme stands in an object"))
        .map(|at| serde_json::Deserializer::from_str(&page[at..]).into_iter().next().unwrap())
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(found.len() > 3);
    found
}

#[test]
fn every_scheme_that_the_docs_show_passes_though_its_secrets_are_not_known() {
    let folder = tempfile::tempdir().unwrap();
    let shown = schemes("docs/signatures.md").into_iter().chain(schemes("docs/handshakes.md"));
    let more = ["RS256", "PS512", "ES384", "EdDSA"].map(|algorithm| {
        json!({ "scheme": "jwt", "algorithm": algorithm, "public_key": "{{$env.KEY_OF_NOBODY}}", "issuer": "i" })
    });
    let ours = [
        json!({ "scheme": "discord", "public_key": "{{$secrets.KEY}}" }),
        json!({ "scheme": "standard", "secret": "whsec_{{$secrets.KEY}}" }),
        json!({ "scheme": "basic", "secret": ["{{$secrets.OLD}}", "{{$env.PAIR_OF_NOBODY}}"] }),
    ];
    let mut arguments = vec!["check".to_owned()];
    for (number, mut verify) in shown.chain(more).chain(ours).enumerate() {
        if verify.get("public_key").is_some_and(|key| key.as_str().is_some_and(|key| key.contains('…'))) {
            verify["public_key"] = "{{$secrets.KEY}}".into();
        }
        let key = format!("w{number}");
        Workflow::script(&key, "return 1").trigger(json!({ "verify": verify })).write(folder.path());
        arguments.push(folder.path().join(&key).display().to_string());
    }
    let checked = flowcell(arguments);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let note = "the trigger reads KEY_OF_NOBODY, which is not set here";
    assert!(checked.stdout.contains(note), "{}", checked.stdout);
}

#[test]
fn what_the_files_themselves_say_wrong_is_still_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            json!({ "scheme": "jwt", "algorithm": "ES256", "public_key": "nonsense", "issuer": "i" }),
            "public_key",
        ),
        (json!({ "scheme": "basic", "secret": ["{{$secrets.A}}", "no-colon"] }), "name:password"),
        (json!({ "scheme": "hmac", "header": "x y", "secret": "{{$env.UNSET_HERE}}" }), "name of a header"),
        (
            json!({ "scheme": "hmac", "header": "x", "secret": "{{$env.UNSET_HERE}}", "signed": "a" }),
            "{body}",
        ),
        (json!({ "scheme": "github", "secret": "{{$context.data.a}}" }), "reads no secret"),
    ];
    for (number, (verify, why)) in cases.into_iter().enumerate() {
        let key = format!("w{number}");
        Workflow::script(&key, "return 1").trigger(json!({ "verify": verify })).write(folder.path());
        let checked = flowcell(["check".into(), folder.path().join(&key)]);
        assert!(checked.code == 1 && checked.stdout.contains(why), "{verify}: {checked:?}");
    }
}

#[test]
fn the_examples_of_a_clean_clone_pass() {
    let checked = flowcell(["check".into(), examples()]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    let note = "note: the trigger reads GITHUB_WEBHOOK_SECRET, which is not set here";
    assert!(checked.stdout.contains(note), "{}", checked.stdout);
}
