//! A server of one test: its own port, data folder and workflows.
//!
//! It is stopped by its own process id, whatever becomes of the test; the data folder outlives
//! a kill, so that `restart` finds what a crash leaves.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::{
    Finished, GITHUB_SECRET, Request, Response, Workflow, command, examples, flowcell, poll, wait_until,
};

/// How long a server may take until it listens; a loaded machine is slow.
const READY: Duration = Duration::from_secs(60);

/// How a server is started.
#[derive(Default)]
pub struct Setup {
    workflows: Vec<Workflow>,
    examples: bool,
    variables: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl Setup {
    pub fn workflows(mut self, workflows: impl IntoIterator<Item = Workflow>) -> Self {
        self.workflows.extend(workflows);
        self
    }

    /// With the shipped example workflows, and the secret that one of them needs.
    pub fn with_examples(mut self) -> Self {
        self.examples = true;
        self.variable("GITHUB_WEBHOOK_SECRET", GITHUB_SECRET)
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the server below another program, such as strace.
    pub fn below(mut self, wrapper: impl IntoIterator<Item = String>) -> Self {
        self.wrapper = wrapper.into_iter().collect();
        self
    }

    pub fn start(self) -> TestServer {
        let folder = tempfile::tempdir().unwrap();
        let workflows = folder.path().join("workflows");
        fs::create_dir(&workflows).unwrap();
        if self.examples {
            copy(&examples(), &workflows);
        }
        self.workflows.iter().for_each(|workflow| workflow.write(&workflows));
        let process = Process::start(&self, folder.path());
        TestServer { setup: self, folder, process: Some(process) }
    }
}

/// A running server, or one that was stopped and can be started again.
pub struct TestServer {
    setup: Setup,
    folder: TempDir,
    process: Option<Process>,
}

struct Process {
    child: Child,
    pid: Pid,
    address: SocketAddr,
    /// What it prints after its first line.
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
}

impl Process {
    fn start(setup: &Setup, folder: &Path) -> Self {
        Self::try_start(setup, folder)
            .unwrap_or_else(|refused| panic!("the server does not start: {refused:?}"))
    }

    /// A process that listens, or how it ended.
    fn try_start(setup: &Setup, folder: &Path) -> Result<Self, Finished> {
        let mut command = match setup.wrapper.split_first() {
            None => command::command(),
            Some((program, arguments)) => {
                let plain = command::command();
                let mut wrapped = Command::new(program);
                wrapped.args(arguments).arg(plain.get_program());
                for (name, value) in plain.get_envs() {
                    match value {
                        Some(value) => wrapped.env(name, value),
                        None => wrapped.env_remove(name),
                    };
                }
                wrapped
            }
        };
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("data"));
        command.arg("--workflows").arg(folder.join("workflows"));
        // What a test sets is for its workflows, unless it says otherwise.
        let names = setup.variables.iter().map(|(name, _)| name.as_str());
        command.env("FLOWCELL_ENV_ALLOW", names.collect::<Vec<_>>().join(","));
        // Tests name their server as they like; those of `browsers` say which names it answers to.
        command.env("FLOWCELL_SERVER_HOSTS", "*");
        command.envs(setup.variables.iter().map(|(name, value)| (name, value)));
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();

        let stderr = Arc::new(Mutex::new(String::new()));
        let pipe = child.stderr.take().expect("it is piped");
        let kept = Arc::clone(&stderr);
        let reader = thread::spawn(move || keep(pipe, &kept));

        let (sender, line) = mpsc::channel();
        let mut pipe = BufReader::new(child.stdout.take().expect("it is piped"));
        let stdout = Arc::new(Mutex::new(String::new()));
        let rest = Arc::clone(&stdout);
        thread::spawn(move || {
            let mut line = String::new();
            let _ = pipe.read_line(&mut line);
            let _ = sender.send(line);
            keep(pipe, &rest);
        });
        let line = line.recv_timeout(READY).unwrap_or_default();
        let url = line.trim().strip_prefix("flowcell listens on ");
        let address = url.and_then(|url| url.split_once("://")).and_then(|(_, address)| address.parse().ok());
        let Some(address) = address else {
            let ended = exit_of(&mut child);
            let _ = child.kill();
            let _ = child.wait();
            let _ = reader.join();
            let code = ended.and_then(|status| status.code()).unwrap_or(-1);
            return Err(Finished { code, stdout: line, stderr: stderr.lock().unwrap().clone() });
        };
        let pid = if setup.wrapper.is_empty() { child.id() } else { only_child(child.id()) };
        let pid = Pid::from_raw(pid as i32).expect("a process id is not zero");
        Ok(Self { child, pid, address, stdout, stderr })
    }
}

/// How a process ends that has closed its output.
fn exit_of(child: &mut Child) -> Option<ExitStatus> {
    let deadline = Instant::now() + READY;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

fn keep(mut pipe: impl Read, kept: &Mutex<String>) {
    let mut buffer = [0; 4 << 10];
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        kept.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

/// The process that a wrapper started.
fn only_child(parent: u32) -> u32 {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    children.trim().parse().unwrap_or_else(|_| panic!("one child, not `{children}`"))
}

impl TestServer {
    /// A server with these workflows.
    pub fn start(workflows: impl IntoIterator<Item = Workflow>) -> Self {
        Setup::default().workflows(workflows).start()
    }

    /// A server with the shipped examples.
    pub fn examples() -> Self {
        Setup::default().with_examples().start()
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server was stopped by this test")
    }

    pub fn address(&self) -> SocketAddr {
        self.process().address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    pub fn pid(&self) -> i32 {
        self.process().pid.as_raw_nonzero().get()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn workflows(&self) -> PathBuf {
        self.folder.path().join("workflows")
    }

    /// What it has logged since its last start.
    pub fn stderr(&self) -> String {
        self.process().stderr.lock().unwrap().clone()
    }

    /// What it has printed since its last start, without the line that says where it listens.
    pub fn stdout(&self) -> String {
        self.process().stdout.lock().unwrap().clone()
    }

    /// `VmRSS`, MiB.
    pub fn resident_mib(&self) -> u64 {
        self.memory_mib("VmRSS:")
    }

    /// Forgets the peak of its memory so far.
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid()), "5").unwrap();
    }

    /// `VmHWM`, MiB: the peak since its start, or since [`TestServer::forget_peak`].
    pub fn peak_mib(&self) -> u64 {
        self.memory_mib("VmHWM:")
    }

    fn memory_mib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux tells it");
        line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1_024
    }

    pub fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.child.try_wait().unwrap().is_none())
    }

    /// Asks it to stop, as an init system does.
    pub fn terminate(&self) {
        kill_process(self.process().pid, Signal::TERM).unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut process = self.process.take().expect("the server was stopped by this test");
        let ended = poll("the server ends", 60, || process.child.try_wait().unwrap());
        drop(process);
        ended
    }

    /// SIGTERM, and its exit status.
    pub fn stop(&mut self) -> ExitStatus {
        self.terminate();
        self.wait()
    }

    /// SIGKILL: what a crash or the kernel's memory killer does.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("the server was stopped by this test");
        kill_process(process.pid, Signal::KILL).unwrap();
        process.child.wait().unwrap();
    }

    /// Starts it again on the same data; gives how long that took.
    pub fn restart(&mut self) -> Duration {
        assert!(self.process.is_none(), "stop it first");
        let started = Instant::now();
        self.process = Some(Process::start(&self.setup, self.folder.path()));
        started.elapsed()
    }

    /// As [`TestServer::restart`], for a start that may be refused; then this tells how it ended.
    pub fn try_restart(&mut self) -> Result<(), Finished> {
        assert!(self.process.is_none(), "stop it first");
        self.process = Some(Process::try_start(&self.setup, self.folder.path())?);
        Ok(())
    }

    /// Sends a request that must get a response.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Response {
        request.send(self.address()).unwrap_or_else(|error| panic!("{request:?}: {error}; {}", self.stderr()))
    }

    /// `GET /api/webhooks/<key>`.
    #[track_caller]
    pub fn hook(&self, key: &str) -> Response {
        self.send(&Request::get(&format!("/api/webhooks/{key}")))
    }

    /// `POST /api/webhooks/<key>` with JSON.
    #[track_caller]
    pub fn post(&self, key: &str, body: &Value) -> Response {
        self.send(&Request::post(&format!("/api/webhooks/{key}")).json(body))
    }

    /// Where a command finds this server and its token.
    pub fn place(&self) -> [String; 4] {
        ["--server".to_owned(), self.url(), "--data".to_owned(), self.data().display().to_string()]
    }

    /// `flowcell` with these words, against this server.
    pub fn command(&self, words: &[&str]) -> Finished {
        flowcell(words.iter().map(ToString::to_string).chain(self.place()))
    }

    pub fn token(&self) -> String {
        fs::read_to_string(self.data().join("api-token")).unwrap().trim().to_owned()
    }

    /// A resource of the management API.
    #[track_caller]
    pub fn api(&self, path: &str) -> Value {
        let response =
            self.send(&Request::get(path).header("authorization", &format!("Bearer {}", self.token())));
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.json()
    }

    /// One run whole.
    #[track_caller]
    pub fn run(&self, id: &str) -> Value {
        self.api(&format!("/api/v1/runs/{id}"))
    }

    /// One run, once it has ended.
    #[track_caller]
    pub fn ended_run(&self, id: &str) -> Value {
        poll("the run ends", 60, || Some(self.run(id)).filter(|run| run["finished"].is_string()))
    }

    /// One run, once it waits.
    #[track_caller]
    pub fn waiting_run(&self, id: &str) -> Value {
        poll("the run waits", 60, || Some(self.run(id)).filter(|run| run["status"] == "waiting"))
    }

    /// Asks the management API to do something; `Value::Null` sends no body.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> Response {
        let request = Request::new(method, path).header("authorization", &format!("Bearer {}", self.token()));
        self.send(&if body.is_null() { request } else { request.json(body) })
    }

    /// Every run of a workflow, newest first.
    pub fn runs(&self, key: &str) -> Vec<Value> {
        self.pages(&format!("/api/v1/runs?workflow={key}&limit=500"), "runs")
    }

    /// The request log, newest first.
    pub fn requests(&self) -> Vec<Value> {
        self.pages("/api/v1/requests?limit=500", "requests")
    }

    fn pages(&self, path: &str, items: &str) -> Vec<Value> {
        let mut all = Vec::new();
        let mut before = String::new();
        loop {
            let page = self.api(&format!("{path}{before}"));
            all.extend(page[items].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => before = format!("&before={next}"),
                None => return all,
            }
        }
    }

    /// The newest line of the request log, once the log has `count` lines.
    #[track_caller]
    pub fn newest_request(&self, count: usize) -> Value {
        let lines =
            poll("the request is logged", 20, || Some(self.requests()).filter(|lines| lines.len() >= count));
        assert_eq!(lines.len(), count, "one line a request");
        lines[0].clone()
    }

    /// Does `work` while another client calls the healthy workflow `key`; gives what `work` gave and the
    /// slowest healthy answer.
    #[track_caller]
    pub fn while_healthy<T>(&self, key: &str, work: impl FnOnce() -> T) -> (T, Duration) {
        let address = self.address();
        let done = AtomicBool::new(false);
        let target = format!("/api/webhooks/{key}");
        thread::scope(|scope| {
            let client = scope.spawn(|| {
                let mut slowest = Duration::ZERO;
                while !done.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    let response = Request::get(&target).send(address).expect("a healthy workflow answers");
                    assert_eq!(response.status, 200, "{}", response.text());
                    slowest = slowest.max(started.elapsed());
                    thread::sleep(Duration::from_millis(10));
                }
                slowest
            });
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            done.store(true, Ordering::SeqCst);
            let slowest = client.join().expect("a healthy workflow answers whatever others do");
            match result {
                Ok(value) => (value, slowest),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Waits until its log says so.
    #[track_caller]
    pub fn wait_for_log(&self, text: &str) {
        wait_until(&format!("the log says `{text}`"), 20, || self.stderr().contains(text));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        let _ = kill_process(process.pid, Signal::KILL);
        let _ = process.child.wait();
        if thread::panicking() {
            eprintln!("--- the server's log\n{}", process.stderr.lock().unwrap());
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
