//! `scripts/package` makes what an operator installs: whole, with a hardened unit.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::support::{flowcell_command, root};

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

fn made(folder: &Path, end: &str) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.to_str().unwrap().ends_with(end)).unwrap_or_else(|| panic!("no {end}"))
}

#[test]
fn a_package_holds_the_binary_its_pages_the_unit_and_the_settings() {
    let out = tempfile::tempdir().unwrap();
    let binary = flowcell_command().get_program().to_owned();
    output(
        Command::new("bash")
            .arg(root().join("scripts/package"))
            .args(["--quick", "--binary"])
            .arg(&binary)
            .arg(out.path()),
    );

    let deb = made(out.path(), ".deb");
    let inside = output(Command::new("dpkg-deb").arg("-c").arg(&deb));
    for file in [
        "./usr/bin/flowcell\n",
        "./lib/systemd/system/flowcell.service\n",
        "./etc/flowcell/flowcell.toml\n",
        "./etc/flowcell/workflows/\n",
        "./usr/share/man/man1/flowcell-runs-list.1.gz\n",
        "./usr/share/bash-completion/completions/flowcell\n",
    ] {
        assert!(inside.contains(&format!(" {file}")), "{file:?} is missing in\n{inside}");
    }
    assert!(!inside.contains(" ./var/"), "the data folder is the unit's");
    let control = out.path().join("control");
    output(Command::new("dpkg-deb").arg("-e").arg(&deb).arg(&control));
    assert_eq!(fs::read_to_string(control.join("conffiles")).unwrap(), "/etc/flowcell/flowcell.toml\n");
    for script in ["postinst", "prerm", "postrm"] {
        output(Command::new("sh").arg("-n").arg(control.join(script)));
        let text = fs::read_to_string(control.join(script)).unwrap();
        assert!(!text.contains("rm -r"), "{script} deletes nothing that was received");
    }

    let folder = out.path().join("unpacked");
    fs::create_dir(&folder).unwrap();
    output(
        Command::new("tar")
            .arg("-xzf")
            .arg(made(out.path(), ".tar.gz"))
            .arg("-C")
            .arg(&folder)
            .arg("--strip-components=1"),
    );
    let version = output(Command::new(folder.join("bin/flowcell")).arg("--version"));
    assert!(version.starts_with("flowcell "), "{version}");
    for file in
        ["Dockerfile", "flowcell.service", "flowcell.toml", "man/man1/flowcell.1", "completions/flowcell.zsh"]
    {
        assert!(folder.join(file).is_file(), "{file}");
    }
    // The settings that are installed are settings.
    let wrong = output_of_serve(&folder.join("flowcell.toml"));
    assert!(wrong.contains("/etc/flowcell/workflows") || wrong.contains("/var/lib/flowcell"), "{wrong}");
}

/// What the server says to the settings of a machine where it is not installed.
fn output_of_serve(settings: &Path) -> String {
    let done = flowcell_command()
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(settings)
        .args(["--workflows", "/etc/flowcell/workflows-that-are-not-there"])
        .output()
        .unwrap();
    assert_eq!(done.status.code(), Some(2));
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// A minimal Debian has a shell, and no `kill` of procps.
#[test]
fn the_unit_runs_nothing_but_the_server_and_the_shell() {
    let unit = fs::read_to_string(root().join("docs/production/flowcell.service")).unwrap();
    let commands: Vec<_> = unit
        .lines()
        .filter_map(|line| line.strip_prefix("Exec")?.split_once('='))
        .map(|(name, command)| (name, command.split(' ').next().unwrap()))
        .collect();
    assert_eq!(commands, [("Start", "/usr/bin/flowcell"), ("Reload", "/bin/sh")]);
}

#[test]
fn the_unit_is_hardened() {
    let unit = root().join("docs/production/flowcell.service");
    let Ok(done) = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&unit)
        .output()
    else {
        println!("skipped: there is no systemd-analyze here");
        return;
    };
    let told = String::from_utf8_lossy(&done.stdout);
    let line = told.lines().find(|line| line.contains("Overall exposure level")).expect("it rates the unit");
    let rating: f64 = line.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!(rating < 3.0, "{line}");
    let warned = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(warned, "", "systemd understands every line");
}
