//! What `scripts/peers/run.py` needs of this program: the load, and where everything is.

use std::{
    os::unix::process::CommandExt,
    process::Command,
    time::{Duration, Instant},
};

use crate::{PAYLOADS, SECRET, load, payload, signed};

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

/// `--load ADDRESS PATH STATUS CONNECTIONS MILLIS MOST`: signed events to one server; prints one line of JSON.
/// A quarter of the time before that warms the server up.
pub fn load(arguments: &[String]) {
    let [address, path, status, connections, millis, most] = arguments else {
        eprintln!("usage: --load ADDRESS PATH STATUS CONNECTIONS MILLIS MOST");
        std::process::exit(2);
    };
    let number = |text: &String| text.parse::<u64>().expect("a number");
    let connections = usize::try_from(number(connections)).expect("few connections");
    let each = usize::try_from(number(most)).expect("a number of requests").div_ceil(connections);
    let status = status.parse().expect("a status");
    let request = signed(address, path, &payload("push-2k.json"), &[status]);
    let time = Duration::from_millis(number(millis));
    let load =
        |time, each| load::run(&load::Load { address: address.clone(), connections, time, each }, &request);
    load(time / 4, each / 4 + 1);
    let started = Instant::now();
    let stats = load(time, each);
    let micros = |part| stats.quantile(part).as_secs_f64() * 1e6;
    println!(
        "{{\"count\":{},\"per_second\":{:.1},\"p50_us\":{:.1},\"p99_us\":{:.1},\"seconds\":{:.2}}}",
        stats.count(),
        stats.per_second(),
        micros(0.5),
        micros(0.99),
        started.elapsed().as_secs_f64()
    );
}
