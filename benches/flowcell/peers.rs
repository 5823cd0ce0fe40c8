//! What `scripts/peers/run.py` needs of this program: the load, and where everything is.

use std::{os::unix::process::CommandExt, process::Command, time::Duration};

use crate::{
    PAYLOADS, SECRET,
    load::{self, Sent},
    signed,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// `--peers [ARGUMENT]...`: becomes `scripts/peers/run.py`.
pub fn compare(arguments: &[String]) {
    let own = ["--peers", "--bench"];
    let mut command = Command::new("python3");
    command
        .arg(format!("{ROOT}/scripts/peers/run.py"))
        .args(arguments.iter().skip(1).filter(|argument| !own.contains(&argument.as_str())))
        .env("LOAD", std::env::current_exe().expect("this program"))
        .env("PAYLOAD", format!("{PAYLOADS}/push-2k.json"))
        .env("SECRET", SECRET);
    if std::env::var_os("FLOWCELL").is_none() {
        command.env("FLOWCELL", env!("CARGO_BIN_EXE_flowcell"));
    }
    let error = command.exec();
    eprintln!("python3 cannot be started: {error}");
    std::process::exit(2);
}

/// `--load ADDRESS PATH STATUS CONNECTIONS MILLIS MOST BODY WORKFLOWS`: signed events to one server. `{}` in the path is
/// the number of a workflow, from 0.
///
/// A quarter of the time warms the server up. Then it prints `warm` and waits for a line, so that who started it can look at
/// the server, sends the load that counts, and prints one line of JSON.
pub fn load(arguments: &[String]) {
    let [address, path, status, connections, millis, most, body, workflows] = arguments else {
        eprintln!("usage: --load ADDRESS PATH STATUS CONNECTIONS MILLIS MOST BODY WORKFLOWS");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u64>().expect("a number");
    let connections = usize::try_from(number(connections)).expect("few connections");
    let each = usize::try_from(number(most)).expect("a number of requests").div_ceil(connections);
    let status = status.parse().expect("a status");
    let body = std::fs::read(body).expect("a file");
    let paths = (0..number(workflows)).map(|workflow| path.replace("{}", &workflow.to_string()));
    let request = signed(address, paths, &body, status);
    let time = Duration::from_millis(number(millis));
    let load =
        |time, each| load::run(&load::Load { address: address.clone(), connections, time, each }, &request);
    load(time / 4, each / 4 + 1);
    println!("warm");
    std::io::stdin().read_line(&mut String::new()).expect("a line");
    let Sent { stats, refused } = load(time, each);
    let micros = |part| stats.quantile(part).as_secs_f64() * 1e6;
    let figures = serde_json::json!({
        "count": stats.count(),
        "refused": refused,
        "per_second": stats.per_second(),
        "p50_us": micros(0.5),
        "p99_us": micros(0.99),
    });
    println!("{figures}");
}
